"""Peeling, and with it unrolling: text before, text after."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

from gradc_compiler.loops.ir import Apply, LoopCounter, LoopNest, Statement, Store
from gradc_compiler.loops.peel import peel
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.kernel_abi import Extent
from tests.support.nests import REAL, at, loops, product

SUM = product(
    loops(Extent.RANGE, 3, 4, summed=(2,)),
    (at("a", 12, 4, 1), at("b", 0, 0, 2, offset=1), at("y", 3, 1, 0)),
    Store.SUM,
)
BEFORE = """
    for i0 of rows
      for i1 of 3
        sum i2 of 4
          v5 = a[i0 * 12 + i1 * 4 + i2]
          v3 = b[i2 * 2 + 1]
          v9 = v5 * v3
        y[i0 * 3 + i1] = sum of v9
    """
ONE = """
    for i0 of rows
      v5 = a[i0 * 12 + 11]
      v3 = b[7]
      v9 = v5 * v3
      y[i0 * 3 + 2] = sum of v9
    """
INNER = """
    for i0 of rows
      for i1 of 3
        v5 = a[i0 * 12 + i1 * 4 + 1]
        v3 = b[3]
        v9 = v5 * v3
        y[i0 * 3 + i1] = sum of v9
    """


def test_a_loop_that_is_peeled_is_an_offset() -> None:
    assert nest_text(SUM) == dedent(BEFORE).lstrip()
    assert nest_text(peel(SUM, {0: 0, 1: 2, 2: 3})) == dedent(ONE).lstrip()
    assert nest_text(peel(SUM, {2: 1})) == dedent(INNER).lstrip()


def test_of_a_merged_loop_over_rows_one_iteration_of_each_row_is_peeled() -> None:
    merged = product(loops(Extent.RANGE), (at("a", 1), at("b", 0), at("y", 1)))
    merged = replace(merged, loops=(replace(merged.loops[0], scale=12),))
    after = """
        for i0 of rows
          v5 = a[i0 * 12 + 7]
          v3 = b[0]
          v9 = v5 * v3
          y[i0 * 12 + 7] = v9
        """
    assert nest_text(peel(merged, {0: 7})) == dedent(after).lstrip()


def counting() -> LoopNest:
    """What depends on how far its loops are."""
    counters = Apply("f", tuple(LoopCounter(j) for j in range(3)))
    statement = Statement(REAL[0], counters)
    stores = ((REAL[0], at("y", 12, 4, 1), Store.SET),)
    headers = loops(Extent.RANGE, 3, 4)
    return LoopNest(loops=headers, loads=(), statements=(statement,), stores=stores)


def test_a_counter_is_a_number_then_and_those_that_stay_are_counted_anew() -> None:
    before = """
        for i0 of rows
          for i1 of 3
            for i2 of 4
              v0 = f(i0, i1, i2)
              y[i0 * 12 + i1 * 4 + i2] = v0
        """
    after = """
        for i0 of rows
          for i1 of 4
            v0 = f(i0, 2, i1)
            y[i0 * 12 + i1 + 8] = v0
        """
    assert nest_text(counting()) == dedent(before).lstrip()
    assert nest_text(peel(counting(), {1: 2})) == dedent(after).lstrip()
