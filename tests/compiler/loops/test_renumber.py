"""Variables by the order of their values: text before, text after."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.renumber import renumber
from gradc_compiler.printing.cpu_printer import print_cpu_nest
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.kernel_abi import Extent
from tests.support.nests import WHOLE, at, loops, product


def nest() -> LoopNest:
    """b, of another row, is read within the second loop; which row, within the first."""
    given = product(
        loops(Extent.RANGE, 7), (at("a", 7, 1), at("b", 7, 1, row=WHOLE[4]), at("y", 7, 1))
    )
    return replace(given, loads=(*given.loads[:1], (WHOLE[4], at("row", 1, 0)), *given.loads[1:]))


BEFORE = """
    for i0 of rows
      for i1 of 7
        v5 = a[i0 * 7 + i1]
        n4 = row[i0]
        v3 = b[n4 * 7 + i1]
        v9 = v5 * v3
        y[i0 * 7 + i1] = v9
    """
IN_PLACE = """
    for i0 of rows
      for i1 of 7
        v0 = a[i0 * 7 + i1]
        n1 = row[i0]
        v2 = b[n1 * 7 + i1]
        v3 = v0 * v2
        y[i0 * 7 + i1] = v3
    """
HOISTED = """
    for i0 of rows
      for i1 of 7
        v1 = a[i0 * 7 + i1]
        n0 = row[i0]
        v2 = b[n0 * 7 + i1]
        v3 = v1 * v2
        y[i0 * 7 + i1] = v3
    """


def test_variables_are_numbered_as_they_get_their_values() -> None:
    assert nest_text(nest()) == dedent(BEFORE).lstrip()
    assert nest_text(renumber(nest(), hoisted=False)) == dedent(IN_PLACE).lstrip()
    assert nest_text(renumber(nest(), hoisted=True)) == dedent(HOISTED).lstrip()


def test_equal_work_has_equal_text() -> None:
    one = renumber(nest(), hoisted=False)
    assert nest_text(one) != nest_text(nest())
    assert print_cpu_nest(one).source == print_cpu_nest(nest()).source
