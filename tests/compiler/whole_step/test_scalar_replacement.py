"""Words of memory as variables: nests before, code after; and with the pass off."""

from __future__ import annotations

from textwrap import dedent

from gradc_compiler.loops.ir import MemAccess, Store
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.whole_step.step_text import print_step
from gradc_compiler.whole_step.step_writer import StepWriter
from tests.support.nests import at, loops, product

WHERE = {
    "x": Operand(Space.ARRAY, 0, 2),
    "w": Operand(Space.PERSISTENT, 0),
    "y": Operand(Space.BLOCK, 0),
    "z": Operand(Space.ARRAY + 1, 0, 1),
    "u": Operand(Space.UNIFORM, 0),
}


def where(access: MemAccess) -> Operand:
    return WHERE[str(access.storage[0])]


def writer() -> StepWriter:
    return StepWriter(locate=where, switches=Switches())


INSIDE = [
    product(
        loops(Extent.RANGE, 2, summed=(1,)),
        (at("x", 2, 1), at("w", 0, 1), at("y", 1, 0)),
        Store.SUM,
    ),
    product(loops(Extent.RANGE), (at("y", 1), at("y", 1), at("z", 1))),
]
BEFORE = """
    for i0 of rows
      sum i1 of 2
        v5 = x[i0 * 2 + i1]
        v3 = w[i1]
        v9 = v5 * v3
      y[i0] = sum of v9
    for i0 of rows
      v5 = y[i0]
      v3 = y[i0]
      v9 = v5 * v3
      z[i0] = v9
    """
AFTER = """
    def k0(pointers, geometry, begin, end, first):
        g0 = geometry[0]
        x0 = reals(pointers, 0)
        x1 = reals(pointers, 1)
        x2 = reals(pointers, 2)
        for t0 in range(begin, end):
            v2 = x1[0]
            v5 = x1[1]
            for i0 in range(g0):
                n0 = t0 * g0 + i0
                v1 = x0[n0 * 2 + 0]
                v3 = v1 * v2
                v4 = x0[n0 * 2 + 1]
                v6 = v4 * v5
                v7 = plus(v3, v6)
                v8 = v7 * v7
                x2[n0 * 1 + 0] = v8
    """


def test_what_passes_from_nest_to_nest_is_a_variable() -> None:
    assert "".join(map(nest_text, INSIDE)) == dedent(BEFORE).lstrip()
    made = writer()
    made.enter()
    for nest in INSIDE:
        made.nest(nest)
    made.leave()
    assert print_step(made.code()) == dedent(AFTER).lstrip()


ONCE = [
    product(loops(1), (at("w", 1), at("w", 1), at("u", 1))),
    product(loops(1), (at("u", 1), at("u", 1), at("u", 1, offset=1))),
]


def lines(*, scalars: bool) -> list[str]:
    """What is written, where tasks leave in variables what they compute, or do not."""
    made = writer()
    for nest in ONCE:
        made.nest(nest)
        if not scalars:
            made.settle_all()
    return [line.strip() for line in print_step(made.code()).splitlines() if "v" in line]


def test_without_it_what_is_computed_once_goes_through_memory() -> None:
    assert lines(scalars=True) == ["v1 = x0[0]", "v2 = v1 * v1", "v3 = v2 * v2"]
    assert lines(scalars=False) == [
        *("v1 = x0[0]", "v2 = v1 * v1", "x1[0] = v2"),
        *("v3 = x1[0]", "v4 = v3 * v3", "x1[1] = v4"),
    ]
