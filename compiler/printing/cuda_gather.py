"""Kernels of `cpu_gather.py` for CUDA, with the same geometry: take, scatter, argmax, and rows of a
tensor.

A thread of `SCATTER` has one column of one example and adds up its rows in order.  So no two
threads write the same word, and every run gives the same bits.
"""

from __future__ import annotations

from gradc_compiler.printing.cuda_printer import HEAD


def _numbers(operands: int, geometry: int) -> str:
    """The lines that read the first words of operands, then the geometry."""
    firsts = "".join(f"    x{k} = table[at + {k}]\n" for k in range(1, operands))
    rest = "".join(f"    g{k} = table[at + {operands + k}]\n" for k in range(geometry))
    return f"\n    x0 = table[at]\n{firsts}{rest}"


GEOMETRY = _numbers(3, 7)

TAKE_ROWS = """\
    # {law}
    for t0 in range(thread(), total, threads()):
        i2 = t0 % g2
        t1 = t0 // g2
        i1 = t1 % g0
        i0 = t1 // g0 + begin
        n1 = min(max(index(numbers[x1 + i0 * g5 + i1]), 0), g1 - 1)
        words[{target} + i0 * g6 + i1 * g2 + i2] = words[x0 + {row} * g3 + n1 * g4 + i2]
"""
TAKE = (
    HEAD
    + GEOMETRY
    + TAKE_ROWS.format(law="y[n, s, r] = table[n, number[n, s], r]", target="x2", row="i0")
)
# If elements of a sequence index a table of their example, a third operand has their `owner`.
TAKE_OWN = (
    HEAD
    + _numbers(4, 7)
    + TAKE_ROWS.format(
        law="y[t, s, r] = table[owner[t], number[t, s], r]",
        target="x3",
        row="index(numbers[x2 + i0])",
    )
)

SCATTER = (
    HEAD
    + GEOMETRY
    + """\
    # y[n, number[n, s], r] += x[n, s, r]
    for t0 in range(thread(), total, threads()):
        i2 = t0 % g2
        i0 = t0 // g2 + begin
        for i1 in range(g0):
            n1 = min(max(index(numbers[x1 + i0 * g5 + i1]), 0), g1 - 1)
            a0 = x2 + i0 * g6 + n1 * g2 + i2
            words[a0] = words[a0] + words[x0 + i0 * g3 + i1 * g4 + i2]
"""
)

SCATTER_PAIR = SCATTER.replace(
    "words[a0] = words[a0] + words[x0 + i0 * g3 + i1 * g4 + i2]",
    """\
v0 = words[x0 + i0 * g3 + i1 * g4 + i2] + words[a0 + g1 * g2]
            words[a0 + g1 * g2] = lost(words[a0], v0)
            words[a0] = words[a0] + v0""",
)

FROM_ROWS = (
    HEAD
    + _numbers(4, 3)
    + """\
    # y[owner[t], position[t], r] = x[t, r]
    for t0 in range(thread(), total, threads()):
        i2 = t0 % g0
        i0 = t0 // g0 + begin
        n1 = index(numbers[x1 + i0]) * g2 + index(numbers[x2 + i0])
        words[x3 + n1 * g0 + i2] = words[x0 + i0 * g1 + i2]
"""
)

NUMBER_ROWS = FROM_ROWS.replace("words[", "numbers[")

ARGMAX = (
    HEAD
    + """
    x0 = table[at]
    x1 = table[at + 1]
    g0 = table[at + 2]
    g1 = table[at + 3]
    g2 = table[at + 4]
    g3 = table[at + 5]
    # y[n, s] = first k with the greatest x[n, s, k], or with NaN
    for t0 in range(thread(), total, threads()):
        i1 = t0 % g0
        i0 = t0 // g0 + begin
        a0 = x0 + i0 * g2 + i1 * g1
        v0 = words[a0]
        n1 = index(0)
        for i2 in range(1, g1):
            v1 = words[a0 + i2]
            if v0 == v0 and not v1 <= v0:
                v0 = v1
                n1 = index(i2)
        numbers[x1 + i0 * g3 + i1] = n1
"""
)
