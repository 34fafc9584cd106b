"""Loop collapse: text before, text after."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest

from gradc_compiler.loops.collapse import collapse_loops
from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.kernel_abi import Extent
from tests.support.nests import WHOLE, at, loops, product

CASES = {
    "a batch of a contiguous tensor is one loop": (
        product(
            loops(Extent.RANGE, 5, 7), (at("a", 35, 7, 1), at("b", 35, 7, 1), at("y", 35, 7, 1))
        ),
        """
        for i0 of rows
          for i1 of 5
            for i2 of 7
              v5 = a[i0 * 35 + i1 * 7 + i2]
              v3 = b[i0 * 35 + i1 * 7 + i2]
              v9 = v5 * v3
              y[i0 * 35 + i1 * 7 + i2] = v9
        """,
        """
        for i0 of rows * 35
          v5 = a[i0]
          v3 = b[i0]
          v9 = v5 * v3
          y[i0] = v9
        """,
    ),
    "a loop of one iteration is none, and a broadcast one stays": (
        product(loops(Extent.RANGE, 1, 7), (at("a", 7, 3, 1), at("b", 0, 0, 1), at("y", 7, 0, 1))),
        """
        for i0 of rows
          for i1 of 1
            for i2 of 7
              v5 = a[i0 * 7 + i1 * 3 + i2]
              v3 = b[i2]
              v9 = v5 * v3
              y[i0 * 7 + i2] = v9
        """,
        """
        for i0 of rows
          for i1 of 7
            v5 = a[i0 * 7 + i1]
            v3 = b[i1]
            v9 = v5 * v3
            y[i0 * 7 + i1] = v9
        """,
    ),
    "what is summed over is not merged with what is not": (
        product(
            loops(3, 4, 5, summed=(1, 2)),
            (at("a", 20, 5, 1), at("b", 20, 5, 1), at("y", 1, 0, 0)),
            Store.SUM,
        ),
        """
        for i0 of 3
          sum i1 of 4
            sum i2 of 5
              v5 = a[i0 * 20 + i1 * 5 + i2]
              v3 = b[i0 * 20 + i1 * 5 + i2]
              v9 = v5 * v3
          y[i0] = sum of v9
        """,
        """
        for i0 of 3
          sum i1 of 20
            v5 = a[i0 * 20 + i1]
            v3 = b[i0 * 20 + i1]
            v9 = v5 * v3
          y[i0] = sum of v9
        """,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_neighbours_become_one_loop(name: str) -> None:
    nest, before, after = CASES[name]
    assert nest_text(nest) == dedent(before).lstrip()
    assert nest_text(collapse_loops(nest)) == dedent(after).lstrip()


def unmoved() -> list[LoopNest]:
    given = product(loops(Extent.RANGE, 5), (at("a", 5, 1), at("b", 5, 1), at("y", 5, 1)))
    elsewhere = at("a", 5, 1, row=WHOLE[2])
    (v, _), second = given.loads
    return [replace(given, positional=True), replace(given, loads=((v, elsewhere), second))]


@pytest.mark.parametrize("nest", unmoved(), ids=["counted loops", "rows of another step"])
def test_loops_that_somebody_counts_are_left(nest: LoopNest) -> None:
    assert collapse_loops(nest) == nest
