"""The kernels that every entry needs: how a step begins and ends, and sums and means."""

from __future__ import annotations

HEAD = "def k0(words, numbers, table, at, begin, count, total):"

CLEAR = f"""\
{HEAD}
    # y = 0
    x0 = table[at]
    for t0 in range(thread(), total, threads()):
        words[x0 + t0] = real(0.0)
"""

MEAN = f"""\
{HEAD}
    # y = x / N
    x0 = table[at]
    x1 = table[at + 1]
    for t0 in range(thread(), total, threads()):
        words[x1 + t0] = words[x0 + t0] / real(count)
"""

END = f"""\
{HEAD}
    # the next batch
    x0 = table[at]
    for t0 in range(thread(), total, threads()):
        numbers[x0 + t0] = numbers[x0 + t0] + 1
"""

LOAD = f"""\
{HEAD}
    # y[r] = x[first + r], rows of g0 words, where x2 says which is first
    x0 = table[at]
    x1 = table[at + 1]
    x2 = table[at + 2]
    g0 = table[at + 3]
    n0 = index(numbers[x2])
    for t0 in range(thread(), total, threads()):
        t1 = t0 + begin * g0
        numbers[x1 + t1] = numbers[x0 + n0 * g0 + t1]
"""

GATHER = f"""\
{HEAD}
    # y[r] = x[number[first + r]], rows of g0 words, where x3 says which is first
    x0 = table[at]
    x1 = table[at + 1]
    x2 = table[at + 2]
    x3 = table[at + 3]
    g0 = table[at + 4]
    n0 = index(numbers[x3])
    for t0 in range(thread(), total, threads()):
        i0 = t0 // g0 + begin
        i1 = t0 % g0
        n1 = index(numbers[x2 + n0 + i0])
        numbers[x1 + i0 * g0 + i1] = numbers[x0 + n1 * g0 + i1]
"""

KEEP = f"""\
{HEAD}
    # y[first + r] = x[r], rows of g0 words, where x2 says which is first
    x0 = table[at]
    x1 = table[at + 1]
    x2 = table[at + 2]
    g0 = table[at + 3]
    n0 = index(numbers[x2])
    for t0 in range(thread(), total, threads()):
        t1 = t0 + begin * g0
        numbers[x1 + n0 * g0 + t1] = numbers[x0 + t1]
"""

FINITE = f"""\
{HEAD}
    # y = 1 where a number is not finite; a thread that finds one writes what any other would
    x0 = table[at]
    x1 = table[at + 1]
    for t0 in range(thread(), total, threads()):
        v0 = words[x0 + t0] - words[x0 + t0]
        if not v0 == v0:
            words[x1] = real(1.0)
"""
