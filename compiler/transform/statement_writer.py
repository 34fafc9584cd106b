"""A graph as statements of the language, one a line, with what each came from beside it.

`names` gives parameters, inputs and the lengths of sequences their names, `labels` some other
values; what has none and is read once, by arithmetic, is written where it is read, so that a rule
stands on one line (`d_c2 = d_c3 * (1 - c3 * c3)`).  Any other is numbered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.matmul_op import is_matmul
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.transform.unparse_expr import expression, number, renamed, type_text

NEGATIVE = re.compile(r"\(-[\d.]+(e[-+]?\d+)?\)")
SHORT = 60  # characters of what is written where it is read
NOTED = 50  # column at which notes begin
BINDS = {
    **dict.fromkeys(("gt", "ge", "lt", "le", "eq", "ne"), 0),
    **dict.fromkeys(("add", "sub"), 1),
    **dict.fromkeys(("mul", "div", "quotient", "rest"), 2),
}  # how tightly a sign holds; what is not here is put into brackets, or needs none


class StatementWriter:
    """Writes the statements of one graph."""

    def __init__(
        self,
        graph: Graph,
        names: Mapping[str, str],
        prefix: str = "v",
        labels: Mapping[int, str] | None = None,
    ) -> None:
        self.graph, self.given, self.prefix = graph, names, prefix
        self.labels = dict(labels or {})
        self.taken = {*self.labels.values(), *names.values()}
        self.names: dict[int, str] = {}
        self.tags = {node.tag: node.id for node in graph.nodes}
        loops = {n.op.carried_by: n.id for n in graph.nodes if n.op.carried_by is not None}
        self.carried = {loops[loop]: after for loop, after in graph.carries.items()}
        self.inside = self._read_once() if labels is not None else set()
        self.source = next((n.span.source.name for n in graph.nodes if n.span is not None), "")

    def lines(self) -> list[str]:
        """The statements, in order; a recurrence is closed once its next value is there."""
        return [line for node in self.graph.nodes for line in self._lines(node) if line]

    def _lines(self, node: Node) -> Iterator[str]:
        yield self._line(node)
        for before, after in self.carried.items():
            if node.id == max(before, after):
                yield f"{self.names[before]}' = {self.names[after]}"

    def _read_once(self) -> set[int]:
        """The values that are written where they are read: arithmetic without a name of its own
        that only one piece of arithmetic reads.
        """
        users, kept = self.graph.users, set(self.graph.outputs.values())
        return {
            node.id
            for node in self.graph.nodes
            if _may_stand_inside(node, self.graph[users[node.id][0]] if users[node.id] else node)
            and node.id not in self.labels
            and node.id not in kept
            and len(users[node.id]) == 1
        }

    def _line(self, node: Node) -> str:
        match node.op:
            case Input(key=key) | PersistentOp(key=key):
                self.names[node.id] = self.given.get(key, key)
                return ""
            case Constant(shape=(), value=value):
                self.names[node.id] = _signed(number(value))
                return ""
        folded = None if isinstance(node.op, Random) else self._folded(node)
        if folded is not None:
            self.names[node.id] = _signed(number(folded))
            return ""
        if node.id in self.inside and len(text := self._right(node)) <= SHORT:
            self.names[node.id] = text
            return ""
        self.inside.discard(node.id)
        self.names[node.id] = self.labels.get(node.id) or self._numbered(node)
        if isinstance(node.op, Random):
            return self._drawn(node, node.op)
        line = f"{self.names[node.id]} = {self._right(node)}"
        return f"{line:<{NOTED}}  # {self._note(node)}".rstrip(" #")

    def _numbered(self, node: Node) -> str:
        """A name for a value that has none, unlike all that the author gave (who may say `v4`)."""
        name = f"{self.prefix}{node.id}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _right(self, node: Node) -> str:
        """The right-hand side of a node; a product of matrices as one."""
        shapes = [self.graph[i].type.shape for i in node.inputs]
        if isinstance(node.op, Contract) and (known := contraction_text(node.op, shapes)):
            return known.format(*self._operands(node))
        return expression(renamed(node, self.given), self._operands(node), shapes)

    def _folded(self, node: Node) -> float | None:
        """The result of arithmetic on numbers, if no width of float would round it."""
        operands = [self._constant(i) for i in node.inputs]
        if not isinstance(node.op, Elementwise) or node.type.shape or None in operands:
            return None
        with np.errstate(all="ignore"):
            value = float(node.op.reference(*(np.array([x], np.float64) for x in operands))[0])
        return value if np.isfinite(value) and float(np.float32(value)) == value else None

    def _constant(self, id: int) -> float | None:
        """The number that a scalar is, where a float of 32 bits holds it."""
        node = self.graph[id]
        match node.op:
            case Constant(shape=(), value=value):
                return value if float(np.float32(value)) == value else None
            case Elementwise():
                return self._folded(node)
        return None

    def _operands(self, node: Node) -> list[str]:
        """The operands by name; of numbers alone, one is written so that nothing is computed now,
        where a result that is no number would be an error.
        """
        names = [self._operand(node, k, i) for k, i in enumerate(node.inputs)]
        numbers = all(
            isinstance(self.graph[i].op, Constant) and not self.graph[i].type.shape
            for i in node.inputs
        )
        if isinstance(node.op, Elementwise) and numbers:
            names[0] = f"full([], {names[0]})"
        return names

    def _operand(self, node: Node, place: int, id: int) -> str:
        """An operand, in brackets where it is arithmetic that would come apart."""
        name = self.names.get(id, "")
        inner = self.graph[id].op.name
        if place == 0 and node.op.name in BINDS and NEGATIVE.fullmatch(name):
            return name[1:-1]  # -1 / x
        if id not in self.inside or inner not in INFIX or node.op.name not in INFIX:
            return name
        own, outer = BINDS.get(inner, -1), BINDS.get(node.op.name, 9)
        return name if own > outer or (own == outer > 0 and place == 0) else f"({name})"

    def _note(self, node: Node) -> str:
        """The author's line, and of a derivative the rule and the value whose rule it is."""
        place = "" if node.span is None else f"{node.span.line}:{node.span.column}"
        if node.span is not None and node.span.source.name != self.source:
            place = str(node.span)
        if node.origin is None:
            return place
        met = None if node.origin.node is None else self.tags.get(node.origin.node)
        at = "" if met is None or met not in self.names else f" at {self.names[met]}"
        return f"{place}  {node.origin.rule}{at}".replace("\n", " ")

    def _drawn(self, node: Node, op: Random) -> str:
        """Noise, or a draw of a first value, by its own number."""
        drawn = f"{'normal' if op.normal else 'uniform'}(0, 1, key = {op.node})"
        if op.shared:
            return f"{self.names[node.id]} = {drawn}"
        type = type_text(renamed(node, self.given).type)
        return f"noise {self.names[node.id]} : {type} ~ {drawn}"


def _may_stand_inside(node: Node, reader: Node) -> bool:
    """Whether a value may be written within the arithmetic that reads it."""
    if isinstance(node.op, Contract):
        return isinstance(reader.op, BatchMean | TimeSum)
    plain = node.op.carried_by is None and bool(node.inputs) and not isinstance(node.op, Random)
    sums = isinstance(reader.op, Contract) and contraction_text(reader.op, [node.type.shape])
    return plain and (bool(sums) or isinstance(reader.op, Elementwise | BatchMean | TimeSum))


def contraction_text(op: Contract, shapes: Sequence[tuple[int, ...]]) -> str | None:
    """`{} @ {}` or `sum({})`, where a contraction is exactly that."""
    if len(shapes) == 2 and is_matmul(op, *shapes):
        return "{} @ {}"
    if (
        not len(shapes) == len(op.operands) == 1
        or op.result
        or op.extents != shapes[0]
        or not shapes[0]
    ):
        return None
    (read,) = op.operands
    return "sum({})" if read == tuple(index(j) for j in range(len(read))) else None


def _signed(text: str) -> str:
    """A number as an operand."""
    return f"({text})" if text.startswith("-") else text
