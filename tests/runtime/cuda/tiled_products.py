"""Products in tiles outside of any program: their loops, their kernel, and what it should give.

A case is a list of loops (extent, words that it moves a, b, y), the extent `ROWS` for the rows of a
batch.  `run` needs the simulator.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_plan import BlockTile, TilePlan
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.select.choose_tile import TILES, plan_of
from gradc_compiler.select.contraction import LoopDim
from gradc_compiler.select.device_nests import contraction_nest
from gradc_compiler.select.launch import mapped
from gradc_runtime.cuda import simulated_block
from gradc_runtime.cuda.verify_cuda_source import functions_of

GUARD = 1 << 14  # words around each operand
ROWS = int(Extent.RANGE)
Loops = Sequence[tuple[int, int, int, int]]
Numbers = NDArray[Any]


class Guarded:
    """Words of which those between the operands may be neither read nor written."""

    def __init__(self, words: Numbers, starts: Numbers) -> None:
        self.words, self.starts = words, starts

    def allowed(self, place: int) -> int:
        """The place, if it is an operand's; raises `IndexError`."""
        if not np.searchsorted(self.starts, place, side="right") % 2 == 0:
            raise IndexError(f"word {place} is no operand's")
        return place

    def __getitem__(self, place: int) -> Any:
        return self.words[self.allowed(place)]

    def __setitem__(self, place: int, value: Any) -> None:
        self.words[self.allowed(place)] = value


def nest_of(loops: Loops, *, adds: bool = False) -> LoopNest:
    """y (+)= sum of a * b over some loops."""
    views = [BufferView(storage=("node", k), offset=0, strides=(1,), example=1) for k in range(3)]
    dims = [LoopDim(*loop) for loop in loops]
    return mapped(contraction_nest(dims, [(view, 0) for view in views], adds))


def planned(
    loops: Loops, tile: BlockTile = TILES[0], *, parts: int = 0, adds: bool = False, run: int = 0
) -> TilePlan:
    """A product on a tile, whether or not that is worth it."""
    plan = plan_of(nest_of(loops, adds=adds), tile)
    assert plan is not None, "these loops are a product"
    return replace(plan, parts=parts, run=run or plan.run)


def reach(loops: Loops, rows: int) -> list[int]:
    """How many words a, b and y have."""
    counted = [(rows if n == ROWS else n, *moves) for n, *moves in loops]
    return [1 + sum((loop[0] - 1) * loop[k] for loop in counted) for k in (1, 2, 3)]


def expected(loops: Loops, rows: int, begin: int, operands: Sequence[Numbers]) -> Numbers:
    """The definition, term by term, in float64."""
    a, b, y = (x.astype(np.float64) for x in operands)
    ranges = [range(begin, begin + rows) if n == ROWS else range(n) for n, *_ in loops]
    at = np.array(list(itertools.product(*ranges)), np.int64).reshape(-1, len(loops))
    places = [at @ np.array([loop[k] for loop in loops]) for k in (1, 2, 3)]
    np.add.at(y, places[2], a[places[0]] * b[places[1]])
    return y


def is_swapped(plan: TilePlan) -> bool:
    """Whether a plan has taken b for a."""
    return plan.a.storage == ("node", 1)


def run(
    plan: TilePlan, operands: Sequence[Numbers], rows: int, begin: int = 0, *, seed: int = 0,
    blocks: int = 2, text: str | None = None,
) -> Numbers:  # fmt: skip
    """What the kernel leaves in y; around each operand lie words that nobody may touch."""
    printed, (a, b, y) = print_tile(plan), operands
    first, second = (b, a) if is_swapped(plan) else (a, b)
    room = np.full(plan.room, np.nan, y.dtype)
    guard = np.full(GUARD, np.nan, y.dtype)
    pieces = [guard, first, guard, second, guard, y, guard, room, guard]
    words = np.concatenate(pieces)
    starts = np.cumsum([0, *map(len, pieces)])
    table = [int(starts[k]) for k in (1, 3, 5, 7)[: 4 if plan.parts else 3]]
    given = (Guarded(words, starts), None, [*table, *printed.geometry], 0, begin, rows, 64)
    with simulated_block.orders(seed):
        for function in functions_of(text or printed.source, y.dtype.itemsize):
            simulated_block.run_blocks(function, given, blocks, plan.tile.threads)
    for k in (1, 3):
        same = words[starts[k] : starts[k + 1]]
        np.testing.assert_array_equal(same, pieces[k], err_msg="an operand was written")
    return words[starts[5] : starts[6]]
