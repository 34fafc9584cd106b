"""Which products a GPU makes in tiles, and in which: chosen by how long they would take.

A tile's cost is its padded multiplications by their share of all instructions, over the part of the
multiprocessors that its blocks fill; where only sums grow with the batch, several blocks share one.
A kernel with a thread for each word is the measure: products that gain nothing stay what they are,
as do those that read rows that the data names.

Tiles are as large as the shared memory of a block allows in float32; float64, and whoever wants
nothing inexact, has smaller ones.  The sums over what meets in a result (`gather_windows.py`) are
for float32 alone, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.tile_plan import BlockTile, Dims, Precision, TilePlan
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.driver import SINGLE_TILES
from gradc_compiler.select.product_loops import LONGEST, Aligned, nowhere, plan_of

TILES = tuple(BlockTile(*numbers) for numbers in MACHINE.gpu_tiles)
TILES_OF_DOUBLE = tuple(BlockTile(*numbers) for numbers in MACHINE.gpu_tiles_of_double)
NEAR = 1 << 31  # words: how far what a table has may be from the first
ONE_BY_ONE = 0.9  # of a tile's share is left for each operand that is read word by word


def choose_tile(
    nest: LoopNest,
    aligned: Aligned = nowhere,
    switches: Switches | None = None,
    precision: Precision = Precision.FLOAT32,
) -> TilePlan | None:
    """How a product is made in tiles; None for what is none, or is none the better for it.  Of
    operands rounded to a `precision` tensor cores make it, but where nothing may be inexact.
    """
    switches = switches or Switches()
    single = switches.allow(SINGLE_TILES)
    plan = best_tile(nest, TILES if single else TILES_OF_DOUBLE, aligned)
    if plan is None or (plan.windows and not single):
        return None
    switches.count(SINGLE_TILES, single)
    return replace(plan, precision=precision) if single else plan


def best_tile(
    nest: LoopNest, tiles: Sequence[BlockTile], aligned: Aligned = nowhere
) -> TilePlan | None:
    """The tile that takes least time, if that is less than a thread for each word takes."""
    plan = plan_of(nest, tiles[0], aligned)
    if plan is None or multiplications(plan) < MACHINE.gpu_tile_products:
        return None
    plans = [shared_out(replace(plan, tile=tile)) for tile in tiles]
    best = min((p for p in plans if _is_near(p)), key=cost, default=None)
    return best if best is not None and cost(best) < _cost_by_words(plan) else None


def shared_out(plan: TilePlan) -> TilePlan:
    """The same, whose sums several blocks share where it has few tiles."""
    if plan.windows:
        return plan
    steps = -(-_expected(plan.k) // plan.tile.steps)
    parts = min(_full() // _blocks(plan), steps // MACHINE.gpu_part_steps)
    if plan.each:
        return replace(plan, parts=parts) if parts > 1 else plan
    return replace(plan, parts=max(1, parts), run=min(plan.run, LONG - LONGEST))


def _blocks(plan: TilePlan) -> int:
    """Tiles of a result on a usual batch; of residues as many as that with most has, for each."""
    most = max(m for m, _ in _rows_and_terms(plan))
    across = -(-most // plan.tile.rows) * -(-_expected(plan.n) // plan.tile.columns)
    return across * _expected(plan.z) * max(1, len(plan.residues))


def cost(plan: TilePlan) -> float:
    """Multiplications, as many as take the time that this does on a device full of work."""
    columns = -(-_expected(plan.n) // plan.tile.columns) * _expected(plan.z)
    padded = sum(
        -(-m // plan.tile.rows) * columns * plan.tile.words * k for m, k in _rows_and_terms(plan)
    )
    one_by_one = sum(reading.words == 1 for reading in plan.reads)
    share = plan.tile.share * ONE_BY_ONE**one_by_one
    return padded / share / min(1.0, _blocks(plan) * max(1, plan.parts) / _full())


def _cost_by_words(plan: TilePlan) -> float:
    """The same of a kernel with a thread for each word of the result."""
    rows = sum(m for m, _ in _rows_and_terms(plan))
    threads = rows * _expected(plan.n) * _expected(plan.z)
    busy = min(1.0, threads / (MACHINE.gpu_threads * _full()))
    return multiplications(plan) / MACHINE.gpu_word_share / busy


def _full() -> int:
    """Blocks that keep a device busy."""
    return 2 * MACHINE.gpu_multiprocessors


def multiplications(plan: TilePlan) -> int:
    """Products of numbers, on a usual batch."""
    own = sum(m * k for m, k in _rows_and_terms(plan))
    return own * _expected(plan.z) * _expected(plan.n)


def _rows_and_terms(plan: TilePlan) -> list[tuple[int, int]]:
    """How many rows and terms each residue has on a usual batch."""
    pairs = [(part.m, part.k) for part in plan.residues] or [(plan.m, plan.k)]
    return [(_expected(m), _expected(k)) for m, k in pairs]


def _expected(dims: Dims) -> int:
    """How many values an index has on a usual batch."""
    rows = MACHINE.gpu_rows
    return prod(dim.each * (rows if dim.extent is None else 1) for dim in dims)


def _is_near(plan: TilePlan) -> bool:
    """Whether what is looked up in tables, of one tile and of one run, fits 32 bits."""

    def reach(dims: Dims, steps: int, operand: int) -> int:
        words = 0
        for dim in reversed(dims):
            known = dim.each if dim.extent is not None else steps
            words += min(steps, known) * abs(dim.moves[operand])
            steps = -(-steps // dim.each) + 1
        return words

    tile = plan.tile
    found = [reach(plan.m, tile.rows, operand) for operand in (0, 2)]
    found += [reach(plan.n, tile.columns, operand) for operand in (1, 2)]
    found += [reach(plan.k, plan.run + 2 * tile.steps, operand) for operand in (0, 1)]
    return max(found) < NEAR
