"""Which products a GPU makes in tiles, and in which: chosen by how long they would take.

A tile's cost is its padded multiplications by their share of all instructions, over the part of the
multiprocessors that its blocks fill; where only sums grow with the batch, several blocks share one.
A kernel with a thread for each word is the measure: products that gain nothing stay what they are,
as do those that write over one another, or read rows that the data names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.loops.ir import Apply, KernelArgument, LoopNest, Store
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.tile_plan import BlockTile, Dims, TileDim, TilePlan

TILES = tuple(BlockTile(*numbers) for numbers in MACHINE.gpu_tiles)
NEAR = 1 << 31  # words: how far what a table has may be from the first


def choose_tile(nest: LoopNest, tiles: Sequence[BlockTile] = TILES) -> TilePlan | None:
    """How a product is made in tiles; None for what is none, or is none the better for it."""
    plan = plan_of(nest, tiles[0])
    if plan is None or _multiplications(plan) < MACHINE.gpu_tile_products:
        return None
    plans = [shared_out(replace(plan, tile=tile)) for tile in tiles]
    best = min((p for p in plans if _is_near(p)), key=cost, default=None)
    return best if best is not None and cost(best) < _cost_by_words(plan) else None


def plan_of(nest: LoopNest, tile: BlockTile) -> TilePlan | None:
    """The loops of a product by what they move, on a tile; None where a nest is none, or where
    threads would write over one another.
    """
    mean = _is_mean(nest)
    if mean is None or any(group.overlaps for group in nest.groups) or not nest.affine:
        return None
    ((_, a), (_, b)), ((_, y, store),) = nest.loads, nest.stores
    accesses = a, b, y
    if nest.walk or any(access.row is not None or access.index for access in accesses):
        return None
    dims = _dims(nest)
    if any(dim.a and dim.y == 1 and not dim.b for dim in dims):
        # neighbours of the result are to be columns
        dims, a, b = [replace(dim, a=dim.b, b=dim.a) for dim in dims], b, a
    z, m, n, k = _grouped(dims)
    return TilePlan(
        tile=tile, z=z, m=m, n=n, k=k, a=a, b=b, y=y, parts=0,
        run=_run(k), adds=store is Store.SUM_ADD, mean=mean,
    )  # fmt: skip


def _dims(nest: LoopNest) -> list[TileDim]:
    """The loops of a product, with the words by which they move its places."""
    moves = zip(*(access.moves for access in nest.accesses()), strict=True)
    pairs = zip(nest.loops, moves, strict=True)
    return [TileDim(None if n.over_rows else n.extent, n.scale, *moved) for n, moved in pairs]


def _is_mean(nest: LoopNest) -> bool | None:
    """Whether a nest is a sum of products of two numbers, divided by the number of rows; None for
    anything else.
    """
    stores = [store for _, _, store in nest.stores]
    if len(nest.loads) != 2 or len(nest.statements) != 1 or nest.positional or nest.body:
        return None
    if stores not in ([Store.SUM], [Store.SUM_ADD]):
        return None
    v0, v1 = (variable for variable, _ in nest.loads)
    product = Apply("times", (v0, v1))
    value = nest.statements[0].value
    if value == product:
        return False
    count = Apply("real", (KernelArgument("count"),))
    return True if value == Apply("/", (product, count)) else None


def _grouped(dims: Sequence[TileDim]) -> tuple[Dims, Dims, Dims, Dims]:
    """z, m, n and k; of each the loops from the longest way to the shortest, rows first."""
    k = [dim for dim in dims if not dim.y]
    z = [dim for dim in dims if dim.y and dim.a and dim.b]
    n = [dim for dim in dims if dim.y and dim.b and not dim.a]
    m = [dim for dim in dims if dim.y and not dim.b]

    def order(group: list[TileDim], operand: int) -> Dims:
        def key(dim: TileDim) -> tuple[bool, int]:
            return dim.extent is not None, -abs(dim.moves[operand])

        return tuple(sorted(group, key=key))

    return order(z, 2), order(m, 0), order(n, 2), order(k, 0)


def _run(k: Dims) -> int:
    """Terms that are added up before what they give is added to memory: with those additions a term
    goes through at most `LONG`, where their number is known; else these are compensated.
    """
    longest = max(tile.steps for tile in TILES)
    terms = prod(dim.each for dim in k)
    if any(dim.extent is None for dim in k):
        return LONG - longest
    if terms <= LONG:
        return LONG
    run = LONG - longest
    while run + -(-terms // run) > LONG and run > LONG // 2:
        run -= longest
    return run


def shared_out(plan: TilePlan) -> TilePlan:
    """The same, whose sums several blocks share where it has few tiles of a known size."""
    if plan.each:
        return plan
    steps = -(-_expected(plan.k) // plan.tile.steps)
    wanted = -(-_full() // plan.tiles)
    parts = max(1, min(wanted, steps // MACHINE.gpu_part_steps))
    return replace(plan, parts=parts, run=min(plan.run, LONG - max(t.steps for t in TILES)))


def cost(plan: TilePlan) -> float:
    """Multiplications, as many as take the time that this does on a device full of work."""
    rows, columns = _expected(plan.m), _expected(plan.n)
    across = -(-rows // plan.tile.rows) * -(-columns // plan.tile.columns) * _expected(plan.z)
    blocks = across * max(1, plan.parts)
    padded = across * plan.tile.words * _expected(plan.k)
    return padded / plan.tile.share / min(1.0, blocks / _full())


def _cost_by_words(plan: TilePlan) -> float:
    """The same of a kernel with a thread for each word of the result."""
    threads = _expected(plan.m) * _expected(plan.n) * _expected(plan.z)
    busy = min(1.0, threads / (MACHINE.gpu_threads * _full()))
    return _multiplications(plan) / MACHINE.gpu_word_share / busy


def _full() -> int:
    """Blocks that keep a device busy."""
    return 2 * MACHINE.gpu_multiprocessors


def _multiplications(plan: TilePlan) -> int:
    return prod(map(_expected, (plan.z, plan.m, plan.n, plan.k)))


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
