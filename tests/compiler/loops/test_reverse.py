"""Loop reversal: text before, text after."""

from __future__ import annotations

from textwrap import dedent

from gradc_compiler.loops.reverse import run_forwards
from gradc_compiler.printing.nest_text import nest_text
from tests.support.nests import at, loops, product

NEST = product(loops(3, 4), (at("a", 4, 1), at("b", 0, -2, offset=6), at("y", 4, -1, offset=3)))
BEFORE = """
    for i0 of 3
      for i1 of 4
        v5 = a[i0 * 4 + i1]
        v3 = b[i1 * -2 + 6]
        v9 = v5 * v3
        y[i0 * 4 + i1 * -1 + 3] = v9
    """
AFTER = """
    for i0 of 3
      for i1 of 4
        v5 = a[i0 * 4 + i1 * -1 + 3]
        v3 = b[i1 * 2]
        v9 = v5 * v3
        y[i0 * 4 + i1] = v9
    """


def test_the_result_is_written_forwards() -> None:
    assert nest_text(NEST) == dedent(BEFORE).lstrip()
    assert nest_text(run_forwards(NEST)) == dedent(AFTER).lstrip()
    assert run_forwards(run_forwards(NEST)) == run_forwards(NEST)
