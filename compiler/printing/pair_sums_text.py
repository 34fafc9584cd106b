"""How values of pairs are summed up, times rows of a matrix, and how sums come to memory."""

from __future__ import annotations

from gradc_compiler.printing.attention_plan import DOWN, WIDE, PlannedSum
from gradc_compiler.printing.pair_writer import (
    PAD,
    PairWriter,
    copied_words,
    fetch,
    log,
    pair_row,
)

AT_ONCE = 4 * DOWN  # rows of results that come to memory together


def _rows_at_once(w: PairWriter, own: PlannedSum) -> int:
    """Rows of what is summed that s0 has room for."""
    most = copied_words(w) // own.width
    return min(w.plan.tile.columns, 1 << (most.bit_length() - 1))


def add_up(w: PairWriter, k: int) -> None:
    """Values times rows of a matrix, added to what there is, some rows at a time.  Where a sum is
    narrow, threads share these rows.
    """
    plan, own, row = w.plan, w.plan.sums[k], pair_row(w)
    rows, width = _rows_at_once(w, own), own.width
    keys, of_row = rows // own.shares, w.plan.tile.own_rows
    w.line(f"e3 = whole({w.number(own.wide.each)})")
    w.line(f"c2 = whole(d1 >> {log(width // 4)})")
    w.line(f"c3 = whole((d1 & {width // 4 - 1}) * 4)")
    w.line("k1 = whole(0)")
    w.line(f"m9 = zeros({4 * of_row})")
    w.line(f"for n1 in range({plan.tile.columns // rows}):")
    w.depth += 1
    w.line(f"k0 = whole(h1 + n1 * {rows})")
    w.line("barrier()")
    across = (width, own.wide, "k1", "e3")
    fetch(w, own.factor, (rows, plan.columns, "k0", "e1"), across, ("0", width), own.four)
    w.line("copies_arrive()")
    w.line("barrier()")
    first = f"s{k + 1}, d0 * {row} + n1 * {rows} + c2 * {keys}, s0, c2 * {keys * width} + c3"
    w.line(f"m9 = products(m9, {first}, {keys}, {of_row}, 4, 1, {DOWN * row}, {width}, 0)")
    w.depth -= 1
    w.line(f"m{k} = joined(m{k}, m9, s5, d0, 4, {DOWN})")


def write_sum(w: PairWriter, k: int) -> None:
    """Results to memory by way of s1, some rows of each thread at a time."""
    plan, own, row = w.plan, w.plan.sums[k], WIDE + PAD
    for four in range(plan.tile.own_rows // 4):
        w.line("barrier()")
        w.line(f"keep(m{k}, {four}, s1, d0 * {row} + d1 * 4, 4, {DOWN * row}, 4, 0)")
        w.line("barrier()")
        w.line(f"for t2 in range(t0, {AT_ONCE * own.width}, {w.threads}):")
        w.depth += 1
        w.line(f"j2 = whole(t2 >> {log(own.width)})")
        w.line(f"j0 = whole(j2 + {four * AT_ONCE})")
        w.line(f"j1 = whole(t2 & {own.width - 1})")
        w.line(f"if h0 + j0 < e0 and j1 < {w.number(own.wide.each)}:")
        w.line(f"    r0 = s1[j2 * {row} + j1]")
        for share in range(1, own.shares):
            w.line(f"    r0 = plus(r0, s1[j2 * {row} + {share * own.width} + j1])")
        at = plan.matrices + k
        place = f"a{at}{w.moved(at, ('j0', plan.rows), ('j1', own.wide))}"
        w.line(f"    words[{place}] = r0{'' if plan.statistics is None else ' / s4[j0]'}")
        w.depth -= 1


def write_statistics(w: PairWriter) -> None:
    """What is greatest of each row, and its sum."""
    plan = w.plan
    if plan.statistics is None:
        return
    w.line(f"for t2 in range(t0, {plan.tile.rows}, {w.threads}):")
    w.line("    if h0 + t2 < e0:")
    place = f"a{plan.of_rows}{w.moved(plan.of_rows, ('t2', plan.rows))}"
    for own, first in zip(("s3", "s4"), plan.statistics, strict=True):
        w.line(f"        words[{place} + {w.number(first)}] = {own}[t2]")
