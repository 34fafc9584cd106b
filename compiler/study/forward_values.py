"""The values of a loss in the order in which they are computed, for whoever writes them down.

Each is told once: what is the same numbers in another shape has no line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import Derivation
from gradc_compiler.study.read_back import FormulaReader
from gradc_compiler.study.textbook_formula import Formula, Letter

KINDS = {Input: "an input", PersistentOp: "a parameter"}


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value that is not computed: `an input`, `a parameter`."""

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedBack:
    """What a recurrence has from the step before, or after; `start` where there is none."""

    carried: Formula
    start: Formula
    backwards: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardValue:
    """One value: its node, its name, the author's line, and how it comes about."""

    id: int
    name: str
    type: TensorType
    line: int | None
    made: GivenValue | LookedBack | Formula


def forward_values(made: Derivation) -> Iterator[ForwardValue]:
    """All values that have a name, in order."""
    reader = FormulaReader(made.graph, {i: Letter(name) for i, name in made.names.items()})
    told = set[str]()
    for id, name in sorted(made.names.items()):
        if name in told:
            continue
        told.add(name)
        node = made.graph[id]
        yield ForwardValue(
            id=id,
            name=name,
            type=node.type,
            line=None if node.span is None else node.span.line,
            made=_made(node, made, reader),
        )


def _made(node: Node, made: Derivation, reader: FormulaReader) -> GivenValue | LookedBack | Formula:
    kind = KINDS.get(type(node.op))
    if kind is not None:
        return GivenValue(kind)
    return looked_back(node, reader) if isinstance(node.op, Previous) else reader.written_out(node)


def looked_back(node: Node, reader: FormulaReader) -> LookedBack:
    """What a recurrence looks back at."""
    op = node.op
    assert isinstance(op, Previous), "a recurrence looks back"
    carried = reader.of(reader.graph.carries[op.loop])
    return LookedBack(
        carried=carried, start=reader.of(node.inputs[0]), backwards=op.backwards
    )  # fmt: skip
