"""Reads of copies become reads of what was copied, and only where that is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradc_compiler.emitted.see_through import see_through_copies
from gradc_compiler.loops.ir import LoopNest, MemAccess, Statement, Store
from tests.support.nests import REAL, at, loops
from tests.support.run_nest import run_nest

WEIGHTS = ("persistent", "W")


def of_weights(*moves: int, offset: int = 0) -> MemAccess:
    return MemAccess(storage=WEIGHTS, offset=offset, moves=moves)


def copy(extents: tuple[int, ...], source: MemAccess, target: MemAccess) -> LoopNest:
    statement = Statement(REAL[1], REAL[0])
    stores = ((REAL[1], target, Store.SET),)
    return LoopNest(
        loops=loops(*extents), loads=((REAL[0], source),), statements=(statement,), stores=stores
    )


TRANSPOSED = copy((25, 8), of_weights(1, 25), at("y", 8, 1))
READER = LoopNest(  # W[k, l, o] by the transposed copy
    loops=loops(8, 5, 5),
    loads=((REAL[0], at("y", 1, 40, 8)),),
    statements=(),
    stores=((REAL[0], at("z", 25, 5, 1), Store.SET),),
)


def test_a_transposed_copy() -> None:
    found = see_through_copies([TRANSPOSED, READER], ())
    assert found[0] is None and found[1] is not None
    assert found[1].loads[0][1] == of_weights(25, 5, 1)
    memory = {WEIGHTS: np.arange(200.0), ("z",): np.zeros(200)}
    run_nest(found[1], memory)
    np.testing.assert_array_equal(memory["z",], np.arange(200.0))


@pytest.mark.parametrize(
    "reader",
    [
        replace(READER, loops=loops(9, 5, 5)),  # k would carry into the next digit
        replace(READER, loads=((REAL[0], at("y", -1, 40, 8, offset=7)),)),
        replace(READER, stores=((REAL[0], at("y", 1, 40, 8), Store.ADD),)),
    ],
)
def test_what_would_not_be_the_same(reader: LoopNest) -> None:
    assert see_through_copies([TRANSPOSED, reader], ()) == [TRANSPOSED, reader]


def test_weights_that_change_before_they_are_read() -> None:
    update = copy((200,), at("new", 1), of_weights(1))
    assert see_through_copies([TRANSPOSED, update, READER], ())[0] == TRANSPOSED
    assert see_through_copies([TRANSPOSED, READER, update], ())[0] is None
    assert see_through_copies([TRANSPOSED, READER], {("y",)})[0] == TRANSPOSED


def test_a_copy_with_a_halo_stays() -> None:
    bordered = copy((3, 4), of_weights(4, 1), at("y", 6, 1, offset=7))
    reader = copy((3, 4), at("y", 6, 1), at("z", 4, 1))
    assert see_through_copies([bordered, reader], ()) == [bordered, reader]
