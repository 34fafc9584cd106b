"""Loop interchange: text before, text after."""

from __future__ import annotations

from textwrap import dedent

from gradc_compiler.loops.interchange import interchange
from gradc_compiler.loops.ir import Store
from gradc_compiler.printing.nest_text import nest_text
from tests.support.nests import at, loops, product

NEST = product(
    loops(3, 4, 5, summed=(0,)), (at("a", 20, 5, 1), at("b", 1, 0, 3), at("y", 0, 5, 1)), Store.ADD
)
BEFORE = """
    sum i0 of 3
      for i1 of 4
        for i2 of 5
          v5 = a[i0 * 20 + i1 * 5 + i2]
          v3 = b[i0 + i2 * 3]
          v9 = v5 * v3
          y[i1 * 5 + i2] += v9
    """
AFTER = """
    for i0 of 4
      for i1 of 5
        sum i2 of 3
          v5 = a[i0 * 5 + i1 + i2 * 20]
          v3 = b[i1 * 3 + i2]
          v9 = v5 * v3
          y[i0 * 5 + i1] += v9
    """


def test_what_is_summed_over_comes_last() -> None:
    assert nest_text(NEST) == dedent(BEFORE).lstrip()
    assert nest_text(interchange(NEST, [1, 2, 0])) == dedent(AFTER).lstrip()


def test_back_again_is_the_same_nest() -> None:
    assert interchange(interchange(NEST, [1, 2, 0]), [2, 0, 1]) == NEST
