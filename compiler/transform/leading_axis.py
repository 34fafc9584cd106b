"""Nodes for many elements at once: the operators of one, with an axis over the elements in front of
all that depends on them.  No operator is unrolled.

`each(layer)` maps a layer so, `jacobian` a derivative: `for_every` has a derivative made for one
direction, takes it back, and makes it again for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Node, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.contract import Affine, Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.leaf import Iota
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.ops.shape import Reshape, broadcast, reshape, sum_axes, transpose
from gradc_compiler.ops.sorting import AddAlong, TakeAlong


class NotMapped(Exception):
    """An operator that has no form for an axis of elements in front."""

    def __init__(self, node: Node, what: str) -> None:
        self.node, self.what = node, what
        super().__init__(what)


def with_axis(
    builder: Builder, node: Node, xs: Sequence[Value], flags: Sequence[bool], count: int
) -> Value:
    """The node for `count` elements, of operands that have the axis in front where flagged.

    Raises `NotMapped` for an operator that has no such form.
    """
    shared = [x.type.kind is Kind.INDEX and not f for x, f in zip(xs, flags, strict=True)]
    match node.op:
        case Elementwise():
            return builder.add(node.op, *_aligned(node, xs, flags), name=node.name)
        case Reshape(shape=shape):
            return reshape(xs[0], (count, *shape))
        case Take() if not flags[0]:
            return builder.add(node.op, *xs, name=node.name)
        case Take() | Scatter() if shared[1]:
            return _of_rows(builder, node.op, *xs)
        case TakeAlong() | AddAlong() if shared[1]:
            return _along(builder, node.op, *xs)
        case Random() as op:
            return builder.add(replace(op, shape=(count, *op.shape)), *xs, name=node.name)
        case Contract() as op:
            return builder.add(_with_loop(op, flags, count), *xs, name=node.name)
    return _mapped(builder, node, xs, flags, count)


def _mapped(
    builder: Builder, node: Node, xs: Sequence[Value], flags: Sequence[bool], count: int
) -> Value:
    """The node as the operator itself has it, of operands that all have the axis."""
    mapped = node.op.mapped()
    if mapped is None:
        raise NotMapped(node, f"`{node.op.name}`")
    if any(x.type.kind is Kind.INDEX and not f for x, f in zip(xs, flags, strict=True)):
        raise NotMapped(node, f"`{node.op.name}` by labels that all elements share")
    full = [x if f else repeated(x, count) for x, f in zip(xs, flags, strict=True)]
    return builder.add(mapped, *full, name=node.name)


def repeated(x: Value, count: int) -> Value:
    """The same for each of `count` elements."""
    return broadcast(x, (count, *x.shape))


def _of_rows(builder: Builder, op: Op, x: Value, index: Value) -> Value:
    """Rows read or added up by labels that all elements share: the axis waits behind the rows."""
    rows = index.type.rank if isinstance(op, Scatter) else 1
    behind = transpose(x, (*range(1, rows + 1), 0, *range(rows + 1, len(x.shape))))
    y = builder.add(op, behind, index)
    rows = 1 if isinstance(op, Scatter) else index.type.rank
    return transpose(y, (rows, *range(rows), *range(rows + 1, len(y.shape))))


def _along(builder: Builder, op: TakeAlong | AddAlong, x: Value, index: Value) -> Value:
    """Numbers at places that all elements share: of all places along the axis, those that are it.

    [count, *rows, i, k], of which one axis is summed.
    """
    size = op.size if isinstance(op, AddAlong) else x.shape[-1]
    place = builder.add(Iota(size))
    here = place.apply("eq", reshape(index, (*index.shape, 1)), place)
    rank = len(x.shape)
    read = (*x.shape, 1) if isinstance(op, AddAlong) else (*x.shape[:-1], 1, x.shape[-1])
    chosen = x.apply("where", here, reshape(x, read), 0.0)
    return sum_axes(chosen, [rank - 1 if isinstance(op, AddAlong) else rank])


def _aligned(node: Node, xs: Sequence[Value], flags: Sequence[bool]) -> list[Value]:
    """Operands that broadcast for all elements as they did for one."""
    rank = len(node.type.shape)
    return [_with_rank(x, rank) if f else x for x, f in zip(xs, flags, strict=True)]


def _with_rank(x: Value, rank: int) -> Value:
    """[count, ...] with axes of length 1 after the first, to broadcast as the element did."""
    missing = rank - (len(x.shape) - 1)
    return reshape(x, (x.shape[0], *(1,) * missing, *x.shape[1:]))


def _with_loop(op: Contract, flags: Sequence[bool], count: int) -> Contract:
    """The contraction for all elements: one more loop, 0, that indexes what is lifted."""

    def shifted(places: tuple[Affine, ...]) -> tuple[Affine, ...]:
        return tuple(Affine(tuple((j + 1, c) for j, c in p.terms), p.offset) for p in places)

    axis = Affine(((0, 1),))
    operands = tuple(
        (axis, *shifted(m)) if f else shifted(m) for m, f in zip(op.operands, flags, strict=True)
    )
    return Contract((count, *op.extents), operands, (axis, *shifted(op.result)), (count, *op.shape))


def for_every(
    builder: Builder,
    shape: tuple[int, ...],
    elements: Callable[[], Value],
    trace: Callable[[Value], Value],
) -> Value:
    """`trace(x)` for every x of the given shape among the `elements`, [count, *shape], stacked.

    Raises `NotMapped`.
    """
    since, loops = len(builder.nodes), builder.loops
    result = trace(builder.constant(1.0, shape)).id
    made = builder.nodes[since:]
    closed = {loop: id for loop, id in builder.carries.items() if loop >= loops}
    del builder.nodes[since:], builder.varying_memo[since:]
    for loop in closed:
        del builder.carries[loop]
    told = builder.span, builder.origin, builder.remat, builder.block
    again = _MadeAgain(builder, made, _moving(made, closed), closed, elements())
    builder.span, builder.origin, builder.remat, builder.block = told
    return again.whole(result)


def _moving(made: Sequence[Node], carries: Mapping[int, int]) -> set[int]:
    """The nodes that depend on the first of them."""
    found, before = {made[0].id}, 0
    while len(found) != before:  # twice where there are carries: they lead back
        before = len(found)
        for node in made:
            loop = node.op.carried_by
            if not found.isdisjoint(node.inputs) or (
                loop is not None and carries.get(loop) in found
            ):
                found.add(node.id)
    return found


class _MadeAgain:
    """Nodes made once more, those that move for every element."""

    def __init__(
        self, builder: Builder, made: Sequence[Node], moving: set[int],
        carries: Mapping[int, int], elements: Value,
    ) -> None:  # fmt: skip
        self.builder, self.moving, self.count = builder, moving, elements.shape[0]
        self.now: dict[int, Value] = {made[0].id: elements}
        for node in made[1:]:
            builder.inherit_provenance(node)
            self.now[node.id] = self._again(node)
        for loop, id in carries.items():
            lifted = any(n.op.carried_by == loop and n.id in moving for n in made)
            builder.carries[loop] = (self.whole(id) if lifted else self._of(id)).id

    def _of(self, id: int) -> Value:
        return self.now.get(id) or self.builder.value(id)

    def whole(self, id: int) -> Value:
        """A value for every element."""
        return self._of(id) if id in self.moving else repeated(self._of(id), self.count)

    def _again(self, node: Node) -> Value:
        operands = [self._of(i) for i in node.inputs]
        if node.id not in self.moving:
            return self.builder.value(self.builder.copy(node, [x.id for x in operands]))
        flags = [i in self.moving for i in node.inputs]
        if isinstance(node.op, Previous):
            return self.builder.add(node.op, self.whole(node.inputs[0]))
        return with_axis(self.builder, node, operands, flags, self.count)
