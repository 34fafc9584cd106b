"""Copies that a kernel of a whole step can do without: text before, text after."""

from __future__ import annotations

from collections.abc import Collection
from textwrap import dedent

import pytest

from gradc_compiler.fusion.stages import Stage
from gradc_compiler.loops.ir import LoopNest, MemAccess, Store
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.entry import Instruction, Operand, Space
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.whole_step.copy_propagation import propagate_copies
from gradc_compiler.whole_step.step import Begin, StepNests, Task
from tests.support.nests import REAL, at, loops, product

WHERE = {
    "W": Operand(Space.PERSISTENT, 0),
    "turned": Operand(Space.UNIFORM, 0),
    "x": Operand(Space.ARRAY, 0, 3),
    "y": Operand(Space.BLOCK, 0),
}


def where(access: MemAccess) -> Operand:
    return WHERE[str(access.storage[0])]


def task(nest: LoopNest, examples: bool) -> Task:
    operands = tuple(where(access) for access in nest.accesses())
    instruction = Instruction(kernel=0, operands=operands, geometry=())
    return Task(instruction, nest, Stage(1 if examples else 0, examples))


def copy(source: MemAccess) -> Task:
    """turned[j, i] = W[i, j], for W: [2, 3]."""
    target = at("turned", 2, 1)
    stores = ((REAL[0], target, Store.SET),)
    headers = loops(3, 2)
    nest = LoopNest(loops=headers, loads=((REAL[0], source),), statements=(), stores=stores)
    return task(nest, examples=False)


def reader(moves: tuple[int, ...] = (0, 1, 2)) -> Task:
    """y[i] = sum over j of x[j] * turned[j, i]."""
    places = at("x", 3, 0, 1), at("turned", *moves), at("y", 2, 1, 0)
    return task(product(loops(Extent.RANGE, 2, 3, summed=(2,)), places, Store.SUM), examples=True)


BEFORE = """
    for i0 of 3
      for i1 of 2
        v0 = W[i0 + i1 * 3]
        turned[i0 * 2 + i1] = v0
    for i0 of rows
      for i1 of 2
        sum i2 of 3
          v5 = x[i0 * 3 + i2]
          v3 = turned[i1 + i2 * 2]
          v9 = v5 * v3
        y[i0 * 2 + i1] = sum of v9
    """
AFTER = """
    for i0 of rows
      for i1 of 2
        sum i2 of 3
          v5 = x[i0 * 3 + i2]
          v3 = W[i1 * 3 + i2]
          v9 = v5 * v3
        y[i0 * 2 + i1] = sum of v9
    """


def step(tasks: list[Task], kept: Collection[Begin] = ()) -> StepNests:
    return StepNests(tasks=(*tasks,), where=where, kept=frozenset(kept), words={})


def text(made: StepNests) -> str:
    return "".join(nest_text(task.nest) for task in made.tasks)


def test_who_reads_a_copy_reads_its_source() -> None:
    before = step([copy(at("W", 1, 3)), reader()])
    assert text(before) == dedent(BEFORE).lstrip()
    assert text(propagate_copies(before)) == dedent(AFTER).lstrip()


def writer() -> Task:
    """W = x, once: what the copy has is not there any more."""
    places = at("x", 1), at("x", 0), at("W", 1)
    return task(product(loops(6), places), examples=False)


STAYING = {
    "read from outside": ([copy(at("W", 1, 3)), reader()], {(int(Space.UNIFORM), 0)}),
    "of what is no persistent": ([copy(at("x", 1, 3)), reader()], set()),
    "whose source is written before it is read": ([copy(at("W", 1, 3)), writer(), reader()], set()),
    "read across its rows": ([copy(at("W", 1, 3)), reader((0, 1, 3))], set()),
}


@pytest.mark.parametrize("name", STAYING)
def test_a_copy_stays_that_is(name: str) -> None:
    before = step(*STAYING[name])
    assert propagate_copies(before) is before
