"""A graph as statements of the language, one a line, with what each came from beside it.

`names` gives parameters, inputs and the lengths of sequences their names, `labels` some other
values; what has none and is read once, by arithmetic, is written where it is read, so that a rule
stands on one line (`d_c2 = d_c3 * (1 - c3 * c3)`).  Any other is called as `spare` has it, or
numbered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.transform.contraction_texts import MATRIX_PRODUCT, contraction_text
from gradc_compiler.transform.statement_text import (
    MADE_UP,
    in_turn,
    may_stand_inside,
    signed,
    within_brackets,
)
from gradc_compiler.transform.unparse_expr import expression, number, renamed, type_text

NEGATIVE = re.compile(r"\(-[\d.]+(e[-+]?\d+)?\)")
SHORT = 60  # characters of what is written where it is read
NOTED = 50  # column at which notes begin
LONGEST = 92  # characters of a statement on one line
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
        spare: Mapping[int, str] | None = None,
    ) -> None:
        self.graph, self.given, self.prefix = graph, names, prefix
        self.labels, self.spare = dict(labels or {}), dict(spare or {})
        self.taken = {*self.labels.values(), *names.values()}
        self.names: dict[int, str] = {}
        self.numbers: dict[int, float | None] = {}  # what a scalar is, looked at once
        self.tags = {node.tag: node.id for node in graph.nodes}
        loops = {n.op.carried_by: n.id for n in graph.nodes if n.op.carried_by is not None}
        self.carried = {loops[loop]: after for loop, after in graph.carries.items()}
        self.inside = self._read_once() if labels is not None else set()
        self.source = next((n.span.source.name for n in graph.nodes if n.span is not None), "")

    def lines(self) -> list[str]:
        """The statements, in order; a recurrence is closed once its next value is there."""
        said = [text for node in self.graph.nodes for text in self._lines(node) if text]
        return [line for text in said for line in text.split("\n")]

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
            if len(users[node.id]) == 1
            and node.id not in kept
            and self._reads_well(node, self.graph[users[node.id][0]])
        }

    def _reads_well(self, node: Node, reader: Node) -> bool:
        """Whether a value may be written where it is read: it has no name, or is the product of a
        layer that adds a bias to it.
        """
        label = self.labels.get(node.id)
        biased = reader.op.name == "add" and node.span == reader.span and self._is_product(node)
        if biased and (label is None or MADE_UP.fullmatch(label)):
            return True
        if label is None and reader.op.name in ("add", "sub") and self._is_product(node):
            return True  # a @ b + c @ d
        return label is None and may_stand_inside(node, reader)

    def _is_product(self, node: Node) -> bool:
        shapes = [self.graph[i].type.shape for i in node.inputs]
        return isinstance(node.op, Contract) and contraction_text(node.op, shapes) == MATRIX_PRODUCT

    def _line(self, node: Node) -> str:
        match node.op:
            case Input(key=key) | PersistentOp(key=key):
                self.names[node.id] = self.given.get(key, key)
                return ""
            case Constant(shape=(), value=value):
                self.names[node.id] = signed(number(value))
                return ""
            case Constant() if node.id not in self.labels:
                self.names[node.id] = expression(node, [])
                return ""
        folded = None if isinstance(node.op, Random) else self._folded(node)
        if folded is not None:
            self.names[node.id] = signed(number(folded))
            return ""
        if node.id in self.inside and self._is_short(text := self._right(node), node):
            self.names[node.id] = text
            return ""
        self.inside.discard(node.id)
        self.names[node.id] = self.labels.get(node.id) or self._numbered(node)
        if isinstance(node.op, Random):
            return self._drawn(node, node.op)
        return self._with_note(f"{self.names[node.id]} = {self._right(node)}", node)

    def _is_short(self, text: str, node: Node) -> bool:
        """Whether a value is written where it is read; what is only averaged may be a long sum."""
        (reader,) = self.graph.users[node.id]
        averaged = isinstance(self.graph[reader].op, BatchMean | TimeSum)
        alone = averaged and text.startswith(("contract(", "time_sum(contract("))
        return len(text) <= (LONGEST if alone else SHORT)

    def _with_note(self, line: str, node: Node) -> str:
        """A statement with its note beside it, or above it where it is long."""
        note = self._note(node)
        if len(line) <= NOTED or not note:
            return f"{line:<{NOTED}}  # {note}".rstrip(" #")
        return f"# {note}\n{self._broken(line, node)}"

    def _broken(self, line: str, node: Node) -> str:
        """A long statement on several lines: a newline within brackets means nothing."""
        if len(line) <= LONGEST:
            return line
        if node.op.name in INFIX and len(node.inputs) == 2:
            (a, b), sign = self._operands(node), INFIX[node.op.name].split()[1]
            return f"{self.names[node.id]} = (\n    {a}\n    {sign} {b}\n)"
        head, opening, inner = line.partition("contract(")
        inside = within_brackets(inner)
        if not opening or inner[len(inside) :].strip(")"):
            return line
        return f"{head}{opening}\n    {inside}\n{inner[len(inside) :]}"

    def _numbered(self, node: Node) -> str:
        """A name for a value that has none, unlike all that the author gave (who may say `v4`)."""
        base = self.spare.get(node.id, f"{self.prefix}{node.id}")
        name = next(name for name in in_turn(base) if name not in self.taken)
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
        if node.op.name == "mul" and (signed := self._signs(node)) is not None:
            return signed
        operands = [self._constant(i) for i in node.inputs]
        if not isinstance(node.op, Elementwise) or node.type.shape or None in operands:
            return None
        with np.errstate(all="ignore"):
            value = float(node.op.reference(*(np.array([x], np.float64) for x in operands))[0])
        return value if np.isfinite(value) and float(np.float32(value)) == value else None

    def _signs(self, node: Node) -> float | None:
        """A number times 1 or -1, which rounds nothing, whatever the number is."""
        numbers = []
        for i in node.inputs:
            op = self.graph[i].op
            plain = isinstance(op, Constant) and op.shape == ()
            number = op.value if isinstance(op, Constant) and plain else self._constant(i)
            if number is not None:
                numbers.append(number)
        one = len(numbers) == len(node.inputs) and 1.0 in map(abs, numbers)
        return float(np.prod(numbers)) if one else None

    def _constant(self, id: int) -> float | None:
        """The number that a scalar is, where a float of 32 bits holds it."""
        if id not in self.numbers:
            self.numbers[id] = self._number(self.graph[id])
        return self.numbers[id]

    def _number(self, node: Node) -> float | None:
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
        alone = node.op.name not in INFIX and not isinstance(node.op, Contract)
        if alone and NEGATIVE.fullmatch(name):
            return name[1:-1]  # maximum(-1, x)
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
