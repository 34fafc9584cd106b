"""The text of a product in tiles (`tile_plan.py`), as one kernel for CUDA.

A block of threads goes through tiles, and within a tile through the terms of its sums, a few steps
along k at a time.  While it multiplies the terms of one step, the words of the next step are being
copied: so each operand has two buffers, and there is one barrier a step.  The distance of a row, a
column or a step from the tile's first is looked up in tables that the threads share.  The tables of
rows and columns are made once a tile, that of the steps one step ahead.  To take an index apart
into loops is to divide, and a division is a product with a known reciprocal (`reciprocal`).  Beyond
the last step operands are 0; rows and columns beyond the last are read at the last, not written.

Where parts of a sum are made by several blocks, a second kernel adds them in order: no result
depends on which block is first.  How many additions a term goes through is said in
`compiler/machine/addition_chains.py`.

Where windows meet in the result, tiles of all residues are one launch: a tile looks up the numbers
of its own (`begin_tile`).

In the text, `e` are ends, `h` the first row and column of a tile, `k` a stretch of the terms,
`p` tables, `s` buffers; `x0`, `x1`, `x2` the first words of a, b, y, and `x3` that of the parts.
"""

from __future__ import annotations

from gradc_compiler.printing.common import called_by, with_definitions
from gradc_compiler.printing.cuda_printer import HEAD
from gradc_compiler.printing.tensor_fragments import (
    multiply_fragments,
    share_fragments,
    warp_of,
)
from gradc_compiler.printing.tile_epilogue import first_words_of_others, make_tables
from gradc_compiler.printing.tile_plan import OperandReading, TilePlan
from gradc_compiler.printing.tile_reading import fetch, fill_tables, look_up_ends, look_up_steps
from gradc_compiler.printing.tile_results import add_parts, rows_kept, write_results
from gradc_compiler.printing.tile_writer import (
    TileWriter,
    begin_tile,
    buffer_words,
    over,
    row_words,
    shared_ends,
)
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TileKernelText:
    """Source of a product's kernels, and the numbers that they read after the operands' words."""

    source: str
    geometry: tuple[int, ...]


def print_tile(plan: TilePlan) -> TileKernelText:
    """The kernel of a plan; of one in parts also the kernel that adds these up."""
    w = TileWriter(plan=plan)
    _product(w)
    lines, w.lines, w.depth = w.lines, [], 1
    if plan.parts:
        add_parts(w)
    head = [f"    x{k} = table[at + {k}]" for k in range(w.operands)]
    head += [f"    g{k} = table[at + {w.operands + k}]" for k in range(len(w.numbers))]
    stages = [[f"    # {_law(plan)}", f"    resident({plan.tile.resident})", *head, *lines]]
    if w.lines:
        stages.append(["    # y = the sum of its parts, in order", *head, *w.lines])
    texts = ["\n".join([HEAD.replace("k0", f"k{n}"), *s]) for n, s in enumerate(stages)]
    called = called_by(plan.epilogue.statements) if plan.epilogue else ()
    return TileKernelText(with_definitions("\n".join(texts) + "\n", called), w.all_numbers())


def _law(plan: TilePlan) -> str:
    tile = plan.tile
    return (
        f"y[m, n] = sum over k of a[m, k] * b[k, n]; tiles of {tile.rows} x {tile.columns},"
        f" {tile.steps} terms at a time, {tile.own_rows} x {tile.own_columns} results a thread"
    )


def _product(w: TileWriter) -> None:
    plan, tile = w.plan, w.plan.tile
    stage = rows_kept(plan) * tile.columns
    w.line(f"s0 = shared({max(2 * buffer_words(w, 0), stage)})")
    w.line(f"s1 = shared({2 * buffer_words(w, 1)})")
    tables = [tile.rows, tile.rows, tile.columns, tile.columns, 2 * tile.steps, 2 * tile.steps]
    tables += [tile.rows, tile.rows, 2 * tile.steps] if plan.windows else []
    for k, size in enumerate(tables):
        w.line(f"p{k} = places({size})")
    make_tables(w)
    w.line("t0 = lane()")
    warp = warp_of(plan)
    share_fragments(w, warp) if warp else _shares(w)
    shared_ends(w)
    several = [w.number(n) for n in (plan.parts, len(plan.residues)) if n]
    w.line(f"c3 = whole({' * '.join(['c0 * c1 * e3', *several])})")
    w.line("for t1 in range(whole(block()), c3, whole(blocks())):")
    w.depth += 1
    begin_tile(w)
    first_words_of_others(w)
    fill_tables(w)
    _sum(w)
    w.table = ""


def _shares(w: TileWriter) -> None:
    """Which rows and columns of the tile a thread has: d0 and d1 are its first, then come 3 more,
    and the next four are as far on as all threads have of these.  Where its operand lies row by
    row, each is as far on from the last as threads have one.  A warp has 4 x 8 threads.
    """
    tile = w.plan.tile
    across = tile.columns // tile.own_columns
    wide = min(8, across)
    w.line("b0 = t0 >> 5")
    w.line("b1 = t0 & 31")
    warps, high = across // wide, 32 // wide
    row, column = (1 if r is OperandReading.FOUR_TERMS else 4 for r in w.plan.reads)
    w.line(f"d0 = whole(({over('b0', warps)}) * {row * high} + ({over('b1', wide)}) * {row})")
    w.line(f"d1 = whole((b0 & {warps - 1}) * {column * wide} + (b1 & {wide - 1}) * {column})")


def _sum(w: TileWriter) -> None:
    """All terms of the tile's sums, in runs, each of which is added to what is there."""
    plan, tile = w.plan, w.plan.tile
    run = w.number(plan.run)
    _terms(w)
    w.line(f"for n0 in range(max(1, ratio(k3 - k2 + {run} - 1, {run}))):")
    w.depth += 1
    ka, kb = _begin_run(w, run)
    w.line(f"a1 = start(words, a0 + {ka})")
    w.line(f"b3 = start(words, b2 + {kb})")
    w.line("barrier()")
    look_up_steps(w, 2 * tile.steps, "t0", "k0 + t0", ka, kb)
    w.line("barrier()")
    look_up_ends(w)
    w.line(f"m0 = zeros({tile.own_rows * tile.own_columns})")
    fetch(w, "0", "k0")
    w.line("copies_arrive()")
    w.line("barrier()")
    _steps(w, ka, kb)
    begin_tile(w)
    first_words_of_others(w)
    write_results(w)
    w.depth -= 1


def _begin_run(w: TileWriter, run: str) -> list[str]:
    """From k0 up to k1; and how far k0 moves a and b."""
    begin_tile(w)
    w.line(f"k0 = whole(k2 + n0 * {run})")
    w.line(f"k1 = whole(min(k0 + {run}, k3))")
    return w.offset("k0", "k", (0, 1))


def _terms(w: TileWriter) -> None:
    """From k2 up to k3: all, or those of a part."""
    plan, steps = w.plan, w.plan.tile.steps
    if not plan.parts:
        w.line("k2 = whole(0)")
        w.line("k3 = e2")
        return
    parts = w.number(plan.parts)
    w.line(f"u1 = whole(ratio(e2 + {parts} - 1, {parts}) + {steps - 1})")
    w.line(f"u1 = whole(({over('u1', steps)}) * {steps})")
    w.line("k2 = whole(min(u0 * u1, e2))")
    w.line("k3 = whole(min(k2 + u1, e2))")


def _steps(w: TileWriter, ka: str, kb: str) -> None:
    """The products of one step after another, while the words of the next are on their way."""
    tile = w.plan.tile
    w.line(f"for n1 in range(whole({over(f'(k1 - k0 + {tile.steps - 1})', tile.steps)})):")
    w.depth += 1
    w.line("q0 = whole(n1 & 1)")
    w.line("q1 = whole(1 - q0)")
    w.line(f"k4 = whole(k0 + (n1 + 1) * {tile.steps})")
    fetch(w, "q1", "k4")
    look_up_steps(w, tile.steps, f"q0 * {tile.steps} + t0", f"k4 + {tile.steps} + t0", ka, kb)
    warp = warp_of(w.plan)
    w.line(multiply_fragments(w, warp) if warp else multiply(w))
    w.line("copies_arrive()")
    w.line("barrier()")
    w.depth -= 1


def multiply(w: TileWriter) -> str:
    """The products of one step, added to a thread's results."""
    tile = w.plan.tile
    threads = tile.rows // tile.own_rows, tile.columns // tile.own_columns
    places, sizes = [], [tile.steps, tile.own_rows, tile.own_columns]
    for operand in (0, 1):
        row, own = row_words(w, operand), f"q0 * {buffer_words(w, operand)}"
        four = w.plan.reads[operand] is OperandReading.FOUR_TERMS
        places.append(f"s{operand}, {own} + d{operand}" + (f" * {row}" if four else ""))
        sizes += [1, threads[operand] * row] if four else [row, 4 * threads[operand]]
    return f"m0 = products(m0, {', '.join(places)}, {', '.join(map(str, sizes))})"
