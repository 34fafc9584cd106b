"""The text of an attention, or of its derivative, as one kernel for CUDA.

A block of threads has a tile of rows, and takes one tile of columns after another.  Forward it
makes scores, finds what is greatest of each row so far, and adds up exp(score - greatest) and that
times v.  What it had before was of a smaller greatest score, so that is multiplied by exp(before -
greatest) first.  In the end y is the sum of products over the sum (Milakov & Gimelshein, "Online
normalizer calculation for softmax", 2018; Dao, "FlashAttention-2", 2023).  No number of a pair
comes to memory, no sum depends on another block, and the order is the same in every run.

Where no key was seen yet, or only keys of -infinity, the greatest score counts as 0 in exponents:
so these add nothing, and a row of nothing else is 0 / 0, as it is without tiles.

In the text, `s1` and `s2` have numbers of pairs: products, then values, then results; `s3`, `s4`
and `s5` what is greatest of rows, their sums, and by what is multiplied what was added up before;
`m0` and `m1` are the sums so far.
"""

from __future__ import annotations

from gradc_compiler.printing.attention_plan import (
    ACROSS,
    DOWN,
    WIDE,
    PairPlan,
)
from gradc_compiler.printing.common import called_by, read, with_definitions
from gradc_compiler.printing.cuda_printer import HEAD, word
from gradc_compiler.printing.pair_sums_text import AT_ONCE, add_up, write_statistics, write_sum
from gradc_compiler.printing.pair_writer import (
    PAD,
    PairWriter,
    copied_words,
    fetch,
    first_words,
    log,
    pair_row,
)
from gradc_compiler.printing.scalar_text import statement_text

NOTHING = "real(-1e999)"


def print_pairs(plan: PairPlan) -> tuple[str, tuple[int, ...]]:
    """The kernel of a plan, and the numbers that it reads after the operands' words."""
    w = PairWriter(plan=plan)
    _shared(w)
    _tiles(w)
    names = [f"    x{k} = table[at + {k}]" for k in range(w.operands)]
    names += [f"    g{k} = table[at + {w.operands + k}]" for k in range(len(w.geometry))]
    tile = plan.tile
    law = f"    # {plan.law}; tiles of {tile.rows} x {tile.columns}"
    head = [HEAD, law, f"    resident({tile.resident})", *names]
    text = "\n".join([*head, *w.lines]) + "\n"
    return with_definitions(text, called_by(plan.statements)), tuple(w.geometry)


def _shared(w: PairWriter) -> None:
    """What the threads share, and which rows and columns a thread has."""
    plan, rows = w.plan, w.plan.tile.rows
    pairs = max(len(plan.products), len(plan.sums))
    w.line(f"s0 = shared({copied_words(w)})")
    w.line(f"s1 = shared({max(rows * pair_row(w), AT_ONCE * (WIDE + PAD))})")
    if pairs > 1:
        w.line(f"s2 = shared({rows * pair_row(w)})")
    for k in range(3, 6):
        w.line(f"s{k} = shared({rows})")
    w.line("t0 = lane()")
    w.line(f"d0 = whole(t0 >> {log(ACROSS)})")
    w.line(f"d1 = whole(t0 & {ACROSS - 1})")
    w.line(f"e0 = whole({w.number(plan.rows.each)})")
    w.line(f"e1 = whole({w.number(plan.columns.each)})")


def _tiles(w: PairWriter) -> None:
    """All tiles of rows, one after another."""
    plan, tile = w.plan, w.plan.tile
    w.line(f"c0 = whole({w.number(-(-plan.rows.each // tile.rows))})")
    tiles = w.number(plan.tiles)
    w.line(f"c1 = whole({f'count * {tiles}' if plan.each else tiles})")
    w.line("for t1 in range(whole(block()), c1, whole(blocks())):")
    w.depth += 1
    w.line("b0 = ratio(t1, c0)")
    w.line(f"h0 = whole((t1 - b0 * c0) * {tile.rows})")
    first_words(w)
    _begin(w)
    w.line(f"for n0 in range({w.number(-(-plan.columns.each // tile.columns))}):")
    w.depth += 1
    w.line(f"h1 = whole(n0 * {tile.columns})")
    for k in range(len(plan.products)):
        _product(w, k)
    _pairs(w)
    for k in range(len(plan.sums)):
        add_up(w, k)
    w.depth -= 1
    for k in range(len(plan.sums)):
        write_sum(w, k)
    write_statistics(w)


def _begin(w: PairWriter) -> None:
    """Nothing is summed up yet, and nothing was greatest."""
    plan, tile = w.plan, w.plan.tile
    w.line("barrier()")
    w.line(f"for t2 in range(t0, {tile.rows}, {w.threads}):")
    w.line(f"    s3[t2] = {NOTHING}")
    w.line("    s4[t2] = real(0.0)")
    w.line("    s5[t2] = real(1.0)")
    for k in range(len(plan.sums)):
        w.line(f"m{k} = zeros({4 * tile.own_rows})")


def _product(w: PairWriter, k: int) -> None:
    """A product of a tile, which comes to s1 or s2: a few terms at a time."""
    tile, product = w.plan.tile, w.plan.products[k]
    words, begin = tile.terms + PAD, tile.rows * (tile.terms + PAD)
    w.line(f"e2 = whole({w.number(product.terms.each)})")
    w.line(f"m8 = zeros({tile.own_columns * tile.own_rows})")
    w.line(f"for n1 in range({w.number(-(-product.terms.each // tile.terms))}):")
    w.depth += 1
    w.line(f"k0 = whole(n1 * {tile.terms})")
    w.line("barrier()")
    across = (tile.terms, product.terms, "k0", "e2")
    fetch(w, product.rows, w.rows(), across, ("0", words), product.fours[0])
    fetch(w, product.columns, w.columns(), across, (str(begin), words), product.fours[1])
    w.line("copies_arrive()")
    w.line("barrier()")
    sizes = [tile.terms, tile.own_rows, tile.own_columns, 1, DOWN * words, 1, ACROSS * words]
    told = ", ".join(map(str, sizes))
    w.line(f"m8 = products(m8, s0, d0 * {words}, s0, {begin} + d1 * {words}, {told})")
    w.depth -= 1
    row = pair_row(w)
    for four in range(tile.own_rows // 4):
        place = f"(d0 + {four * AT_ONCE}) * {row} + d1"
        sizes = [tile.own_columns, DOWN * row, 1, ACROSS]
        w.line(f"keep(m8, {four}, s{k + 1}, {place}, {', '.join(map(str, sizes))})")


def _pairs(w: PairWriter) -> None:
    """Products become values, row by row; 16 threads have a row."""
    plan, tile = w.plan, w.plan.tile
    w.line(f"for n1 in range({w.number(tile.own_rows)}):")
    w.depth += 1
    w.line(f"j0 = whole(d0 + n1 * {DOWN})")
    if plan.statistics is not None:
        w.line(f"r0 = {NOTHING}")
    w.line(f"for n2 in range({tile.own_columns}):")
    w.depth += 1
    w.line(f"j1 = whole(n2 * {ACROSS} + d1)")
    w.line(f"o0 = j0 * {pair_row(w)} + j1")
    _formula(w)
    w.depth -= 1
    if plan.statistics is not None:
        _weigh(w)
    w.depth -= 1


def _formula(w: PairWriter) -> None:
    """The values of a pair; beyond the last row or column nothing."""
    plan = w.plan
    for k, score in enumerate(plan.scores, 1):
        w.line(f"{score} = s{k}[o0]")
    for k in range(1, len(plan.sums) + 1):
        w.line(f"s{k}[o0] = {'real(0.0)' if plan.statistics is None else NOTHING}")
    w.line("if h0 + j0 < e0 and h1 + j1 < e1:")
    w.depth += 1
    for at, (variable, access) in enumerate(plan.others, plan.of_rows + 1):
        pairs = ("j0", plan.rows), ("j1", plan.columns), ("h1", plan.columns)
        place = word(f"a{at}{w.moved(at, *pairs)}", access)
        w.line(f"{variable} = {read(variable, access, place)}")
    for statement in plan.statements:
        w.line(statement_text(statement))
    for k, own in enumerate(plan.sums, 1):
        w.line(f"s{k}[o0] = {own.value}")
    if plan.statistics is not None:
        w.line(f"r0 = maximum(r0, {plan.sums[0].value})")
    w.depth -= 1


def _weigh(w: PairWriter) -> None:
    """Scores of a row become powers, by what is greatest of them so far."""
    _tree(w, "maximum", "r0")
    w.line("r1 = s3[j0]")
    w.line("r2 = maximum(r1, r0)")
    w.line("r3 = r2")
    w.line(f"if r2 == {NOTHING}:")
    w.line("    r3 = real(0.0)")
    w.line("r4 = real(0.0)")
    w.line(f"for n2 in range({w.plan.tile.own_columns}):")
    w.line(f"    o0 = j0 * {pair_row(w)} + n2 * {ACROSS} + d1")
    w.line("    r5 = exp(s1[o0] - r3)")
    w.line("    s1[o0] = r5")
    w.line("    r4 = plus(r4, r5)")
    _tree(w, "plus", "r4")
    w.line("if d1 == 0:")
    w.line("    r6 = exp(r1 - r3)")
    w.line("    s5[j0] = r6")
    w.line("    s4[j0] = plus(times(s4[j0], r6), r4)")
    w.line("    s3[j0] = r2")


def _tree(w: PairWriter, both: str, own: str) -> None:
    """What 16 threads have, together: each of them has it then."""
    distance = ACROSS // 2
    while distance:
        w.line(f"{own} = {both}({own}, across({own}, {distance}))")
        distance //= 2
