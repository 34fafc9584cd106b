"""Elaboration from end to end: names, data, forward passes, training, first values."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path as FilePath

from gradc_compiler.diagnostics.source import Source, Span
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.expressions.declarations import (
    Fields,
    check_names,
    data_fields,
    data_source,
)
from gradc_compiler.elaborate.models.let_constants import (
    check_lets,
    evaluate_lets,
    require_one_meaning,
)
from gradc_compiler.elaborate.models.models import Forward, forward, free_sizes, generic
from gradc_compiler.elaborate.models.module import Module, StepGraphs, TrainInfo
from gradc_compiler.elaborate.models.open_sizes import check_open
from gradc_compiler.elaborate.models.settings import override_settings
from gradc_compiler.elaborate.names.imports import load_imports
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.problems import (
    LimitExceeded,
    SpecError,
    diagnose,
    did_you_mean,
    too_deep,
)
from gradc_compiler.elaborate.names.registry import PersistentSpec
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Defined
from gradc_compiler.elaborate.parameters.sampling import initial_spec
from gradc_compiler.elaborate.training.train_block import build_step
from gradc_compiler.elaborate.training.train_plan import head_span, plans
from gradc_compiler.elaborate.training.validation import validation_of
from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_compiler.syntax.grammar.tree import File, Train

FRAMES = 20_000  # of Python's own stack: limits.DEPTH layers of the deepest tree


def elaborate(
    file: File,
    source: Source,
    *,
    directory: FilePath | None,
    overrides: Mapping[str, object] | None = None,
) -> Module:
    """The meaning of a file; raises `CompileError` with all that is wrong with it."""
    unit = SourceModule.of(source, file)
    session = ElaborationContext(unit, directory or FilePath("."), overrides or {})
    module, imports = None, list[SourceModule]()
    try:
        with _deep_stack():
            imports = load_imports(file, unit, directory, session.problems)
            for read in (unit, *imports):
                check_names(read, session)
                check_lets(read, session)
            evaluate_lets((unit, *imports), session)
            module = _module(file, session)
    except LimitExceeded as stop:
        if stop.diagnostic is not None:
            session.problems.add(stop.diagnostic)
    session.problems.raise_any(source.name)
    assert module is not None, "a file without problems has a module"
    return replace(module, imports=tuple(other.source for other in imports))


@contextmanager
def _deep_stack() -> Iterator[None]:
    """Room for layers within layers; Python frames of Python functions lie on the heap."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _module(file: File, session: ElaborationContext) -> Module | None:
    unit = session.unit
    models = {d.definition.name: d for d in unit.models()}
    fields = {name: data_fields(data, session) for name, data in unit.data.items()}
    known = {n: forward(d, session) for n, d in models.items() if not free_sizes(d, session)}
    steps, train = _train(unit.trains[0], fields, session) if unit.trains else ({}, None)
    if not unit.trains:
        _require_known(file, session)
    for name, defined in models.items():
        if name not in known and name in session.applied:
            known[name] = forward(defined, session)
    open_models = {n: d for n, d in models.items() if n not in known}
    for defined in open_models.values():
        check_open(defined, free_sizes(defined, session), session)
    used = unit.trains[0].data.name if unit.trains else ""
    sources = [
        data_source(data, found, name == used, session)
        for name, data in unit.data.items()
        if (found := fields[name]) is not None
    ]
    specs = [initial_spec(d) for d in list(session.registry.declared.values())]
    if session.problems.found:
        return None
    return _assemble(session, known, open_models, sources, specs, steps, train, file.span)


def _require_known(file: File, session: ElaborationContext) -> None:
    """E0408 for what is set from outside and names no constant of a file that trains nothing."""
    start = replace(file.span, end=file.span.start)
    try:
        _set_from_outside({}, start, session, session.scope(session.run(), ""))
    except SpecError as fault:
        session.problems.add(fault.diagnostic)


def _set_from_outside(
    settings: dict[str, float], span: Span, session: ElaborationContext, scope: Scope
) -> None:
    """Put the settings that are given from outside in place, once all of the spec is right."""
    if not session.problems.found:
        require_one_meaning(session, scope, span)
        override_settings(settings, span, session, scope)


def _assemble(
    session: ElaborationContext,
    known: Mapping[str, Forward | None],
    open_models: Mapping[str, Defined],
    sources: list[DataSource | None],
    specs: list[PersistentSpec | None],
    steps: Mapping[str, StepGraphs],
    train: TrainInfo | None,
    span: Span,
) -> Module:
    graphs = {name: pair for name, pair in known.items() if pair is not None}
    data = {source.name: source for source in sources if source is not None}
    if train is not None and train.validation is not None:
        data[train.data] = replace(data[train.data], validation=data.get(train.validation))
    found = [s for s in specs if s is not None]
    return Module(
        name=FilePath(session.unit.source.name).stem,
        unit=session.unit,
        parameters=tuple(s for s in found if s.role != "optimizer"),
        optimizer_states=tuple(s for s in found if s.role == "optimizer"),
        counters=tuple(_counter(name, span) for name in ("step", "seed")),
        tables=tuple(session.registry.tables),
        models={name: signature for name, (_, signature, _) in graphs.items()},
        data=tuple(data.values()),
        train=train,
        forwards={name: graph for name, (graph, _, _) in graphs.items()},
        notes={name: notes for name, (_, _, notes) in graphs.items()},
        steps=steps,
        generic={name: generic(d, free_sizes(d, session)) for name, d in open_models.items()},
    )


def _counter(name: str, span: Span) -> PersistentSpec:
    builder = Builder(span=span)
    zero = builder.constant(0.0)
    return PersistentSpec(
        name=name,
        type=TensorType((), Kind.INDEX),
        role="counter",
        initial=builder.graph({"value": zero.id}),
        span=span,
    )


def _train(
    train: Train, fields: Mapping[str, Fields | None], session: ElaborationContext
) -> tuple[dict[str, StepGraphs], TrainInfo | None]:
    columns = _columns(train, fields, session)
    if columns is None:
        return {}, None
    scope = session.scope(session.run(), "train")
    try:
        built = [(p, build_step(p, session)) for p in plans(train, columns, scope)]
        settings: dict[str, float] = {}
        for _, made in built:
            settings.update(made[2].settings if made is not None else {})
        validated = validation_of(train, fields, scope)
        _set_from_outside(settings, head_span(train), session, scope)
    except RecursionError:
        session.problems.add(too_deep(head_span(train)).diagnostic)
        return {}, None
    except SpecError as fault:
        session.problems.add(fault.diagnostic)
        return {}, None
    made_steps = [made for _, made in built if made is not None]
    trained = tuple(step for _, step, _ in made_steps)
    info = TrainInfo(data=train.data.name, settings=settings, steps=trained, validation=validated)
    return {step.name: graphs for graphs, step, _ in made_steps}, info


def _columns(
    train: Train, fields: Mapping[str, Fields | None], session: ElaborationContext
) -> Fields | None:
    """The columns of the data that a block trains on; None after an error in their declaration."""
    name = train.data.name
    if name not in fields:
        hint = did_you_mean(name, fields) or f'data {name}(...) = csv("{name}.csv")'
        message = f"there is no data `{name}`"
        session.problems.add(diagnose("E0608", message, train.data.span, hint=hint))
    return fields.get(name)
