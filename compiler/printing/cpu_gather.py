"""CPU kernels that read or write where the data says: take, scatter, argmax, and rows of a tensor.

The strides of a loop nest are known when it is compiled; here, the address depends on the data.
These kernels are few, so each is written by hand, with its sizes as arguments.  An index out of
range is clamped into the range, so that no data can make a kernel touch other memory.

geometry = [numbers, rows of the table, words of a row, then the words from one example's to the
next of x, from one row of x to the next, from one example's to the next of the numbers, and of y];
of argmax: [rows, words of a row, words of an example of x, and of y].
"""

from __future__ import annotations

HEAD = "def k0(pointers, geometry, begin, end, first):\n"

ROWS = (
    HEAD
    + """\
    # {law}
    x0 = reals(pointers, 0)
    x1 = indices(pointers, 1)
    x2 = reals(pointers, 2)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            n1 = index(x1[i0 * geometry[5] + i1])
            if n1 < 0:
                n1 = 0
            if n1 >= geometry[1]:
                n1 = geometry[1] - 1
            for i2 in range(geometry[2]):
                n2 = i0 * geometry[3] + {row} * geometry[4] + i2
                {store}
"""
)
TAKE = ROWS.format(
    law="y[n, s, r] = table[n, number[n, s], r]",
    row="n1",
    store="x2[i0 * geometry[6] + i1 * geometry[2] + i2] = x0[n2]",
)
SCATTER = ROWS.format(
    law="y[n, number[n, s], r] += x[n, s, r]",
    row="i1",
    store="x2[i0 * geometry[6] + n1 * geometry[2] + i2] += x0[n2]",
)

SCATTER_PAIR = ROWS.format(
    law="y[n, 0, number[n, s], r] += x[n, s, r], and y[n, 1, ...] += what rounding lost of it",
    row="i1",
    store="""n3 = i0 * geometry[6] + n1 * geometry[2] + i2
                n4 = n3 + geometry[1] * geometry[2]
                v0 = x0[n2] + x2[n4]
                x2[n4] = lost(x2[n3], v0)
                x2[n3] += v0""",
)

# Of a table of the whole example, by the elements of a sequence: its owner is a third operand.
TAKE_OWN = (
    ROWS.format(
        law="y[t, s, r] = table[owner[t], number[t, s], r]",
        row="n1",
        store="x3[i0 * geometry[6] + i1 * geometry[2] + i2] = x0[n2]",
    )
    .replace("x2 = reals(pointers, 2)", "x2 = indices(pointers, 2)\n    x3 = reals(pointers, 3)")
    .replace("n2 = i0 * geometry[3]", "n2 = index(x2[i0]) * geometry[3]")
)

# geometry = [words of an element, words from one element to the next of x, rows of y]
FROM_ROWS = (
    HEAD
    + """\
    # y[owner[t], position[t], r] = x[t, r]
    x0 = reals(pointers, 0)
    x1 = indices(pointers, 1)
    x2 = indices(pointers, 2)
    x3 = reals(pointers, 3)
    for i0 in range(begin, end):
        n1 = index(x1[i0]) * geometry[2] + index(x2[i0])
        for i2 in range(geometry[0]):
            x3[n1 * geometry[0] + i2] = x0[i0 * geometry[1] + i2]
"""
)

NUMBER_ROWS = FROM_ROWS.replace("x0 = reals", "x0 = indices").replace("x3 = reals", "x3 = indices")

ARGMAX = (
    HEAD
    + """\
    # y[n, s] = first k with the greatest x[n, s, k], or with NaN
    x0 = reals(pointers, 0)
    x1 = indices(pointers, 1)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            v0 = x0[i0 * geometry[2] + i1 * geometry[1]]
            n1 = 0
            for i2 in range(1, geometry[1]):
                v1 = x0[i0 * geometry[2] + i1 * geometry[1] + i2]
                if v0 == v0 and not v1 <= v0:
                    v0 = v1
                    n1 = i2
            x1[i0 * geometry[3] + i1] = index(n1)
"""
)
