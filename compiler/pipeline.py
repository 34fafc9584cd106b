"""The stages on one screen: text to tree to graphs to tables.

    source -> parse -> elaborate -> (joint graph) -> optimise -> schedule + emit -> Program

`compile_source` and `compile_file` run all of it; `Compilation` keeps what each stage made, so that
every stage can be printed.  A graph is optimised and scheduled when its entry is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from gradc_compiler.derived_program import derived_program
from gradc_compiler.diagnostics.caller_input import (
    checked_precision,
    file_of,
    passes_of,
    settings_of,
    short_traceback,
    text_of,
)
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.elaborate import Module, elaborate
from gradc_compiler.elaborate.models.settings import PRECISIONS, SINGLE
from gradc_compiler.entry_maker import EntryMaker, placed
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.lazy import Lazy, collected_later
from gradc_compiler.loops.loop_passes import OPTIONAL_LOOP_PASSES
from gradc_compiler.program.program import Program, Training, TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import FORMER
from gradc_compiler.rewrites.table import INEXACT, optimise
from gradc_compiler.rewrites.table import OPTIONAL as OF_GRAPHS
from gradc_compiler.syntax.grammar.tree import File
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_compiler.transform.state_adjoints import adjoints_of_states
from gradc_compiler.warnings import warnings_of
from gradc_compiler.whole_step.step_passes import STEP_PASSES

OPTIONAL = (*OF_GRAPHS, *OPTIONAL_LOOP_PASSES, *STEP_PASSES)  # what can be switched off


@dataclass(frozen=True)
class Compilation:
    """One spec on its way through the stages."""

    source: Source
    tree: File
    module: Module
    without: frozenset[str]
    graphs: Mapping[str, Graph] = field(repr=False)  # joint graphs, by entry
    optimised: Mapping[str, Graph] = field(repr=False)
    program: Program = field(repr=False)


@short_traceback
def compile_source(
    text: str,
    name: str = "spec.nn",
    *,
    directory: str | Path = ".",
    overrides: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
    exact: bool = False,
    precision: str | None = None,
) -> Program:
    """Compile a spec given as text; raises `CompileError` with every diagnostic.

    `overrides` replaces settings of `train` (`{"batch": 64, "lr": 1e-4, "data": "mnist()"}`);
    `without` switches optimisations off by name (see `OPTIONAL`), `exact` those that are not exact;
    `precision` is "float32", "tf32" or "bf16", where not what the spec says is wanted.
    """
    source = Source(name, text_of(text))
    return compilation(source, directory, overrides, without, exact, precision).program


@short_traceback
def compile_file(
    path: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
    exact: bool = False,
    precision: str | None = None,
) -> Program:
    """Compile a `.nn` file; as `compile_source`, and E0101 where there is none to read."""
    path = file_of(path)
    source = read_source(path)
    return compilation(source, path.parent, overrides, without, exact, precision).program


def compilation(
    source: Source,
    directory: str | Path,
    overrides: Mapping[str, Any] | None,
    without: Collection[str] = (),
    exact: bool = False,
    precision: str | None = None,
) -> Compilation:
    """Run the stages, keeping what each made."""
    without, overrides = passes_of(without, OPTIONAL, FORMER), settings_of(overrides)
    precision = checked_precision(precision, PRECISIONS)
    with collected_later():
        tree = parse(source)
        module = elaborate(tree, source, directory=Path(directory), overrides=overrides)
    if exact or (module.train and module.train.settings.get("exact")):
        without |= {*INEXACT}
    return _in_precision(source, tree, module, without, precision or precision_of(module))


def precision_of(module: Module) -> str:
    """The precision that the spec asks for."""
    bits = module.train.settings.get("precision", 32) if module.train else 32
    return next(name for name, number in PRECISIONS.items() if number == bits)


def _in_precision(
    source: Source, tree: File, module: Module, without: frozenset[str], precision: str
) -> Compilation:
    """The stages after elaboration, with the operands of products rounded or not."""
    rounded = module if precision == SINGLE else module.rounded(precision)
    makers = _graph_makers(rounded)
    graphs = Lazy(makers, lambda key: makers[key]())
    made = _lowered(source, tree, rounded, without, graphs, precision)

    @cache
    def again(other: str) -> Program:
        return _in_precision(source, tree, module, without, other).program

    return replace(made, program=replace(made.program, remade=again))


def switched(made: Compilation, without: Collection[str]) -> Compilation:
    """The same spec with other optimisations switched off; its graphs are not made again."""
    names, precision = passes_of(without, OPTIONAL, FORMER), made.program.precision
    return _lowered(made.source, made.tree, made.module, names, made.graphs, precision)


def _lowered(
    source: Source, tree: File, module: Module, without: frozenset[str],
    graphs: Mapping[str, Graph], precision: str,
) -> Compilation:  # fmt: skip
    """The stages after the joint graphs."""
    optimised = Lazy(graphs, lambda key: optimise(graphs[key], without))
    program = _bare_program(source, module, precision)
    program = replace(program, derive=partial(derived_program, program, module, without))
    offsets = {p.name: p.offset for p in program.persistents}
    maker = EntryMaker(module, graphs, optimised, offsets)
    program = maker.on_all_targets(program, without)
    return Compilation(source, tree, module, without, graphs, optimised, program)


def _bare_program(source: Source, module: Module, precision: str) -> Program:
    """The program without its entries."""
    persistents, words = placed(module.persistents())
    return Program(
        name=module.name,
        source=source.text,
        persistents=persistents,
        persistent_words=words,
        models={m: f"forward/{m}" for m in module.models},
        entries={},
        data=tuple(module.data),
        training=_training(module),
        evaluate=evaluate,
        precision=precision,
        inputs={m: dict(s.inputs) for m, s in module.models.items()},
        outputs={m: dict(s.outputs) for m, s in module.models.items()},
        look=cache(partial(warnings_of, module)),
    )


def _graph_makers(module: Module) -> dict[str, Callable[[], Graph]]:
    """How each entry's graph is made: a forward pass of every model, and four of a step."""
    makers: dict[str, Callable[[], Graph]] = {
        f"forward/{m}": partial(module.forward, m) for m in module.models
    }
    for step in module.train.steps if module.train else ():
        makers[f"step/{step.name}"] = partial(module.step, step.name)
        makers[f"gradients/{step.name}"] = partial(module.gradients, step.name)
        makers[f"evaluate/{step.name}"] = partial(module.evaluate, step.name)
        if step.predicted:
            makers[f"predict/{step.name}"] = partial(module.predict, step.name)
        if (gradients := module.gradients(step.name)).carries:
            makers[f"adjoints/{step.name}"] = partial(adjoints_of_states, gradients)
    return makers


def _training(module: Module) -> Training | None:
    if module.train is None:
        return None
    steps = tuple(
        TrainStep(
            name=s.name,
            entry=f"step/{s.name}",
            gradients=f"gradients/{s.name}",
            evaluate=f"evaluate/{s.name}",
            loss="loss",
            reports=tuple(s.reports),
            over=tuple(s.over),
            adjoints=f"adjoints/{s.name}" if module.gradients(s.name).carries else None,
            schedules=s.schedules,
            using=s.using,
            predict=f"predict/{s.name}" if s.predicted else None,
            predicted=s.predicted,
        )
        for s in module.train.steps
    )
    done = ("exact", "precision")  # by now
    settings = {n: v for n, v in module.train.settings.items() if n not in done}
    return Training(data=module.train.data, steps=steps, settings=settings)
