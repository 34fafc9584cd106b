"""What is known of a loop nest before it is text."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import LoopNest, MemAccess, NestLoop, Store, Variable
from gradc_compiler.loops.writes_apart import writes_apart


@pytest.mark.parametrize(
    ("moves", "extents", "apart"),
    [
        ((7, 1), (5, 7), True),
        ((1, 5), (5, 7), True),
        ((1, 1), (5, 7), False),
        ((2, 1), (5, 3), False),
        ((3, 1), (5, 3), True),
        ((0, 1), (5, 7), False),
        ((-7, 1), (5, 7), True),
        ((6, 1, 30), (5, 6, 4), True),
        ((6, 1, 20), (5, 6, 4), False),
        ((9, 2, 2), (5, 3, 3), True),  # what is inside overlaps, but stays inside
        ((8, 2, 2), (5, 3, 3), False),
        ((1,), (5,), True),
    ],
)
def test_turns_of_the_outermost_loop_write_apart(
    moves: tuple[int, ...], extents: tuple[int, ...], apart: bool
) -> None:
    y = MemAccess(storage=("node", 0), offset=0, moves=moves)
    loops = tuple(NestLoop(extent=n) for n in extents)
    nest = LoopNest(
        loops=loops, loads=(), statements=(), stores=((Variable(Kind.REAL, 0), y, Store.ADD),)
    )
    assert writes_apart(nest) == apart
    words = [
        {i * moves[0] + m for m in _reached(moves[1:], extents[1:])} for i in range(extents[0])
    ]
    disjoint = len(set().union(*words)) == sum(map(len, words))
    assert disjoint or not apart, "threads would write the same word"


def _reached(moves: tuple[int, ...], extents: tuple[int, ...]) -> set[int]:
    reached = {0}
    for move, extent in zip(moves, extents, strict=True):
        reached = {at + move * i for at in reached for i in range(extent)}
    return reached
