"""Products of tensors whose axes are loops, summed over the loops that the result lacks.

A matrix product becomes `MatMul` (or `Gemm`, where a plain matrix meets one vector an
example and a bias follows), any other product `Einsum`, in which the batch is N and time is T.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from math import prod

from gradc_compiler.onnx.export.loop_axes import Looped
from gradc_compiler.onnx.export.node_writer import GraphWriter

LEADS = "NT"
LETTERS = [c for c in string.ascii_letters if c not in LEADS]


def product(
    writer: GraphWriter, factors: Sequence[Looped], wanted: Sequence[int], sizes: Sequence[int]
) -> Looped:
    """The product of the factors, summed over all loops but `wanted`, which are its axes in order.

    Every wanted loop is one of some factor; `sizes` has the steps of each.
    """
    factors = [_summed(writer, f, factors, wanted) for f in factors]
    lead = max(f.lead for f in factors)
    if len(factors) == 1 and len({*factors[0].loops}) == len(factors[0].loops):
        return Looped(_ordered(writer, factors[0], wanted), lead, tuple(wanted))
    nothing_summed = {*wanted} >= {i for f in factors for i in f.loops}
    if len(factors) == 2 and nothing_summed and max(map(_repeats, factors)) <= 1:
        names = [_spread(writer, f, lead, wanted) for f in factors]
        return Looped(writer.add("Mul", *names), lead, tuple(wanted))
    if len(factors) == 2:
        for a, b in (factors, factors[::-1]):
            if (found := _matrix_product(writer, a, b, wanted, sizes)) is not None:
                return found
    return Looped(_einsum(writer, factors, lead, wanted), lead, tuple(wanted))


def _summed(
    writer: GraphWriter, f: Looped, factors: Sequence[Looped], wanted: Sequence[int]
) -> Looped:
    """A factor, summed over loops that neither the other factors nor the result have."""
    others = {loop for g in factors if g is not f for loop in g.loops}
    own = [i for i in f.loops if i not in others and i not in wanted and f.loops.count(i) == 1]
    if not own:
        return f
    axes = writer.whole([f.lead + f.loops.index(i) for i in own])
    name = writer.add("ReduceSum", f.name, axes, keepdims=0)
    return Looped(name, f.lead, tuple(i for i in f.loops if i not in own))


def _ordered(writer: GraphWriter, f: Looped, wanted: Sequence[int]) -> str:
    """The name of a factor with its loops in another order."""
    order = [f.lead + f.loops.index(i) for i in wanted]
    return writer.transposed(f.name, [*range(f.lead), *order])


def _einsum(
    writer: GraphWriter, factors: Sequence[Looped], lead: int, wanted: Sequence[int]
) -> str:
    loops = sorted({i for f in factors for i in f.loops})
    letter = dict(zip(loops, LETTERS, strict=False))
    terms = [LEADS[: f.lead] + "".join(letter[i] for i in f.loops) for f in factors]
    result = LEADS[:lead] + "".join(letter[i] for i in wanted)
    equation = f"{','.join(terms)}->{result}"
    return writer.add("Einsum", *(f.name for f in factors), equation=equation)


def _matrix_product(
    writer: GraphWriter, a: Looped, b: Looped, wanted: Sequence[int], sizes: Sequence[int]
) -> Looped | None:
    """a @ b where each has one loop of its own at most, they share one that is summed, and all
    others stand in front; or where all examples share b, and both may have any loops.
    """
    shared = [i for i in a.loops if i in b.loops]
    summed = [i for i in shared if i not in wanted]
    batch = [i for i in wanted if i in shared]
    rows = [i for i in wanted if i in a.loops and i not in shared]
    columns = [i for i in wanted if i in b.loops and i not in shared]
    if not summed or max(map(_repeats, (a, b))) > 1:
        return None
    if b.lead == 0 and not batch and a.lead:
        return _by_matrix(writer, a, b, (rows, summed, columns), wanted, sizes)
    if len(rows) != 1 or len(columns) != 1 or len(summed) != 1 or not a.lead:
        return None
    lead = max(a.lead, b.lead)
    left = _led(writer, a, [*batch, *rows, *summed], lead)
    right = _led(writer, b, [*batch, *summed, *columns], lead)
    made = Looped(writer.add("MatMul", left, right), lead, (*batch, *rows, *columns))
    return Looped(_ordered(writer, made, wanted), lead, tuple(wanted))


def _spread(writer: GraphWriter, f: Looped, lead: int, wanted: Sequence[int]) -> str:
    """The name of a factor, ready to broadcast to all wanted loops."""
    name = _ordered(writer, f, [i for i in wanted if i in f.loops])
    if not f.loops:
        return writer.unsqueezed(name, range(f.lead, lead + len(wanted))) if f.lead else name
    missing = [lead + k for k, i in enumerate(wanted) if i not in f.loops]
    if f.lead == 0:  # axes in front of its first broadcast by themselves
        first = min(k for k, i in enumerate(wanted) if i in f.loops)
        return writer.unsqueezed(name, [k - lead - first for k in missing if k > lead + first])
    return writer.unsqueezed(name, [*range(f.lead, lead), *missing])


def _repeats(f: Looped) -> int:
    return max((f.loops.count(i) for i in f.loops), default=0)


def _led(writer: GraphWriter, f: Looped, loops: Sequence[int], lead: int) -> str:
    """The name of a factor with its loops in this order, after `lead` axes that broadcast."""
    name = _ordered(writer, f, loops)
    return writer.unsqueezed(name, range(f.lead, lead)) if f.lead else name


def _by_matrix(
    writer: GraphWriter, a: Looped, b: Looped, loops: tuple[list[int], list[int], list[int]],
    wanted: Sequence[int], sizes: Sequence[int],
) -> Looped:  # fmt: skip
    """a @ b for a matrix, or a vector, that all examples share: several loops become one."""
    rows, summed, columns = loops
    left = _ordered(writer, a, [*rows, *summed])
    if len(summed) > 1:
        kept = [sizes[i] for i in rows]
        left = writer.reshaped(left, a.lead, [*kept, prod(sizes[i] for i in summed)])
    right = _ordered(writer, b, [*summed, *columns])
    if len(summed) != 1 or len(columns) != 1:  # a vector too: some runners misread one axis
        parts = (summed, columns)
        right = writer.reshaped(right, 0, [prod(sizes[i] for i in part) for part in parts])
    name = writer.add("MatMul", left, right)
    if len(columns) != 1:
        name = writer.reshaped(name, a.lead, [sizes[i] for i in (*rows, *columns)])
    made = Looped(name, a.lead, (*rows, *columns))
    return Looped(_ordered(writer, made, wanted), a.lead, tuple(wanted))
