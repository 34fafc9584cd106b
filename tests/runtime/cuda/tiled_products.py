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
from gradc_compiler.printing.tile_plan import BlockTile, Precision, TilePlan
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.select.choose_tile import TILES
from gradc_compiler.select.contraction import LoopDim
from gradc_compiler.select.device_nests import contraction_nest
from gradc_compiler.select.launch import mapped
from gradc_compiler.select.product_loops import plan_of
from gradc_runtime.cuda import simulated_block
from gradc_runtime.cuda.verify_cuda_source import functions_of

GUARD = 1 << 14  # words around each operand
ROWS = int(Extent.RANGE)
Loops = Sequence[tuple[int, int, int, int]]
Numbers = NDArray[Any]


def dense(m: int, n: int, k: int) -> dict[str, Loops]:
    """A layer on m features of rows, to n, and its gradients; also of k rows side by side."""
    return {
        "forward": [(ROWS, m, 0, n), (n, 0, 1, 1), (m, 1, n, 0)],
        "of the input": [(ROWS, n, 0, m), (m, 0, n, 1), (n, 1, 1, 0)],
        "of the weights": [(ROWS, m, n, 0), (m, 1, 0, n), (n, 0, 1, 1)],
        "batched": [(ROWS, k * m, n * m, k * n), (k, m, 0, n), (n, 0, m, 1), (m, 1, 1, 0)],
        "transposed result": [(ROWS, m, 0, 1), (n, 0, 1, 64), (m, 1, n, 0)],
    }


def convolution(
    high: int,
    wide: int,
    seen: int,
    made: int,
    taps: tuple[int, int],
    stride: int = 1,
    step: int = 1,
) -> dict[str, Loops]:
    """A convolution of [high, wide, seen] to so many channels `made`, and its gradients; weights
    are [taps, seen, made], the input has its border of zeros.
    """
    down, across = taps
    rows = (high - step * (down - 1) - 1) // stride + 1
    columns = (wide - step * (across - 1) - 1) // stride + 1
    row, out = wide * seen, columns * made
    loops = [  # extent, and words by which it moves input, weights and output
        *((ROWS, high * row, 0, rows * out), (rows, stride * row, 0, out)),
        *((columns, stride * seen, 0, made), (down, step * row, across * seen * made, 0)),
        *((across, step * seen, seen * made, 0), (seen, 1, made, 0), (made, 0, 1, 1)),
    ]

    def moved(a: int, b: int, y: int) -> Loops:
        return [(loop[0], loop[a], loop[b], loop[y]) for loop in loops]

    return {
        "forward": moved(1, 2, 3),
        "of the input": moved(3, 2, 1),
        "of the weights": moved(1, 3, 2),
    }


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
    loops: Loops, tile: BlockTile = TILES[0], *, parts: int = 0, adds: bool = False, run: int = 0,
    precision: Precision = Precision.FLOAT32,
) -> TilePlan:  # fmt: skip
    """A product on a tile, whether or not that is worth it."""
    plan = plan_of(nest_of(loops, adds=adds), tile, lambda access: access.offset % 4 == 0)
    assert plan is not None, "these loops are a product"
    return replace(plan, parts=parts, run=run or plan.run, precision=precision)


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


def _guard_after(operand: Numbers) -> Numbers:
    """Words that nobody may touch, after which the next operand begins at a multiple of four."""
    return np.full(GUARD - len(operand) % 4, np.nan, operand.dtype)


def is_swapped(plan: TilePlan) -> bool:
    """Whether a plan has taken b for a."""
    return plan.a.storage == ("node", 1)


def run(
    plan: TilePlan, operands: Sequence[Numbers], rows: int, begin: int = 0, *, seed: int = 0,
    blocks: int = 2, text: str | None = None, others: Sequence[Numbers] = (),
) -> Numbers:  # fmt: skip
    """What the kernel leaves in y, or in the last of the `others`, which an epilogue has besides;
    around each operand lie words that nobody may touch.
    """
    printed, (a, b, y) = print_tile(plan), operands
    first, second = (b, a) if is_swapped(plan) else (a, b)
    size = plan.room * rows if plan.each else plan.room
    room = [np.full(size, np.nan, y.dtype)] if plan.parts else []
    given = [first, second, y, *room, *others]
    guard = np.full(GUARD, np.nan, y.dtype)
    pieces = [guard, *(piece for x in given for piece in (x, _guard_after(x)))]
    words = np.concatenate(pieces)
    starts = np.cumsum([0, *map(len, pieces)])
    table = [*map(int, starts[1 : 2 * len(given) : 2]), *printed.geometry]
    arguments = (Guarded(words, starts), None, table, 0, begin, rows, 64)
    with simulated_block.orders(seed):
        for function in functions_of(text or printed.source, y.dtype.itemsize):
            simulated_block.run_blocks(function, arguments, blocks, plan.tile.threads)
    for k in (1, 3):
        same = words[starts[k] : starts[k + 1]]
        np.testing.assert_array_equal(same, pieces[k], err_msg="an operand was written")
    last = 5 if not others else 2 * len(given) - 1
    return words[starts[last] : starts[last + 1]]
