"""Where a cotangent was cut to 0: by `where`, `maximum`, `minimum`, `max` or a mask (see the Note).

`differentiate` carries a `CotangentMask` beside each cotangent.  A rule may give infinity or NaN
where the cotangent was cut; then what it gives is selected by the mask.  A mask costs nodes, so it
is built only when it is asked for.

Names: as in `differentiate.py`; `m` a mask: 1 where a cotangent may be anything, 0 where it is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import broadcast_shapes
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import ANY, Elementwise
from gradc_compiler.ops.reduce import BatchMean, Max
from gradc_compiler.ops.sequence import TimeBroadcast, TimeSum
from gradc_compiler.ops.shape import broadcast, reshape, unbroadcast
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.masks import is_mask, mask_of, only_jumps
from gradc_compiler.transform.value_ranges import Bounds

PASSING = ("add", "sub", "neg", "copy", "where", "maximum", "minimum")  # g as it is, or nothing


@dataclass
class CotangentMask:
    """A mask that is built once, when it is first wanted."""

    make: Callable[[], Value]
    far: bool = False  # its mask takes a product of matrices to build
    made: Value | None = field(default=None, init=False)

    @property
    def mask(self) -> Value:
        """The mask, of the shape of its cotangent or one that broadcasts to it."""
        if self.made is None:
            self.made = self.make()
        return self.made


def either(a: CotangentMask | None, b: CotangentMask | None) -> CotangentMask | None:
    """The mask of the sum of two cotangents: 0 where both are cut.  None is a cotangent that is cut
    nowhere.
    """
    if a is None or b is None or a is b:
        return a if a is b else None
    return CotangentMask(lambda: a.mask.apply("maximum", a.mask, b.mask), a.far or b.far)


def both(a: CotangentMask | None, b: CotangentMask | None) -> CotangentMask | None:
    """The mask of a cotangent that is cut by two masks."""
    if a is None or b is None:
        return a or b
    return CotangentMask(lambda: a.mask * b.mask, a.far or b.far)


def own(y: Value, k: int, xs: Sequence[Value]) -> CotangentMask | None:
    """The mask with which the rule of y itself cuts the cotangent of operand k."""
    match y.node.op.name, k:
        case "where", (1 | 2):
            condition = xs[0]
            if k == 1 and is_mask(condition):
                return CotangentMask(lambda: condition)
            sign = "ne" if k == 1 else "eq"
            return CotangentMask(lambda: condition.apply(sign, condition, 0.0))
        case ("maximum" | "minimum") as name, _:
            above = ("gt", "le") if name == "maximum" else ("lt", "ge")
            return CotangentMask(lambda: y.apply(above[k], y, xs[1]))
        case "mul", _ if (mask := mask_of(xs[1 - k])) is not None:
            return CotangentMask(mask)
    return None


def selected(
    cut: CotangentMask | None, bounds: Bounds, y: Value, k: int, xs: Sequence[Value], g: Value
) -> Value:
    """The cotangent that a rule gives, set to 0 again where it was cut, if the rule may be
    infinite.
    """
    if cut is None or not may_be_infinite(bounds, y, k, xs, cut.far):
        return g
    return g.apply("where", cut.mask, g, 0.0)


def masked(y: Value, k: int, xs: Sequence[Value], g: Value) -> Value:
    """The cotangent that the rule of a product gives, set to 0 where a mask is 0, even if it is
    infinite.

    `where`, `maximum` and their like select by themselves.
    """
    mine = own(y, k, xs) if y.node.op.name == "mul" else None
    return g if mine is None else g.apply("where", mine.mask, g, 0.0)


def may_be_infinite(bounds: Bounds, y: Value, k: int, xs: Sequence[Value], far: bool) -> bool:
    """Whether an elementwise rule for operand k may give infinity or NaN for a finite cotangent.

    If the mask would be expensive to build (`far`), an exponential that overflows is not counted.
    """
    op = y.node.op
    if not isinstance(op, Elementwise) or op.name in PASSING:
        return False

    def finite(x: Value) -> bool:
        known = bounds.of(x)
        return known.defined if far or op.bounds is not None else known.finite

    if op.name == "mul":
        return not finite(xs[1 - k])
    known = [bounds.of(x) for x in xs]
    if op.name == "div" and (known[1].low > 0 or known[1].high < 0):
        return not all(map(finite, xs))
    inside = all(
        x.positive or domain.low == ANY.low or (domain.low < 0 and x.low >= 0)
        for x, domain in zip(known, op.domains, strict=True)
    )
    return not (inside and finite(y) and all(map(finite, xs)))


def safe(
    cut: CotangentMask | None, bounds: Bounds, y: Value, xs: Sequence[Value]
) -> Sequence[Value]:
    """The operands that a contraction's rule multiplies by a cotangent, made finite where that
    cotangent was cut.

    An operand is 0 there if everything that reads it was cut.
    """
    op = y.node.op
    if cut is None or not isinstance(op, Contract) or len(xs) < 2:
        return xs
    masks = [None if bounds.of(x).defined else below(cut, y, k, xs) for k, x in enumerate(xs)]
    pairs = zip(xs, masks, strict=True)
    return [x if c is None else x.apply("where", c.mask, x, 0.0) for x, c in pairs]


def below(cut: CotangentMask | None, y: Value, k: int, xs: Sequence[Value]) -> CotangentMask | None:
    """The mask for the cotangent of operand k, from the mask of y.

    It is 0 where no number of y that reads the operand's number has a cotangent.
    """
    op, x, mine = y.node.op, xs[k], own(y, k, xs)
    match op:
        case Elementwise():
            cut = both(cut, mine)
            return None if cut is None else CotangentMask(partial(_repeated, cut, y, x), cut.far)
        case Max():
            return CotangentMask(partial(_of_greatest, cut, op, y, x), cut is not None and cut.far)
        case Contract() if not op.mean:
            return _of_sum(cut, op, y, k, xs)
        case _ if op.adds and cut is not None:
            return CotangentMask(partial(_moved, cut, y, k, xs), cut.far)
    return None


def _of_sum(
    cut: CotangentMask | None, op: Contract, y: Value, k: int, xs: Sequence[Value]
) -> CotangentMask | None:
    """The mask for a factor of a contraction: 1 where any sum reads it whose other factors are not
    masks that are 0.
    """
    masks = [j for j, x in enumerate(xs) if j != k and only_jumps(x)]
    if cut is None and not masks:
        return None
    maps = (op.result, *(op.operands[j] for j in masks))
    moved = Contract(op.extents, maps, op.operands[k], xs[k].shape)

    def make() -> Value:
        seen = y.builder.constant(1.0, y.shape) if cut is None else whole(cut, y)
        return y.builder.add(moved, seen, *(xs[j].apply("ne", xs[j], 0.0) for j in masks)) > 0.0

    return CotangentMask(make, (cut is not None and cut.far) or len(xs) > 1)


def whole(cut: CotangentMask, y: Value) -> Value:
    """A mask broadcast to y's own shape and time."""
    m = broadcast(cut.mask, y.shape)
    time = y.type.time
    return m if time is None or m.type.time is not None else m.builder.add(TimeBroadcast(time), m)


def _repeated(cut: CotangentMask, y: Value, x: Value) -> Value:
    """The mask for an operand that an elementwise operator may broadcast."""
    m = cut.mask
    if broadcast_shapes([m.shape, x.shape]) == x.shape:
        return m
    return unbroadcast(broadcast(m, y.shape), x.shape) > 0.0


def _of_greatest(cut: CotangentMask | None, op: Max, y: Value, x: Value) -> Value:
    kept = tuple(1 if axis in op.axes else n for axis, n in enumerate(x.shape))
    chosen = x.apply("eq", x.apply("lt", x, reshape(y, kept)), 0.0)  # as the rule: NaN is chosen
    return chosen if cut is None else chosen * reshape(broadcast(cut.mask, y.shape), kept)


def _moved(cut: CotangentMask, y: Value, k: int, xs: Sequence[Value]) -> Value:
    """The mask sent through the rule of y, which only moves and adds numbers."""
    found = y.node.op.vjp(whole(cut, y), y, *xs)[k]
    assert found is not None, f"{y.node.op.name} has a derivative"
    return found > 0.0


def over_rows(cut: CotangentMask | None, x: Value, y: Value, *, mean: bool) -> CotangentMask | None:
    """The mask for a value that every element of y's time, or every example, reads: 0 where all of
    these are cut.
    """
    if cut is None:
        return None
    return CotangentMask(partial(_over_rows, cut, x, y, mean), cut.far)


def _over_rows(cut: CotangentMask, x: Value, y: Value, mean: bool) -> Value:
    m = cut.mask
    if m.type.time is not None and x.type.time is None:
        m = m.builder.add(TimeSum(), m) > 0.0
    if mean and not x.builder.is_varying(x) and x.builder.is_varying(m):
        m = m.builder.add(BatchMean(), m) > 0.0
    return m


# Note [Cut cotangents]
#
# In where(c, f(x), 0) the cotangent of f(x) is g where c holds, and 0 elsewhere.  A rule multiplies
# it by a derivative, and 0 * inf is NaN: so sqrt at 0, log at 0, 1 / x at 0 in the branch that was
# not taken would spoil dL/dx.  The chain rule asks for a product only where a path is taken; so
#
#     dL/dx = where(m, g f'(x), 0),      m = 1 where some path from x to the loss is open
#
# A cut passes on to operands: through an elementwise operator as it is; where several numbers of y
# read one number of x (a sum, a broadcast, a product of matrices), as the union of theirs, which is
# the same law: a number that any open path reads is on an open path, and what is infinite on one
# shows.  Below batch_mean the union is over the examples; along a recurrence it is over the steps
# that follow (`cut_carries.py`).  Selects are made of operators that have rules, so second
# derivatives are cut likewise.
