"""How a tile's results come to memory, and how parts of sums are added up.

The terms of a sum are added up in runs.  The results of the first run are written, those of later
runs added to them.  A part of a sum is kept beside its rounding error, so that any number of runs,
and of parts, adds only a few roundings.
"""

from __future__ import annotations

from gradc_compiler.printing.tensor_fragments import keep_fragments, warp_of
from gradc_compiler.printing.tile_epilogue import finish, places_of_others, words_of_others
from gradc_compiler.printing.tile_plan import OperandReading, TilePlan
from gradc_compiler.printing.tile_writer import OTHERS, TileWriter, over, own_ends, shared_ends

START_OF_PARTS = "q0 = real(0.0)", "q1 = real(0.0)"
ONE_PART = (
    "v0 = words[o0]",
    "q1 = q1 + words[o1]",
    "q1 = q1 + lost(q0, v0)",
    "q0 = q0 + v0",
)


def write_results(w: TileWriter) -> None:
    """A thread's results to memory, by way of a buffer: so that neighbours write neighbours.

    Some rows of each thread at a time, as the buffer has no room for more.
    """
    plan, tile = w.plan, w.plan.tile
    rows = rows_kept(plan)
    for four in range(tile.rows // rows):
        if four:
            w.line("barrier()")
        warp = warp_of(plan)
        w.line(keep_fragments(w, warp, four) if warp else _kept(w, four))
        w.line("barrier()")
        w.line(f"for t3 in range(t0, {rows * tile.columns}, {tile.threads}):")
        w.depth += 1
        w.line(f"j2 = whole(({over('t3', tile.columns)}) + {four * rows})")
        w.line(f"j3 = whole(t3 & {tile.columns - 1})")
        w.line("if h0 + j2 < e0 and h1 + j3 < e1:")
        w.depth += 1
        w.line("v0 = s0[unsigned(t3)]")
        _write_part(w) if plan.parts else _write_result(w)
        w.depth -= 2


def rows_kept(plan: TilePlan) -> int:
    """Rows of the tile that come to the buffer at once: of each thread four, or a fragment."""
    warp = warp_of(plan)
    return warp.rows_at_once if warp else 4 * plan.tile.rows // plan.tile.own_rows


def _kept(w: TileWriter, four: int) -> str:
    columns, sizes = w.plan.tile.columns, ", ".join(map(str, _sizes_kept(w)))
    return f"keep(m0, {four}, s0, d0 * {columns} + d1, {sizes})"


def _sizes_kept(w: TileWriter) -> tuple[int, ...]:
    """A thread's columns; from a row of its own to the next; its columns side by side, and from
    those to the next.
    """
    plan, tile = w.plan, w.plan.tile
    threads, across = tile.rows // tile.own_rows, tile.columns // tile.own_columns
    far_rows, far_columns = (reading is OperandReading.FOUR_TERMS for reading in plan.reads)
    row = threads * tile.columns if far_rows else tile.columns
    return tile.own_columns, row, *((1, across) if far_columns else (4, 4 * across))


def _write_result(w: TileWriter) -> None:
    w.line("o0 = y0 + p1[unsigned(j2)] + p3[unsigned(j3)]")
    old = "words[o0]" if w.plan.adds else "select(n0 == 0, real(0.0), words[o0])"
    w.line(f"r0 = plus({old}, v0)" if w.plan.adds or not w.plan.one_run else "r0 = v0")
    if w.plan.epilogue is None or w.plan.epilogue.stays:
        w.line("words[o0] = r0")
    if w.plan.epilogue is None:
        return
    if not w.plan.one_run:
        w.line("if k1 < k3:")
        w.line("    words[o0] = r0")
        w.line("else:")
        w.depth += 1
    finish(w, words_of_others(w, "j2", "j3"))
    w.depth -= not w.plan.one_run


def _write_part(w: TileWriter) -> None:
    """Write a sum and, beside it, its rounding error when the next run is added to it."""
    w.line("c2 = index(e0) * e1 * e3")
    w.line("o0 = table[z0 + 3] + u0 * c2 + (index(t2) * e0 + h0 + j2) * e1 + h1 + j3")
    w.line(f"o1 = o0 + c2 * {w.number(w.plan.parts)}")
    w.line("v1 = select(n0 == 0, real(0.0), words[o0])")
    w.line("v2 = select(n0 == 0, real(0.0), words[o1])")
    w.line("words[o1] = v2 + lost(v1, v0)")
    w.line("words[o0] = v1 + v0")


def add_parts(w: TileWriter) -> None:
    """y (+)= the sum of the parts in order, compensated; of a mean divided by the rows."""
    threads, parts = w.plan.tile.threads, w.number(w.plan.parts)
    shared_ends(w)
    own_ends(w)
    w.line("c2 = index(e0) * e1 * e3")
    w.line(f"t0 = block() * {threads} + lane()")
    w.line(f"for t0 in range(t0, c2, blocks() * {threads}):")
    w.depth += 1
    w.line("t1 = ratio(t0, e1)")
    w.line("j0 = whole(t0 - t1 * e1)")
    w.line("t2 = ratio(t1, e0)")
    w.line("j1 = whole(t1 - t2 * e0)")
    for line in START_OF_PARTS:
        w.line(line)
    w.line(f"for n0 in range({parts}):")
    w.line("    o0 = x3 + n0 * c2 + t0")
    w.line(f"    o1 = o0 + c2 * {parts}")
    for line in ONE_PART:
        w.line("    " + line)
    _add_to_result(w)


INDICES = (("t2", "z"), ("j1", "m"), ("j0", "n"))  # of a word of y


def _add_to_result(w: TileWriter) -> None:
    """The sum of all parts into the word of y."""
    plan, others = w.plan, range(places_of_others(w))
    operands = [2, *(OTHERS + k for k in others)]
    moved = [*zip(*(w.offset(*index, operands) for index in INDICES), strict=True)]
    w.line(f"o1 = x2 + {' + '.join(moved[0])}")
    w.line("r0 = q0 + q1")
    if plan.mean:
        w.line("r0 = r0 / real(count)")
    if plan.adds:
        w.line("r0 = plus(words[o1], r0)")
    if plan.epilogue is None or plan.epilogue.stays:
        w.line("words[o1] = r0")
    if plan.epilogue is not None:
        base = w.operands - len(others)
        finish(w, [f"words[x{base + k} + {' + '.join(moved[1 + k])}]" for k in others])
