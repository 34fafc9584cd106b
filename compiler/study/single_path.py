"""The chain rule as one product, where there is one path and every value on it is a number.

    dloss/dtheta2 = dloss/dc2 * dc2/dprice * dprice/dc1 * dc1/dtheta2

This is how example D.2 ends.  Most models have no such path; then there is nothing to say here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation
from gradc_compiler.study.read_back import FormulaReader
from gradc_compiler.study.textbook_formula import Formula, Letter, Numeral


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSlope:
    """dy/dx of two values that follow one another."""

    y: str
    x: str
    formula: Formula
    node: int  # that has its number


def single_paths(made: Derivation, builder: Builder) -> dict[str, list[LocalSlope]]:
    """For each value differentiated by, the slopes from the loss down to it; their nodes are
    appended to a builder of the derivation's graph.
    """
    found = {}
    for x in made.wrt:
        path = _path(made, x)
        if path:
            found[x] = [_slope(step, name, made, builder) for step, name in path]
    return found


def _path(made: Derivation, x: str) -> list[tuple[ChainStep, str]]:
    """The steps from the loss to x, each with what it leads to; none where there are several."""
    path: list[tuple[ChainStep, str]] = []
    while x != made.of:
        readers = [s for s in made.steps if any(term.of == x for term in s.terms)]
        if len(readers) != 1 or not _is_number(readers[0]):
            return []
        path.insert(0, (readers[0], x))
        x = readers[0].value
    return path


def _is_number(step: ChainStep) -> bool:
    return step.node.type.shape == () and step.node.type.time is None and step.loop is None


def _slope(step: ChainStep, x: str, made: Derivation, builder: Builder) -> LocalSlope:
    """dy/dx by the rule of y, with a cotangent of 1."""
    y = builder.value(step.node.id)
    operands = [builder.value(i) for i in step.node.inputs]
    one = builder.constant(1.0)
    sent = step.node.op.vjp(one, y, *operands)
    total = _sum([
        g for g, i in zip(sent, step.node.inputs, strict=True)
        if g is not None and made.names.get(i) == x
    ])  # fmt: skip
    known: Mapping[int, Formula] = {i: Letter(name) for i, name in made.names.items()}
    reader = FormulaReader(builder.graph({}), {**known, one.id: Numeral(1)})
    return LocalSlope(y=step.value, x=x, formula=reader.of(total.id), node=total.id)


def _sum(values: Sequence[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
