"""Graph nodes as expressions of the language.

`expression` writes the right-hand side for one node.  `statement_writer.py` writes a graph, and
`compiler/derived` makes whole files of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import copysign, isfinite, isnan

from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.contract import Affine, Contract, Map
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.leaf import Constant, Iota, Literal
from gradc_compiler.ops.sequence import (
    AtLast,
    Last,
    Length,
    Previous,
    Sequential,
    TimeBroadcast,
    TimePosition,
    TimeSum,
)

LETTERS = "ijklmnopqrstuvwxyz"


def type_text(type: TensorType) -> str:
    """A type as the language writes it, the length of a sequence by its name."""
    if type.time is not None:
        return f"seq({type.time}) {type_text(type.over(None))}"
    if type.kind is Kind.INDEX:
        return f"class({type.classes})"
    return f"[{', '.join(map(str, type.shape))}]" if type.shape else "scalar"


def input_text(name: str, type: TensorType) -> str:
    """An input as it is declared: a sequence whose length has its own name does not say it."""
    if type.time != name:
        return f"{name} : {type_text(type)}"
    return f"{name} : seq {type_text(type.over(None))}"


def affine_text(position: Affine, letters: Sequence[str]) -> str:
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
    of it; where it does so everywhere, a factor of ones says how far it runs.  One that runs over a
    single place is written as a number.
    """
    op = _without_still_loops(op, shapes)
    letters = [LETTERS[j] if j < len(LETTERS) else f"i{j}" for j in range(len(op.extents))]

    def place(p: Affine, n: int) -> str:
        if p.plain is not None and op.extents[p.plain] != n:
            return f"{letters[p.plain]} + 0"
        return affine_text(p, letters)

    axes = [f"{place(p, n)} < {n}" for p, n in zip(op.result, op.shape, strict=True)]
    factors = []
    for name, m, shape in zip(names, op.operands, shapes, strict=True):
        places = ", ".join(place(p, n) for p, n in zip(m, shape, strict=True))
        factors.append(f"{name}[{places}]" if m else f"reshape({name}, [1])[0]")
    factors += [f"ones([{op.extents[j]}])[{letters[j]}]" for j in _unsaid(op, shapes)]
    return f"contract({', '.join(axes)} : {' * '.join(factors)})"


def _unsaid(op: Contract, shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """The loops whose extent must be written, because it follows from no axis."""
    moving = {loop for m in (*op.operands, op.result) for p in m for loop, _ in p.terms}
    matter = [j for j, extent in enumerate(op.extents) if j in moving or extent != 1]
    claimed = _claimed(op, shapes)
    return [j for j in matter if j not in claimed]


def _claimed(op: Contract, shapes: Sequence[tuple[int, ...]]) -> set[int]:
    """The loops that index an axis alone, so that the axis says their extent."""
    axes = zip((*op.operands, op.result), (*shapes, op.shape), strict=True)
    places = [place for m, shape in axes for place in zip(m, shape, strict=True)]
    return {p.plain for p, n in places if p.plain is not None and op.extents[p.plain] == n}


def _without_still_loops(op: Contract, shapes: Sequence[tuple[int, ...]]) -> Contract:
    """The contraction without loops of one iteration that no axis claims, if their place lies
    inside the operand.
    """
    still = {j for j, n in enumerate(op.extents) if n == 1} - _claimed(op, shapes)

    def at(m: Map, shape: Sequence[int]) -> Map:
        moved = [Affine(tuple(t for t in p.terms if t[0] not in still), p.offset) for p in m]
        ways = zip(m, moved, shape, strict=True)
        return tuple(new if new.terms or 0 <= p.offset < n else p for p, new, n in ways)

    maps = tuple(at(m, shape) for m, shape in zip(op.operands, shapes, strict=True))
    return replace(op, operands=maps, result=at(op.result, op.shape))


def expression(node: Node, names: Sequence[str], shapes: Sequence[tuple[int, ...]] = ()) -> str:
    """The right-hand side for one node, its operands given by name and shape."""
    match node.op:
        case Constant(value=value, shape=shape):
            return number(value) if not shape else f"full({list(shape)}, {number(value)})"
        case Literal(values=values, shape=shape):
            return f"tensor({', '.join(map(number, values))}, shape = {list(shape)})"
        case Iota(size=size):
            return f"iota({size})"
        case Elementwise(name=name):
            if name in INFIX:
                return INFIX[name].format(*names)
            return f"{name}({', '.join(names)})"
        case Contract() as op:
            return contract_text(op, names, shapes)
        case Sequential() | Previous():
            return sequential_text(node.op, names)
        case op:
            return op.spelled(names)


def sequential_text(op: Op, names: Sequence[str]) -> str:
    """An operator that knows about time; a time stands by its name or its number."""
    match op:
        case Previous(time=time, backwards=backwards):
            return f"previous({names[0]}, {time}{', backwards = true' if backwards else ''})"
        case TimeBroadcast(time=time):
            return f"spread({names[0]}, {time})"
        case AtLast(time=time, first=first):
            return f"at_end({names[0]}, {time}{', first = true' if first else ''})"
        case Last(first=first):
            return f"{'first' if first else 'last'}({names[0]})"
        case TimeSum():
            return f"time_sum({names[0]})"
        case Length(time=time):
            return f"length({time})"
        case TimePosition(time=time):
            return f"place({time})"
    return f"{op.name}({', '.join(names)})"


def number(value: float) -> str:
    """A number that reads back to the same bits; infinities and NaN as quotients by 0."""
    if not isfinite(value):
        return f"({'0' if isnan(value) else '1' if value > 0 else '(-1)'} / full([], 0))"
    whole = value.is_integer() and abs(value) < 1e15 and (value or copysign(1, value) > 0)
    return str(int(value)) if whole else repr(value)


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """A node that calls the length of its sequences by a given name."""
    type, op = node.type, node.op
    if isinstance(type.time, str):
        type = type.over(names.get(type.time, type.time))
    match op:
        case Previous(time=str(time)) | TimeBroadcast(time=str(time)) | AtLast(time=str(time)):
            op = replace(op, time=names.get(time, time))
        case Length(time=str(time)) | TimePosition(time=str(time)):
            op = replace(op, time=names.get(time, time))
    return replace(node, type=type, op=op)
