"""Graph nodes as expressions of the language.

`expression` writes the right-hand side for one node; `Statements` writes a graph, one statement a
node, with the rule and the line each came from beside it.  `derived.py` makes whole files of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.graph.graph import Graph, Node
from compiler.graph.text import story
from compiler.graph.types import Kind, TensorType
from compiler.ops.base import Op
from compiler.ops.contract import Affine, Contract
from compiler.ops.elementwise import INFIX, Elementwise
from compiler.ops.index import Scatter
from compiler.ops.leaf import Constant, Input, Iota, Literal, Persistent
from compiler.ops.random import Random
from compiler.ops.reduce import Max
from compiler.ops.sequence import (
    AtEnd,
    End,
    Length,
    Position,
    Previous,
    Sequential,
    Spread,
    Total,
)
from compiler.ops.shape import Concat, Reshape

LETTERS = "ijklmnopqrstuvwxyz"


def type_text(type: TensorType) -> str:
    """A type as the language writes it, the length of a sequence by its name."""
    if type.time is not None:
        return f"seq({type.time}) {type_text(type.over(None))}"
    if type.kind is Kind.INDEX:
        return f"class({type.classes})"
    return f"[{', '.join(map(str, type.shape))}]" if type.shape else "scalar"


def input_text(node: Node) -> str:
    """An input as it is declared: a sequence whose length has its own name does not say it."""
    op, type = node.op, node.type
    assert isinstance(op, Input), "only inputs are declared"
    if type.time != op.key:
        return f"{op.key} : {type_text(type)}"
    return f"{op.key} : seq {type_text(type.over(None))}"


def affine_text(position: Affine, letters: Mapping[int, str]) -> str:
    """`2*i + k - 1`."""
    parts = []
    for loop, c in position.terms:
        parts.append(
            letters[loop] if c == 1 else f"-{letters[loop]}" if c == -1 else f"{c}*{letters[loop]}"
        )
    if position.offset or not parts:
        parts.append(str(position.offset))
    return " + ".join(parts).replace("+ -", "- ")


def contract_text(op: Contract, names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str:
    """`contract(i < 4 : a[i, j] * b[j])`.

    An index that runs over only the head of an axis is written `i + 0`, as alone it would claim all
    of it; where it does so everywhere, a factor of ones says how far it runs.
    """
    letters = {
        loop: LETTERS[loop] if loop < len(LETTERS) else f"i{loop}"
        for loop in range(len(op.extents))
    }
    claimed: set[int] = set()

    def place(p: Affine, n: int) -> str:
        if p.plain is None:
            return affine_text(p, letters)
        if op.extents[p.plain] != n:
            return f"{letters[p.plain]} + 0"
        claimed.add(p.plain)
        return letters[p.plain]

    axes = [f"{place(p, n)} < {n}" for p, n in zip(op.result, op.shape, strict=True)]
    factors = []
    for name, m, shape in zip(names, op.operands, shapes, strict=True):
        places = ", ".join(place(p, n) for p, n in zip(m, shape, strict=True))
        factors.append(f"{name}[{places}]" if m else f"reshape({name}, [1])[0]")
    for loop, extent in enumerate(op.extents):
        if loop not in claimed:
            factors.append(f"ones([{extent}])[{letters[loop]}]")
    return f"contract({', '.join(axes)} : {' * '.join(factors)})"


def expression(node: Node, names: Sequence[str], shapes: Sequence[tuple[int, ...]] = ()) -> str:
    """The right-hand side for one node, its operands given by name and shape."""
    match node.op:
        case Constant(value=value, shape=shape):
            return number(value) if not shape else f"full({list(shape)}, {number(value)})"
        case Literal(values=values, shape=shape):
            return f"tensor({list(shape)}, {', '.join(map(number, values))})"
        case Iota(size=size):
            return f"iota({size})"
        case Elementwise(name=name):
            if name in INFIX:
                return INFIX[name].format(*names)
            return f"{name}({', '.join(names)})"
        case Contract() as op:
            return contract_text(op, names, shapes)
        case Reshape(shape=shape):
            return f"reshape({names[0]}, {list(shape)})"
        case Max(axes=axes):
            return f"max({names[0]}, axis = {axes[0] if len(axes) == 1 else axes})"
        case Concat(axis=axis):
            return f"concat({', '.join(names)}, axis = {axis})"
        case Scatter(rows=rows):
            return f"scatter({names[0]}, {names[1]}, {rows})"
        case Sequential() | Previous():
            return sequential_text(node.op, names)
        case op:
            return f"{op.name}({', '.join(names)})"


def sequential_text(op: Op, names: Sequence[str]) -> str:
    """An operator that knows about time; a time stands by its name or its number."""
    match op:
        case Previous(time=time, backwards=backwards):
            return f"previous({names[0]}, {time}{', backwards = true' if backwards else ''})"
        case Spread(time=time):
            return f"spread({names[0]}, {time})"
        case AtEnd(time=time, first=first):
            return f"at_end({names[0]}, {time}{', first = true' if first else ''})"
        case End(first=first):
            return f"{'first' if first else 'last'}({names[0]})"
        case Total():
            return f"time_sum({names[0]})"
        case Length(time=time):
            return f"length({time})"
        case Position(time=time):
            return f"place({time})"
    return f"{op.name}({', '.join(names)})"


def number(value: float) -> str:
    """A number that reads back to the same bits."""
    whole = value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else repr(value)


class Statements:
    """Writes a graph's nodes as statements; `names` gives parameters and inputs their names."""

    def __init__(self, graph: Graph, names: Mapping[str, str], prefix: str = "v") -> None:
        self.graph, self.given, self.prefix = graph, names, prefix
        self.names: dict[int, str] = {}
        self.tags = {node.tag: node.id for node in graph.nodes}
        loops = {n.op.carried_by: n.id for n in graph.nodes if n.op.carried_by is not None}
        self.carried = {loops[loop]: after for loop, after in graph.carries.items()}

    def lines(self) -> list[str]:
        """The statements, in order; a recurrence is closed once its next value is there."""
        return [line for node in self.graph.nodes for line in self._lines(node) if line]

    def _lines(self, node: Node) -> Iterator[str]:
        yield self._line(node)
        for before, after in self.carried.items():
            if node.id == max(before, after):
                yield f"{self.names[before]}' = {self.names[after]}"

    def _line(self, node: Node) -> str:
        names = [self.names.get(i, "") for i in node.inputs]
        self.names[node.id] = f"{self.prefix}{node.id}"
        match node.op:
            case Input(key=key):
                self.names[node.id] = self.given.get(key, key)
                return ""
            case Persistent(key=key):
                self.names[node.id] = self.given.get(key, key)
                return ""
            case Constant(shape=(), value=value):
                self.names[node.id] = number(value) if value >= 0 else f"({number(value)})"
                return ""
            case Random(node=key, normal=normal):
                kind = "normal" if normal else "uniform"
                drawn = f"~ {kind}(0, 1, key = {key})"
                return f"noise {self.names[node.id]} : {type_text(node.type)} {drawn}"
        shapes = [self.graph[i].type.shape for i in node.inputs]
        line = f"{self.names[node.id]} = {expression(node, names, shapes)}"
        return f"{line:<66}  # {story(node, self.tags, 'v')}".rstrip(" #")
