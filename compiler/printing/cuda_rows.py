"""Nests along the same rows as the source of one CUDA kernel: a team of threads for each row.

The team is a warp, of long rows a block, and of very short ones a single thread.  Neighbouring
threads have neighbouring columns: a thread goes through every so many-th one, at each level anew,
and so reads back in a later level what it has written itself.  Sums along the row are added up in a
tree: each thread adds what the thread at the other end of a distance has, for distances of 16, 8,
4, 2 and 1, by way of registers (`across`).  As both ends add the same two numbers, all threads have
the same bits in the end; so what is done once for a row all of them do, and the first one writes.
Of a block each warp's sum goes by shared memory, and all threads add these up in the same order.
"""

from __future__ import annotations

from gradc_compiler.loops.ir import BodyItem, LoopNest, NestLoop, Read, Statement
from gradc_compiler.loops.row_nest import RowLevel, RowNest, RowSum
from gradc_compiler.loops.thread_groups import LoopKind, ThreadGroup
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.common import read, written
from gradc_compiler.printing.cuda_printer import (
    CudaKernelText,
    CudaWriter,
    assemble,
    decompose,
    word,
)
from gradc_compiler.printing.cuda_tree import WARP
from gradc_compiler.printing.scalar_text import statement_text


def team_of_rows(width: int) -> int:
    """How many threads a row of so many columns has."""
    if width <= MACHINE.gpu_row_alone:
        return 1
    return WARP if width <= MACHINE.gpu_row_warp else MACHINE.gpu_threads


def print_rows(nest: RowNest) -> CudaKernelText:
    """The kernel of a nest along rows."""
    w, team = CudaWriter(nest=_frame(nest)), team_of_rows(nest.width)
    if team > WARP:
        w.line(f"s0 = shared({team // WARP})")
    w.line(f"for {'t9' if team > 1 else 't0'} in range(thread(), total, threads()):")
    w.depth += 1
    if team > 1:
        w.line(f"l1 = t9 & {team - 1}")
        w.line(f"t0 = t9 >> {team.bit_length() - 1}")
    decompose(w, w.nest.groups)
    for level in nest.levels:
        _level(w, nest, level, team)
    pieces = team
    for group in w.nest.groups:
        pieces *= group.pieces
    each = any(loop.over_rows for loop in nest.rows)
    return CudaKernelText(
        assemble(w, MACHINE.gpu_row_resident), tuple(w.pointers), tuple(w.geometry), pieces, each
    )


def _frame(nest: RowNest) -> LoopNest:
    """The loops, those over rows divided over threads; and all statements, which call formulas."""
    rows = [NestLoop(extent=n.extent, scale=n.scale, kind=LoopKind.THREAD) for n in nest.rows]
    return LoopNest(
        loops=(*rows, *nest.columns),
        loads=(),
        statements=tuple(item for item in nest.items() if isinstance(item, Statement)),
        stores=(),
        groups=tuple(ThreadGroup((k,), n.in_a_row, 1) for k, n in enumerate(nest.rows)),
    )


def _level(w: CudaWriter, nest: RowNest, level: RowLevel, team: int) -> None:
    """What is done once, then for each column, and the sums of that."""
    for item in level.once:
        _item(w, item, first=team > 1)
    for k, total in enumerate(level.sums):
        w.line(f"r{k} = real({'-1e999' if total.is_max else '0.0'})")
    if level.each or level.sums:
        _columns(w, nest, level, team)
    for k, total in enumerate(level.sums):
        _tree(w, total, f"r{k}", team)


def _columns(w: CudaWriter, nest: RowNest, level: RowLevel, team: int) -> None:
    """The loop over a thread's columns."""
    counter = f"i{len(nest.rows)}" if len(nest.columns) == 1 else "l4"
    w.line(f"for {counter} in range({'l1' if team > 1 else '0'}, {nest.width}, {team}):")
    w.depth += 1
    _counters(w, nest)
    for item in level.each:
        _item(w, item, first=False)
    for k, total in enumerate(level.sums):
        w.line(f"r{k} = {_both(total)}(r{k}, {total.value})")
    w.depth -= 1


def _counters(w: CudaWriter, nest: RowNest) -> None:
    """The counters of several loops over columns, from the number of the column."""
    rest, last = "l4", len(nest.rows) + len(nest.columns) - 1
    for level in range(last, len(nest.rows), -1):
        extent = w.number(w.nest.loops[level].extent)
        w.line(f"l{level + 5} = ratio({rest}, {extent})")
        w.line(f"i{level} = {rest} - l{level + 5} * {extent}")
        rest = f"l{level + 5}"
    if len(nest.columns) > 1:
        w.line(f"i{len(nest.rows)} = {rest}")


def _item(w: CudaWriter, item: BodyItem, *, first: bool) -> None:
    """A line; of what is done once for a row, only the `first` thread writes to memory."""
    if isinstance(item, Statement):
        w.line(statement_text(item))
        return
    place = word(w.address(item.access), item.access)
    if isinstance(item, Read):
        w.line(f"{item.target} = {read(item.target, item.access, place)}")
        return
    if first:
        w.line("if l1 == 0:")
    w.line(f"{'    ' * first}{place} = {written(item.value, item.access)}")


def _both(total: RowSum) -> str:
    return "maximum" if total.is_max else "plus"


def _tree(w: CudaWriter, total: RowSum, own: str, team: int) -> None:
    """What the threads of a team have, added up: each of them has it then."""
    distance = min(team, WARP) // 2
    while distance:
        w.line(f"{own} = {_both(total)}({own}, across({own}, {distance}))")
        distance //= 2
    if team > WARP:
        w.line("barrier()")
        w.line(f"if l1 & {WARP - 1} == 0:")
        w.line(f"    s0[l1 >> {WARP.bit_length() - 1}] = {own}")
        w.line("barrier()")
        w.line(f"{own} = s0[0]")
        for k in range(1, team // WARP):
            w.line(f"{own} = {_both(total)}({own}, s0[{k}])")
    w.line(f"{total.target} = {own if total.old is None else f'plus({total.old}, {own})'}")
