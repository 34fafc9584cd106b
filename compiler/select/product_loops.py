"""Which loop nests are products, and which of their loops are rows, columns, terms or repetitions.

Also how the threads of a tile read the operands: four neighbours at once where every place that
they begin at is a multiple of four words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import prod

from gradc_compiler.loops.ir import Apply, KernelArgument, LoopNest, MemAccess, Store
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.tile_plan import (
    BlockTile,
    Dims,
    OperandReading,
    Residue,
    TileDim,
    TilePlan,
    TileWindow,
)
from gradc_compiler.select.gather_windows import Meeting, meetings, residues

Aligned = Callable[[MemAccess], bool]  # whether an operand begins at a multiple of four words
LONGEST = max(numbers[2] for numbers in MACHINE.gpu_tiles)  # steps of a tile


def nowhere(access: MemAccess) -> bool:
    """Of an operand whose place is not known."""
    return False


def plan_of(nest: LoopNest, tile: BlockTile, aligned: Aligned = nowhere) -> TilePlan | None:
    """The loops of a product by what they move, on a tile; None where a nest is none, or where
    windows meet that cannot be taken apart.
    """
    mean, places = _is_mean(nest), nest.accesses()
    if mean is None or not nest.affine or nest.walk:
        return None
    if any(access.row is not None or access.index for access in places):
        return None
    dims = _dims(nest)
    a, b, y = places
    if any(dim.a and dim.y == 1 and not dim.b for dim in dims):
        dims, a, b = [_turned(dim) for dim in dims], b, a  # so that y's neighbours are columns
    met = meetings(nest, dims)
    if met is None or (met and mean):
        return None
    z, n, windows, parts = _taken_apart(dims, met)
    m, k, fours = parts[0].m, parts[0].k, _in_fours(parts)
    return TilePlan(
        tile=tile, z=z, m=m, n=n, k=k, a=a, b=b, y=y, parts=0, run=_run(k),
        adds=nest.stores[0][2] is Store.SUM_ADD, mean=mean, windows=windows,
        reads=(_reading(z, m, k, 0, windows, aligned(a) and fours),
               _reading(z, n, k, 1, (), aligned(b) and fours)),
        residues=parts if len(parts) > 1 else (),
    )  # fmt: skip


def _turned(dim: TileDim) -> TileDim:
    """A loop of a product whose operands change places."""
    return TileDim(dim.extent, dim.scale, dim.b, dim.a, dim.y)


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


def _taken_apart(
    dims: Sequence[TileDim], met: Sequence[Meeting]
) -> tuple[Dims, Dims, tuple[TileWindow, ...], tuple[Residue, ...]]:
    """Repetitions, columns, windows, and the residues: a single one where nothing meets."""
    taken = [dim for meeting in met for dim in meeting.taken]
    rest = [dim for dim in dims if not any(dim is other for other in taken)]
    rest += [meeting.beside for meeting in met if meeting.beside is not None]
    found: list[Residue] = []
    windows: tuple[TileWindow, ...] = ()
    for residue in residues(met):
        pairs = [meeting.apart(r) for meeting, r in zip(met, residue, strict=True)]
        z, m, n, k = _grouped([*rest, *chain(*pairs)])
        windows = windows or tuple(
            TileWindow(_place(m, u), _place(k, q), meeting.step, meeting.pixel.each)
            for meeting, (u, q) in zip(met, pairs, strict=True)
        )
        taps = [(r, meeting.tap) for meeting, r in zip(met, residue, strict=True)]
        found.append(Residue(m, k, sum(r * t.b for r, t in taps), sum(r * t.y for r, t in taps)))
    return z, n, windows, tuple(found)


def _place(dims: Dims, wanted: TileDim) -> int:
    return next(place for place, dim in enumerate(dims) if dim is wanted)


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


def _in_fours(parts: Sequence[Residue]) -> bool:
    """Whether b begins at a multiple of four words in every residue, if it does in the first."""
    return all(part.b % 4 == 0 for part in parts)


def _reading(
    z: Dims, lead: Dims, k: Dims, operand: int, windows: Sequence[TileWindow], aligned: bool
) -> OperandReading:
    """How threads read an operand that has the rows (columns) `lead`.  Four neighbours are inside a
    window or outside: windows are of other loops.
    """

    def in_fours(dims: Dims, of_window: Sequence[int]) -> bool:
        inner, place = dims[-1:], len(dims) - 1
        if not inner or place in of_window or not aligned:
            return False
        others = (dim for dim in (*z, *lead, *k) if dim is not inner[0])
        beside = inner[0].moves[operand] == 1 and inner[0].each % 4 == 0
        return beside and all(dim.moves[operand] % 4 == 0 for dim in others)

    if in_fours(k, [window.k for window in windows]):
        return OperandReading.FOUR_TERMS
    if in_fours(lead, [window.m for window in windows]):
        return OperandReading.FOUR_ROWS
    along = abs(k[-1].moves[operand]) if k else 0
    across = abs(lead[-1].moves[operand]) if lead else 0
    return (
        OperandReading.TERMS if along == 1 or (along > 0 and across != 1) else OperandReading.ROWS
    )


def _run(k: Dims) -> int:
    """Terms that are added up before what they give is added to memory: with those additions a term
    goes through at most `LONG`, where their number is known; else these are compensated.
    """
    terms = prod(dim.each for dim in k)
    if any(dim.extent is None for dim in k):
        return LONG - LONGEST
    if terms <= LONG:
        return LONG
    run = LONG - LONGEST
    while run + -(-terms // run) > LONG and run > LONG // 2:
        run -= LONGEST
    return run
