"""A sum or a maximum of many terms as the source of one CUDA kernel: several threads for a word.

A *team* of threads, a warp or a whole block, has each word of the result.  A thread takes every so
many-th term, in order, as a thread with a word of its own would take all of them
(`cuda_printer.py`).  Then neighbours add up what they have in a tree, by way of memory that they
share: half of the team, then a quarter, and so on.  The tree is the same whatever the order of
threads, and so are the bits of the result.

Neighbouring threads read neighbouring terms: of a row that is summed, its words as they lie.
"""

from __future__ import annotations

from math import prod

from gradc_compiler.loops.ir import LoopNest, NestLoop, Store
from gradc_compiler.loops.renumber import renumber
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.common import written
from gradc_compiler.printing.cuda_printer import (
    KEEP,
    START,
    CudaKernelText,
    CudaWriter,
    assemble,
    begin_a_row,
    body,
    decompose,
    word,
)

WARP = 32


def team_of(nest: LoopNest) -> int:
    """How many threads each word of a nest's result has; 1 where it is no long sum."""
    stores = [store for _, _, store in nest.stores]
    sums = len(stores) == 1 and stores[0] in (Store.SUM, Store.SUM_ADD, Store.ADD, Store.MAX)
    if not sums or nest.walk is not None or any(group.overlaps for group in nest.groups):
        return 1
    if not nest.affine or any(access.row is not None for access in nest.accesses()):
        return 1
    walked = CudaWriter(nest=nest).walked
    terms = prod(_expected(nest.loops[level]) for level in walked)
    words = prod(_expected(nest.loops[level]) for group in nest.groups for level in group.levels)
    along = any(access.moves[level] == 1 for _, access in nest.loads for level in walked)
    busy = words >= 2 * MACHINE.gpu_multiprocessors * MACHINE.gpu_threads
    each = any(nest.loops[level].over_rows for group in nest.groups for level in group.levels)
    many = MACHINE.gpu_tree_row if each else MACHINE.gpu_tree_terms
    if terms < many or (busy and not along):
        return 1
    return MACHINE.gpu_threads if terms >= MACHINE.gpu_threads * WARP else WARP


def _expected(loop: NestLoop) -> int:
    """How often a loop runs on a usual batch."""
    return MACHINE.gpu_rows * loop.scale if loop.over_rows else loop.extent


def print_tree(nest: LoopNest, team: int) -> CudaKernelText:
    """The kernel of a mapped nest with a team of threads for each word."""
    nest = renumber(nest, hoisted=False)
    w = CudaWriter(nest=nest)
    shift, teams = team.bit_length() - 1, MACHINE.gpu_threads // team
    w.line(f"s0 = shared({MACHINE.gpu_threads})")
    w.line("l0 = lane()")
    w.line(f"l1 = l0 & {team - 1}")
    w.line(f"e0 = total >> {shift}")
    w.line(f"for l2 in range(block() * {teams}, e0, blocks() * {teams}):")
    w.depth += 1
    w.line(f"l3 = l2 + (l0 >> {shift})")
    w.line("t0 = min(l3, e0 - 1)")
    decompose(w, nest.groups)
    _terms(w, team)
    _tree(w, team)
    pieces, each = team, any(nest.loops[group.levels[0]].over_rows for group in nest.groups)
    for group in nest.groups:
        pieces *= group.pieces
    return CudaKernelText(assemble(w), tuple(w.pointers), tuple(w.geometry), pieces, each)


def _terms(w: CudaWriter, team: int) -> None:
    """A thread's terms of its word, added up."""
    ((variable, access, store),) = w.nest.stores
    depth, compensated = w.depth, store is not Store.MAX
    w.line(f"a0 = {w.address(access)}")
    w.line(f"r0 = {START.get(store, 'real(0.0)')}")
    for line in ("q0 = real(0.0)", "q1 = real(0.0)", "c0 = 0") if compensated else ():
        w.line(line)
    _term(w, team)
    body(w)
    w.line(f"r0 = {'plus' if compensated else 'maximum'}(r0, {variable})")
    if compensated:
        begin_a_row(w)
    w.depth = depth
    for line in (*KEEP, "r0 = q0 + q1") if compensated else ():
        w.line(line)


def _term(w: CudaWriter, team: int) -> None:
    """The head of the loop over a thread's terms, and the counters of the nest's loops."""
    levels = w.walked
    w.line(
        f"for l4 in range(l1, {' * '.join(f'({w.extent(level)})' for level in levels)}, {team}):"
    )
    w.depth += 1
    rest = "l4"
    for k, level in enumerate(reversed(levels[1:])):
        w.line(f"n{k} = ratio({rest}, {w.extent(level)})")
        w.line(f"i{level} = {rest} - n{k} * {w.extent(level)}")
        rest = f"n{k}"
    w.line(f"i{levels[0]} = {rest}{_begin(w, levels[0])}")


def _begin(w: CudaWriter, level: int) -> str:
    """` + begin` for a loop over rows, whose numbers are counted from there."""
    loop = w.nest.loops[level]
    if not loop.over_rows:
        return ""
    return " + begin" if loop.scale == 1 else f" + begin * {w.number(loop.scale)}"


def _tree(w: CudaWriter, team: int) -> None:
    """What the threads of a team have, added up, and written by the first of them."""
    ((_, access, store),) = w.nest.stores
    both = "maximum" if store is Store.MAX else "plus"
    w.line("barrier()")
    w.line("s0[unsigned(l0)] = r0")
    w.line("barrier()")
    half = team // 2
    while half:
        w.line(f"if l1 < {half}:")
        w.line(f"    s0[unsigned(l0)] = {both}(s0[unsigned(l0)], s0[unsigned(l0 + {half})])")
        w.line("barrier()")
        half //= 2
    target = word("a0", access)
    w.line("if l1 == 0 and l3 < e0:")
    if store in (Store.ADD, Store.SUM_ADD):
        w.line(f"    {target} = plus({target}, s0[unsigned(l0)])")
    else:
        w.line(f"    {target} = {written('s0[unsigned(l0)]', access)}")
