"""Which kernel an operator along an axis has: one row each.

The names of variables say what they hold, on a GPU too: v a real number, n a whole one.

Note [An order in place].  An order is made by heapsort (Williams, Comm. ACM 7(6), 1964) among the
places of a row: n log n steps, no memory but the result.  It moves equal numbers past one another;
so here no two are equal: of equal numbers, and of NaN beside NaN, the one that stood later comes
after.  That gives the one order that a stable sort gives.  A loop runs as often as the heap has
levels (g2); once a number has come to rest the iterations that are left change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gradc_compiler.loops.chain_lengths import Chain
from gradc_compiler.loops.ir import Store
from gradc_compiler.machine.addition_chains import COMPENSATED, LONG
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.sorting import AddAlong, ArgSort, TakeAlong
from gradc_compiler.ops.structured import Structured
from gradc_compiler.printing.row_kernels import RowKernel
from gradc_compiler.printing.row_meaning import RowMeaning

UP = ("i2", "")  # an element's place, and what is added for the first
DOWN = ("(m0 - 1 - i2)", " + (m0 - 1) * g1")
SHORT_SUM = """\
v0 = x0[a0{first}]
x1[a1{first}] = v0
for i2 in range(1, m0):
    v0 = v0 + x0[a0 + {place} * g1]
    x1[a1 + {place} * g1] = v0
"""
LONG_SUM = """\
v0 = x0[a0{first}]
v1 = real(0.0)
x1[a1{first}] = v0
for i2 in range(1, m0):
    v2 = x0[a0 + {place} * g1] + v1
    v1 = lost(v0, v2)
    v0 = v0 + v2
    x1[a1 + {place} * g1] = v0
"""


def _running(ends: tuple[str, str], law: str, *, long: bool) -> RowKernel:
    """A running sum; a long one with what rounding loses of it."""
    place, first = ends
    text = (LONG_SUM if long else SHORT_SUM).format(place=place, first=first)
    law = f"{law}, compensated" if long else law
    means = RowMeaning(store=Store.SCAN, backwards=ends is DOWN)
    chain = _of_long if long else _of_row
    return RowKernel(law=law, text=text, kinds="rr", meaning=means, chain=chain)


def _of_row(lengths: Sequence[int]) -> Chain:
    return Chain(lengths[0])


def _in_memory(lengths: Sequence[int]) -> Chain:
    return Chain(0, lengths[0])


def _of_long(lengths: Sequence[int]) -> Chain:
    return Chain(COMPENSATED)


SUMS = {
    (backwards, long): _running(ends, law, long=long)
    for backwards, ends, law in (
        (False, UP, "y[k] = x[0] + ... + x[k]"),
        (True, DOWN, "y[k] = x[k] + ... + x[n - 1]"),
    )
    for long in (False, True)
}

ORDER = RowKernel(
    law="y = the places of x in rising order, equal ones as they stand, NaN last",
    kinds="rw",
    meaning=RowMeaning(store=Store.ORDER),
    text="""\
for i2 in range(m0):
    x1[a1 + i2] = index(i2)
for i2 in range(m0 // 2 + m0 - 1):
    n0 = m0 // 2 - 1 - i2
    n1 = m0
    if n0 < 0:
        n1 = m0 + n0
        n0 = 0
        n2 = index(x1[a1 + n1])
        x1[a1 + n1] = x1[a1]
        x1[a1] = index(n2)
    n2 = index(x1[a1 + n0])
    v0 = x0[a0 + n2]
    for i3 in range(g2):
        n3 = 2 * n0 + 1
        if n3 < n1:
            n4 = index(x1[a1 + n3])
            v1 = x0[a0 + n4]
            if n3 + 1 < n1:
                n5 = index(x1[a1 + n3 + 1])
                v2 = x0[a0 + n5]
                if {after_1}:
                    n3 = n3 + 1
                    n4 = index(n5)
                    v1 = v2
            if {after_0}:
                x1[a1 + n0] = index(n4)
                n0 = n3
    x1[a1 + n0] = index(n2)
""".format(
        **{
            name: f"{a} > {b} or ({a} != {a} and {b} == {b}) or "
            f"(not ({a} < {b} or ({a} == {a} and {b} != {b})) and {i} > {j})"
            for name, a, b, i, j in (
                ("after_1", "v2", "v1", "n5", "n4"),
                ("after_0", "v1", "v0", "n4", "n2"),
            )
        }
    ),
)

PLACE = """\
    n0 = index(x1[a1 + i2])
    if n0 < 0:
        n0 = index(0)
    if n0 >= {count}:
        n0 = index({count} - 1)
"""
TAKEN = RowKernel(
    law="y[i] = x[index[i]]",
    kinds="rwr",
    meaning=RowMeaning(store=Store.SET, at="x"),
    text="for i2 in range(m1):\n" + PLACE.format(count="m0") + "    x2[a2 + i2] = x0[a0 + n0]\n",
)
ADDED = RowKernel(
    law="y[index[i]] += x[i]",
    kinds="rwr",
    meaning=RowMeaning(store=Store.ADD, at="y", zeroed=True),
    chain=_in_memory,
    text="for i2 in range(m2):\n    x2[a2 + i2] = real(0.0)\nfor i2 in range(m1):\n"
    + PLACE.format(count="m2")
    + "    x2[a2 + n0] = x2[a2 + n0] + x0[a0 + i2]\n",
)
ADDED_PAIR = RowKernel(
    law="y[0, index[i]] += x[i], and y[1, ...] += what rounding lost of it",
    kinds="rwr",
    meaning=RowMeaning(store=Store.PAIR, at="y", zeroed=True),
    chain=_of_long,
    text="""\
n1 = g0 * m2
for i2 in range(m2):
    x2[a2 + i2] = real(0.0)
    x2[a2 + n1 + i2] = real(0.0)
for i2 in range(m1):
"""
    + PLACE.format(count="m2")
    + """\
    v0 = x0[a0 + i2] + x2[a2 + n1 + n0]
    x2[a2 + n1 + n0] = lost(x2[a2 + n0], v0)
    x2[a2 + n0] = x2[a2 + n0] + v0
""",
)

ROW_KERNELS: Mapping[type[Structured], Callable[..., RowKernel]] = {
    CumSum: lambda op, x: SUMS[op.backwards, x.shape[op.axis] > LONG],
    ArgSort: lambda op, x: ORDER,
    TakeAlong: lambda op, x, index: TAKEN,
    AddAlong: lambda op, x, index: ADDED_PAIR if op.pair else ADDED,
}
BY_SOURCE = {kernel.cpu: kernel for kernel in (*SUMS.values(), ORDER, TAKEN, ADDED, ADDED_PAIR)}
