"""Which instructions may be launched in another order than they stand in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradc_compiler.program.entry import Instruction, Operand, Space, StepMemory
from gradc_compiler.select.launch_pieces import meet, wait

X = Operand(Space.BLOCK, 0, words=8)
Y = Operand(Space.BLOCK, 8, words=8)
Z = Operand(Space.BLOCK, 4, words=8)  # in words of both


def instruction(*operands: Operand, writes: tuple[int, ...] | None = (1,)) -> Instruction:
    return Instruction(kernel=0, operands=operands, geometry=(), writes=writes)


@pytest.mark.parametrize(
    ("one", "other", "ordered"),
    [
        (instruction(X, Y), instruction(Y, X), True),
        (instruction(X, Y), instruction(X, replace(Y, offset=16)), False),  # both only read X
        (instruction(X, Y), instruction(X, Z), True),
        (instruction(X, Y, writes=None), instruction(X, replace(Y, offset=16)), True),
        (instruction(X, replace(Y, time=0)), instruction(X, Y), False),  # rows of another kind
        (instruction(X, replace(Y, time=0, step=StepMemory(0, 8))), instruction(X, Y), True),
    ],
)
def test_what_has_to_keep_its_order(one: Instruction, other: Instruction, ordered: bool) -> None:
    assert wait(one, other) == wait(other, one) == ordered


def test_storages_of_unknown_length_may_meet() -> None:
    assert meet(replace(X, words=0), replace(Y, offset=99))
    assert not meet(X, replace(Y, space=Space.UNIFORM))
