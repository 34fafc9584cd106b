"""How a tile's results come to memory, and how parts of sums are added up.

The terms of a sum are added up in runs.  The results of the first run are written, those of later
runs added to them.  A part of a sum is kept beside its rounding error, so that any number of runs,
and of parts, adds only a few roundings.
"""

from __future__ import annotations

from gradc_compiler.printing.tile_writer import TileWriter, ends, over

START_OF_PARTS = "q0 = real(0.0)", "q1 = real(0.0)"
ONE_PART = (
    "v0 = words[o0]",
    "q1 = q1 + words[o0 + {words}]",
    "q1 = q1 + lost(q0, v0)",
    "q0 = q0 + v0",
)


def write_results(w: TileWriter) -> None:
    """A thread's results to memory, by way of a buffer: so that neighbours write neighbours.

    Four rows of each thread at a time, as the buffer has no room for more.
    """
    plan, tile = w.plan, w.plan.tile
    rows = 4 * tile.rows // tile.own_rows
    gap = 4 * tile.columns // tile.own_columns
    for four in range(tile.own_rows // 4):
        if four:
            w.line("barrier()")
        w.line(f"keep(m0, {four}, s0, d0 * {tile.columns} + d1, "
               f"{tile.own_columns}, {tile.columns}, {gap})")  # fmt: skip
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


def _write_result(w: TileWriter) -> None:
    w.line("o0 = y0 + p1[unsigned(j2)] + p3[unsigned(j3)]")
    if w.plan.adds:
        w.line("words[o0] = plus(words[o0], v0)")
        return
    w.line("v1 = select(n0 == 0, real(0.0), words[o0])")
    w.line("words[o0] = plus(v1, v0)")


def _write_part(w: TileWriter) -> None:
    """Write a sum and, beside it, its rounding error when the next run is added to it."""
    words = w.plan.tile.words
    w.line(f"o0 = table[z0 + 3] + index(t1) * {2 * words} + j2 * {w.plan.tile.columns} + j3")
    w.line("v1 = select(n0 == 0, real(0.0), words[o0])")
    w.line(f"v2 = select(n0 == 0, real(0.0), words[o0 + {words}])")
    w.line(f"words[o0 + {words}] = v2 + lost(v1, v0)")
    w.line("words[o0] = v1 + v0")


def add_parts(w: TileWriter) -> None:
    """y (+)= the sum of the parts in order, compensated; of a mean divided by the rows."""
    plan, tile = w.plan, w.plan.tile
    words, parts = tile.words, w.number(plan.parts)
    ends(w)
    w.line(f"t0 = block() * {tile.threads} + lane()")
    w.line(f"for t0 in range(t0, c0 * c1 * e3 * {words}, blocks() * {tile.threads}):")
    w.depth += 1
    w.line(f"t1 = whole({over('t0', words)})")
    w.line(f"t3 = whole(t0 & {words - 1})")
    w.line("b0 = ratio(t1, c1)")
    w.line(f"j0 = whole((t1 - b0 * c1) * {tile.columns} + (t3 & {tile.columns - 1}))")
    w.line("t2 = ratio(b0, c0)")
    w.line(f"j1 = whole((b0 - t2 * c0) * {tile.rows} + ({over('t3', tile.columns)}))")
    w.line("if j1 < e0 and j0 < e1:")
    w.depth += 1
    w.line("t4 = index(t1) - t2 * (c0 * c1)")
    for line in START_OF_PARTS:
        w.line(line)
    w.line(f"for n0 in range({parts}):")
    w.line(f"    o0 = x3 + ((index(t2) * {parts} + n0) * (c0 * c1) + t4) * {2 * words} + t3")
    for line in ONE_PART:
        w.line("    " + line.format(words=words))
    _add_to_result(w)


def _add_to_result(w: TileWriter) -> None:
    """The sum of all parts into the word of y."""
    plan = w.plan
    indices = (("t2", plan.z), ("j1", plan.m), ("j0", plan.n))
    moved = [w.offset(name, dims, (2,))[0] for name, dims in indices]
    w.line(f"o1 = x2 + {' + '.join(moved)}")
    w.line("r0 = q0 + q1")
    value = "r0 / real(count)" if plan.mean else "r0"
    w.line(f"words[o1] = plus(words[o1], {value})" if plan.adds else f"words[o1] = {value}")
