"""Where a tangent was cut to 0, by `where`, `maximum`, `minimum` or a mask: see the Note.

`push_forward` asks.  The masks are those of `cotangent_masks.py`, sent the other way: from operands
to results.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from functools import partial

from gradc_compiler.graph.graph import Builder, Node, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.ops.shape import reshape, sum_axes
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.cotangent_masks import CotangentMask, both, either, own, whole
from gradc_compiler.transform.masks import only_jumps

Cut = CotangentMask | None  # None: open everywhere
CHOOSING = ("where", "maximum", "minimum")


@dataclass
class TangentMasks:
    """Of every value that moves, where it may: a mask that is built when it is first wanted."""

    builder: Builder
    active: Collection[int]
    cuts: dict[int, Cut] = field(default_factory=dict)
    loops: dict[int, int] = field(default_factory=dict)  # `previous` -> loop of its mask

    def open(self, node: Node) -> None:
        """A value that moves everywhere."""
        self.cuts[node.id] = None

    def reach(self, node: Node) -> None:
        """A value that moves where one of its operands does and is let through."""
        y, xs = self.builder.value(node.id), [self.builder.value(i) for i in node.inputs]
        flows = [k for k, x in enumerate(xs) if x.id in self.cuts]
        if isinstance(node.op, Previous):
            stays = not flows or self.cuts[xs[0].id] is not None
            mask = CotangentMask(partial(self._a_step_before, node), far=True)
            self.cuts[node.id] = mask if stays else None
            return
        self.cuts[node.id] = above(y, [self.cuts.get(x.id) for x in xs], flows, xs)

    def _a_step_before(self, node: Node) -> Value:
        before = node.op
        assert isinstance(before, Previous), "a recurrence"
        op = Previous(self.builder.new_loop(), before.time, before.backwards)
        self.loops[node.id] = op.loop
        start = self.builder.value(node.inputs[0])
        return self.builder.add(op, self._mask_of(start))

    def _mask_of(self, y: Value) -> Value:
        """The mask of a value, in its own shape and time."""
        cut = self.cuts.get(y.id)
        if cut is None:
            everywhere = self.builder.constant(float(y.id in self.cuts), y.shape)
            cut = CotangentMask(lambda: everywhere)
        return whole(cut, y)

    def close(self, carries: Mapping[int, int]) -> None:
        """Complete the recurrences of the masks that were asked for, and those asked for
        meanwhile.
        """
        done = set[int]()
        while waiting := self.loops.keys() - done:
            number = min(waiting)
            done.add(number)
            node = self.builder.nodes[number]
            assert isinstance(node.op, Previous), "a recurrence"
            self.builder.span = node.span
            self.builder.origin = Origin("jvp of previous", node.tag)
            carried = self._mask_of(self.builder.value(carries[node.op.loop]))
            self.builder.carries[self.loops[number]] = carried.id


def above(y: Value, cuts: Sequence[Cut], flows: Sequence[int], xs: Sequence[Value]) -> Cut:
    """The mask of y's tangent, from those of the operands that move, `flows`."""
    op = y.node.op
    if isinstance(op, Elementwise):
        chosen = op.name in CHOOSING and len(flows) > 1  # whichever it is, it moves
        own_masks = [None if chosen else own(y, k, xs) for k in flows]
        return _union([both(cuts[k], mine) for k, mine in zip(flows, own_masks, strict=True)])
    if isinstance(op, Contract):
        return _union([_of_term(cuts[k], op, k, xs) for k in flows])
    if all(cuts[k] is None for k in flows):
        return None
    far = any(cut.far for cut in cuts if cut is not None)
    if isinstance(op, Max):
        return CotangentMask(partial(_of_greatest, cuts[0], op, y, xs[0]), far)
    return CotangentMask(partial(_moved, cuts, flows, y, xs), far) if op.adds else None


def _union(parts: Sequence[Cut]) -> Cut:
    found, *others = parts
    for part in others:
        found = either(found, part)
    return found


def _of_term(cut: Cut, op: Contract, k: int, xs: Sequence[Value]) -> Cut:
    """1 where any product moves: operand k does, and no factor made of comparisons is 0."""
    jumps = [j for j, x in enumerate(xs) if j != k and only_jumps(x)]
    if cut is None and not jumps:
        return None
    maps = (op.operands[k], *(op.operands[j] for j in jumps))
    moved = Contract(op.extents, maps, op.result, op.shape)

    def make() -> Value:
        x = xs[k]
        seen = x.builder.constant(1.0, x.shape) if cut is None else whole(cut, x)
        return x.builder.add(moved, seen, *(xs[j].apply("ne", xs[j], 0.0) for j in jumps)) > 0.0

    return CotangentMask(make, (cut is not None and cut.far) or len(xs) > 1)


def _of_greatest(cut: Cut, op: Max, y: Value, x: Value) -> Value:
    assert cut is not None, "asked for what is cut"
    kept = tuple(1 if axis in op.axes else n for axis, n in enumerate(x.shape))
    less = x < reshape(y, kept)  # as the rule: NaN is chosen
    return sum_axes(x.apply("where", less, 0.0, whole(cut, x)), op.axes) > 0.0


def _moved(cuts: Sequence[Cut], flows: Sequence[int], y: Value, xs: Sequence[Value]) -> Value:
    """The masks sent through an operator that only moves and adds numbers."""
    found = list[Value]()
    for k, (cut, x) in enumerate(zip(cuts, xs, strict=True)):
        constant = x.builder.constant(float(k in flows), x.shape)
        plain = CotangentMask(partial(_same, constant)) if cut is None else cut
        found.append(x if x.type.kind is Kind.INDEX else whole(plain, x))
    return y.builder.add(y.node.op, *found) > 0.0


def _same(mask: Value) -> Value:
    return mask


# Note [Cut tangents]
#
# In log(where(c, x, 0)) the tangent of the `where` is dx where c holds, and 0 elsewhere; there the
# slope of log is infinite, and 0 * inf is NaN.  The chain rule asks for a product only where a path
# is taken (Note [Cut cotangents]), so
#
#     dy = where(m, f'(x) dx, 0),      m = 1 where some path to x is open
#
# A cut passes on to results: through an elementwise operator as it is; where a result reads several
# numbers (a sum, a product of matrices), as the union of theirs.  Along a recurrence that begins
# with what does not move, the mask is a recurrence: 0 at the first step.  Where the start moves
# everywhere, the state is taken to.
#
# The other case, an infinite slope and a choice behind it, needs no mask, for a `where` selects the
# tangent of what it chose.  Only a product with a mask multiplies: there a tangent that may be
# infinite is selected by the mask first (`_masked` of `push_forward`).
