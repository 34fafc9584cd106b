"""What `gradc diff` does: are two specs the same mathematics, and if not, where do they differ?

Parameters and shapes are compared by name and type, values and gradients first as graphs and then
by numbers.  Names, the size of a graph and what it costs may differ between two spellings of the
same: they are told, and do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.models.settings import in_words
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.study.line_costs import line_costs
from gradc_runtime.cli.actions.cost import KINDS, WIDTH, in_all
from gradc_runtime.cli.actions.diagnostics import show as show_diagnostics
from gradc_runtime.cli.actions.diff_outputs import given_once, values
from gradc_runtime.cli.actions.diff_report import DiffFinding, data_of, few, show
from gradc_runtime.cli.actions.diff_sides import (
    DiffSide,
    GraphPair,
    Matched,
    matched,
    pair_of,
    times_of,
)
from gradc_runtime.cli.actions.diff_values import Start
from gradc_runtime.cli.actions.output import counted, write, write_json

EQUAL, DIFFERENT, TROUBLE = 0, 1, 2  # exit codes, as those of diff(1)


def diff(specs: tuple[Path, Path], given: Mapping[str, Any]) -> int:
    """Compare two specs; 0 where they are equal, 1 where they differ, 2 for one that is wrong."""
    try:
        sides = DiffSide.of(specs[0], given), DiffSide.of(specs[1], given)
    except CompileError as fault:
        show_diagnostics(fault.diagnostics, as_json=given["as_json"])
        return TROUBLE
    found = [*findings(sides, given["seed"] or 0)]
    equal = not any(one.differs for one in found)
    if given["as_json"]:
        write_json({"equal": equal, "findings": [data_of(one) for one in found]})
    else:
        show(found, sides)
        names = f"{sides[0].name} and {sides[1].name}"
        write(f"{names} are equal" if equal else f"{names} differ")
    return EQUAL if equal else DIFFERENT


def findings(sides: tuple[DiffSide, DiffSide], seed: int) -> Iterator[DiffFinding]:
    """Everything that is compared, in order."""
    a, b = sides
    own = matched(a.persistents, b.persistents)
    models, steps = matched(a.models, b.models), matched(a.steps, b.steps)
    fields = matched(a.fields, b.fields)
    yield from parameters(sides, own)
    yield from shapes(sides, models, fields)
    trained = {name for name, (role, _) in a.persistents.items() if role == "parameter"}
    start = Start(dict(a.session.memory.views), trained)
    for one, other in models.pairs.items():
        names, times = signature_names(sides, one, other)
        keys = f"forward/{one}", f"forward/{other}"
        graphs, less = sides_of(sides, "graphs", keys), sides_of(sides, "optimised", keys)
        pair = pair_of(graphs, f"model {one}", {**own.back, **names}, times, less)
        yield from values(same_results(pair), start, seed)
    times = times_of(a.fields, b.fields, fields)
    for one, other in steps.pairs.items():
        graphs = a.made.module.training(one), b.made.module.training(other)
        pair = pair_of(graphs, f"step {one}", {**own.back, **fields.back}, times)
        yield from values(pair, start, seed)
        yield from given_once(pair)
        yield from training(sides, one, other)
        yield from costs(sides, (f"gradients/{one}", f"gradients/{other}"), one)
    yield from (alone("training", "step", steps))


def sides_of(
    sides: tuple[DiffSide, DiffSide], kind: str, keys: tuple[str, str]
) -> tuple[Graph, Graph]:
    """An entry's graphs on both sides."""
    a, b = (getattr(side.made, kind)[key] for side, key in zip(sides, keys, strict=True))
    return a, b


def parameters(sides: tuple[DiffSide, DiffSide], own: Matched) -> Iterator[DiffFinding]:
    """Names, shapes and first values of what is trained, and of layers' states."""
    a, b = (side.persistents for side in sides)
    yield from alone("parameters", "", own)
    for one, other in own.pairs.items():
        if a[one] != b[other]:
            said = f"{a[one][0]} {a[one][1]}, and {b[other][0]} {b[other][1]}"
            yield DiffFinding(part="parameters", about=one, said=said, differs=True)
    yield from renamed("parameters", own)
    firsts = [
        one
        for one, other in own.pairs.items()
        if a[one] == b[other] and first_value(sides[0], one) != first_value(sides[1], other)
    ]
    if firsts:
        said = f"begin otherwise: {few(firsts)}"
        yield DiffFinding(part="parameters", about=counted(len(firsts), "of them"), said=said)
    if not own.only_a and not own.only_b:
        yield DiffFinding(part="parameters", about="", said=f"{len(own.pairs)} on both sides")


def first_value(side: DiffSide, name: str) -> object:
    """How a parameter begins, as its author wrote it."""
    spec = next(p for p in side.made.module.parameters if p.name == name)
    return None if spec.declared is None else spec.declared.expression.span.text


def shapes(
    sides: tuple[DiffSide, DiffSide], models: Matched, fields: Matched
) -> Iterator[DiffFinding]:
    """What models read and give, and the fields of the data."""
    yield from alone("shapes", "model", models)
    yield from alone("shapes", "field", fields)
    yield from renamed("shapes", models)
    yield from renamed("shapes", fields)
    a, b = (side.made.module.models for side in sides)
    for one, other in models.pairs.items():
        for what in ("inputs", "outputs"):
            types = [[str(t) for _, t in getattr(m, what)] for m in (a[one], b[other])]
            if types[0] != types[1]:
                said = f"{what} {', '.join(types[0])}, and {', '.join(types[1])}"
                yield DiffFinding(part="shapes", about=one, said=said, differs=True)


def alone(part: str, what: str, found: Matched) -> Iterator[DiffFinding]:
    """What only one side has."""
    for names, side in ((found.only_a, "first"), (found.only_b, "second")):
        for name in names:
            said = f"only in the {side}"
            yield DiffFinding(part=part, about=f"{what} {name}".strip(), said=said, differs=True)


def renamed(part: str, found: Matched) -> Iterator[DiffFinding]:
    """Names that differ, which does not count."""
    pairs = [f"{a} is {b}" for a, b in found.renamed.items()]
    if pairs:
        yield DiffFinding(part=part, about="names", said=f"{few(pairs)} in the second")


def signature_names(
    sides: tuple[DiffSide, DiffSide], one: str, other: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The inputs of a model of the second side, and its lengths, by the names of the first."""
    a, b = (dict(s.made.module.models[m].inputs) for s, m in zip(sides, (one, other), strict=True))
    pairs = Matched(dict(zip(a, b, strict=False)), (), ())
    return pairs.back, times_of(a, b, pairs)


def same_results(pair: GraphPair) -> GraphPair:
    """The results of models by their places: names of results do not count."""

    def by_place(graph: Any, keys: Sequence[OutputKey]) -> Any:
        new = dict(zip(graph.results, keys, strict=False))
        return type(graph)(graph.nodes, {new.get(k, k): id for k, id in graph.outputs.items()})

    keys = [*pair.a.results]
    return GraphPair(
        entry=pair.entry, a=pair.a, a_less=pair.a_less,
        b=by_place(pair.b, keys), b_less=by_place(pair.b_less, keys),
    )  # fmt: skip


def training(sides: tuple[DiffSide, DiffSide], one: str, other: str) -> Iterator[DiffFinding]:
    """The optimizer, its parameters and the settings."""
    steps = [s.made.module.named(n) for s, n in zip(sides, (one, other), strict=True)]
    rules = [in_words(step.rules) for step in steps]
    if rules[0] != rules[1]:
        said = f"{rules[0]}, and {rules[1]}"
        yield DiffFinding(part="training", about=f"step {one}", said=said, differs=True)
    yield from data_sources(sides)
    settings = [dict(s.made.module.train.settings) for s in sides if s.made.module.train]
    for name in dict.fromkeys([*settings[0], *settings[1]]):
        pair = [str(own.get(name, "nothing")) for own in settings]
        if pair[0] != pair[1]:
            said = f"{pair[0]}, and {pair[1]}"
            yield DiffFinding(part="training", about=name, said=said, differs=True)


def data_sources(sides: tuple[DiffSide, DiffSide]) -> Iterator[DiffFinding]:
    """Where examples come from, which does not count: they are read by name."""
    found = [sources_text(side) for side in sides]
    if found[0] != found[1]:
        yield DiffFinding(part="training", about="data", said=f"{found[0]}, and {found[1]}")


def sources_text(side: DiffSide) -> str:
    """The source that a side trains on, as it is called."""
    train = side.made.module.train
    assert train is not None, "there is a step"
    data = next(d for d in side.made.module.data if d.name == train.data)
    words = [*map(repr, data.arguments), *(f"{k} = {v!r}" for k, v in data.keywords.items())]
    return f"{data.function}({', '.join(words)})"


def costs(
    sides: tuple[DiffSide, DiffSide], keys: tuple[str, str], step: str
) -> Iterator[DiffFinding]:
    """Operations and bytes of a step on both sides, where they differ."""
    found = [
        in_all(line_costs(side.made.optimised[key], WIDTH))
        for side, key in zip(sides, keys, strict=True)
    ]
    for kind in KINDS:
        a, b = (getattr(one, kind).formula() for one in found)
        if a != b:
            yield DiffFinding(part="cost", about=f"step {step}: {kind}", said=f"{a}, and {b}")
