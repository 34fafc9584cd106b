"""A loop nest as the source of one CUDA kernel.

Every word of the result belongs to one thread, which computes all of its sum, in the order of the
loops.  So no atomic addition is needed, and every run gives the same bits.  Which loops are divided
over threads the nest says (`compiler/loops/map_to_threads.py`); a thread runs through the others by
itself.  A long sum is added up a few hundred terms at a time, and those sums are added up with
what rounding loses: a compensated sum.

Loops may write over one another: a transposed convolution adds to word 2i + k for all i and k.
They form a *group*, of which a thread takes a word w.  It runs through all loops of the group but
one, and finds that one's counter by division: i = (w - k) / 2, where that is whole and in range.

A sum over time goes through an example's rows: each row holds the number of the next one.

In the text, names are those of `cpu_printer.py`.  Operands are not pointers but the number of their
first word: a number is words[x0 + ...], and a label numbers[x0 + ...].
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from gradc_compiler.loops.ir import LoopNest, MemAccess, Store
from gradc_compiler.loops.renumber import renumber
from gradc_compiler.loops.thread_groups import LoopKind, ThreadGroup
from gradc_compiler.machine.addition_chains import IN_A_ROW, LONG
from gradc_compiler.printing.common import CodeLines, called_by, read, with_definitions, written
from gradc_compiler.printing.scalar_text import statement_text
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass

HEAD = "def k0(words, numbers, table, at, begin, count, total):"
KEEP = "q2 = r0 + q1", "q1 = lost(q0, q2)", "q0 = q0 + q2"  # a compensated sum, q0 + q1
START = {Store.MAX: "real(-1e999)"}  # all others start a sum: real(0.0)


@dataclass(frozen=True, slots=True)
class CudaKernelText:
    """Source of a kernel, its pointers and geometry in order, and its pieces of work."""

    source: str
    pointers: tuple[MemAccess, ...]
    geometry: tuple[int, ...]
    pieces: int
    each: bool  # whether `pieces` counts those of each row, not of all


@dataclass(kw_only=True)
class CudaWriter(CodeLines):
    """Writes lines, and names operands and geometry as they are met: a place is `words[x0 + ...]`,
    with x0 the number of its operand's first word.
    """

    nest: LoopNest

    @property
    def walked(self) -> list[int]:
        """The loops that every thread goes through by itself."""
        return [j for j, loop in enumerate(self.nest.loops) if loop.kind is LoopKind.SERIAL]

    def pointer(self, access: MemAccess) -> str:
        """The name of an operand's first word; the same place has one name."""
        for k, known in enumerate(self.pointers):
            if (known.storage, known.offset) == (access.storage, access.offset):
                return f"x{k}"
        self.pointers.append(access)
        return f"x{len(self.pointers) - 1}"

    def extent(self, level: int) -> str:
        """How often a loop runs."""
        loop = self.nest.loops[level]
        if not loop.over_rows:
            return self.number(loop.extent)
        return "count" if loop.scale == 1 else f"count * {self.number(loop.scale)}"

    def counter(self, level: int, access: MemAccess) -> str:
        """A loop's counter, or the number of the row that is read instead of the loop's own."""
        rows = Extent.RANGE if self.nest.walk is None else Extent.WALK
        if access.row is not None and self.nest.loops[level].extent == rows:
            return str(access.row)
        return f"i{level}"

    def start(self, group: ThreadGroup) -> str:
        """` + begin` for a group over rows, whose numbers are counted from there; else nothing."""
        loop = self.nest.loops[group.levels[0]]
        if not loop.over_rows:
            return ""
        return " + begin" if loop.scale == 1 else f" + begin * {self.number(loop.scale)}"

    def address(self, access: MemAccess, instead: Sequence[ThreadGroup] = ()) -> str:
        """`x0 + i0 * g3 + i1`; loops of the groups `instead` are written as those groups' words."""
        terms = [self.pointer(access)]
        hidden = {level for group in instead for level in group.levels}
        for level, move in enumerate(access.moves):
            if move and level not in hidden:
                counter = self.counter(level, access)
                terms.append(counter if move == 1 else f"{counter} * {self.number(move)}")
        terms += [f"w{group.levels[0]}" for group in instead]
        return " + ".join(terms)


def print_cuda_nest(nest: LoopNest) -> CudaKernelText:
    """The kernel of a nest that says how threads go through it: a loop over pieces of work, one for
    each word that a thread owns.
    """
    nest = renumber(nest, hoisted=False)
    groups = nest.groups
    w = CudaWriter(nest=nest)
    w.line("for t0 in range(thread(), total, threads()):")
    w.depth += 1
    decompose(w, groups)
    if any(store is not Store.SET for _, _, store in nest.stores):
        _accumulate(w, groups)
    else:
        body(w)
        for variable, access, _ in nest.stores:
            w.line(f"{word(w.address(access), access)} = {written(variable, access)}")
    pieces = 1
    for group in groups:
        pieces *= group.pieces
    each = any(nest.loops[group.levels[0]].over_rows for group in groups)
    return CudaKernelText(assemble(w), tuple(w.pointers), tuple(w.geometry), pieces, each)


def decompose(w: CudaWriter, groups: Sequence[ThreadGroup]) -> None:
    """Split the number of a piece into loop counters and words of groups, by division with
    remainder.  The last group moves fastest, so that neighbouring threads write neighbouring words.
    """
    rest = "t0"
    for k in reversed(range(len(groups))):
        group = groups[k]
        name = f"w{group.levels[0]}" if group.overlaps else f"i{group.levels[0]}"
        unit = f" * {w.number(group.unit)}" if group.overlaps and group.unit != 1 else ""
        start = w.start(group)
        if k == 0:
            w.line(f"{name} = {rest}{unit}{start}")
            break
        pieces = w.number(group.pieces)
        following = f"t{len(groups) - k}"
        w.line(f"{name} = {rest} % {pieces}{unit}{start}")
        w.line(f"{following} = {rest} // {pieces}")
        rest = following


def begin_a_row(w: CudaWriter) -> None:
    """Every few hundred terms of a long sum: add their sum to the compensated total."""
    w.line("c0 = c0 + 1")
    w.line(f"if c0 == {IN_A_ROW}:")
    for line in (*KEEP, "r0 = real(0.0)", "c0 = 0"):
        w.line(f"    {line}")


def _accumulate(w: CudaWriter, groups: Sequence[ThreadGroup]) -> None:
    """One word of the result: walk what is summed, then store."""
    ((variable, access, store),) = w.nest.stores
    depth, overlapping = w.depth, [group for group in groups if group.overlaps]
    w.line(f"a0 = {w.address(access, overlapping)}")
    long = store is not Store.MAX and _is_long(w.nest, overlapping, w.walked)
    w.line(f"r0 = {START.get(store, 'real(0.0)')}")
    for line in ("q0 = real(0.0)", "q1 = real(0.0)", "c0 = 0") if long else ():
        w.line(line)
    for group in overlapping:
        _solve(w, group, access)
    for level in w.walked:
        _walk(w, level)
    body(w)
    combine = "maximum" if store is Store.MAX else "plus"
    w.line(f"r0 = {combine}(r0, {variable})")
    if long:
        begin_a_row(w)
    if w.nest.walk is not None:
        w.line(f"i{w.walked[-1]} = index({word(w.address(w.nest.walk.after), w.nest.walk.after)})")
    w.depth = depth
    for line in (*KEEP, "r0 = q0 + q1") if long else ():
        w.line(line)
    target, adds = word("a0", access), store in (Store.ADD, Store.SUM_ADD)
    w.line(f"{target} = plus({target}, r0)" if adds else f"{target} = {written('r0', access)}")


def _is_long(nest: LoopNest, overlapping: Sequence[ThreadGroup], walked: Sequence[int]) -> bool:
    """Whether a thread may add up so many terms that the sum must be compensated."""
    inner = [level for group in overlapping for level in group.levels[:-1]]
    extents = [nest.loops[level].extent for level in (*walked, *inner)]
    return any(extent < 0 for extent in extents) or prod(extents) > LONG


def _walk(w: CudaWriter, level: int) -> None:
    """The head of a loop that a thread walks by itself."""
    walk = w.nest.walk
    if walk is None or w.nest.loops[level].extent != Extent.WALK:
        w.line(f"for i{level} in range({w.extent(level)}):")
    else:
        w.line(f"i{level} = index({word(w.address(walk.first), walk.first)})")
        w.line(f"for s{level} in range(index({word(w.address(walk.length), walk.length)})):")
    w.depth += 1


def _solve(w: CudaWriter, group: ThreadGroup, access: MemAccess) -> None:
    """Walk a group's loops but the last, whose index follows from the word that is wanted."""
    *outer, last = group.levels
    place = f"w{group.levels[0]}"
    for level in outer:
        w.line(f"for i{level} in range({w.extent(level)}):")
        w.depth += 1
        rest = f"d{level}"
        w.line(f"{rest} = {place} - i{level} * {w.number(access.moves[level])}")
        place = rest
    move = w.number(access.moves[last])
    end = w.number(access.moves[last] * w.nest.loops[last].extent)
    w.line(f"if {place} >= 0 and {place} < {end} and {place} % {move} == 0:")
    w.depth += 1
    w.line(f"i{last} = {place} // {move}")


def body(w: CudaWriter) -> None:
    """What one iteration of all loops computes."""
    for variable, access in w.nest.loads:
        w.line(f"{variable} = {read(variable, access, word(w.address(access), access))}")
    for statement in w.nest.statements:
        w.line(statement_text(statement))


def word(address: str, access: MemAccess) -> str:
    """A word of memory, by its number."""
    return f"{'numbers' if access.index else 'words'}[{address}]"


def assemble(w: CudaWriter, resident: int = 0) -> str:
    """The kernel's text: how many blocks are to fit a multiprocessor, if that is said; what it
    reads of the table; and then its lines.
    """
    first = len(w.pointers)
    head = [HEAD, f"    resident({resident})"] if resident else [HEAD]
    if w.nest.positional:
        head.append("    first = 0")
    head += [f"    x{k} = table[at + {k}]" for k in range(first)]
    head += [f"    g{k} = table[at + {first + k}]" for k in range(len(w.geometry))]
    text = "\n".join(head + w.lines) + "\n"
    return with_definitions(text, called_by(w.nest.statements))
