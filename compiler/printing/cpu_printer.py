"""The CPU printer: a loop nest as the source of one kernel.

Names are numbered (`x0` is a pointer, `v1` a value, `i0` a loop counter), so nothing that an author
wrote reaches the source except in comments.  Extents and strides are arguments (`geometry`), so
that kernels which differ in them only are compiled once.  A stride of 0 or 1 in the innermost loop
stands in the text, because LLVM can vectorise only what it knows to be contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from gradc_compiler.loops.ir import LoopNest, MemAccess, Store, Variable
from gradc_compiler.loops.renumber import renumber
from gradc_compiler.machine.addition_chains import BLOCKS
from gradc_compiler.printing.common import CodeLines, called_by, read, with_definitions, written
from gradc_compiler.printing.scalar_text import statement_text
from gradc_compiler.records.fast_dataclass import dataclass

START = {Store.SUM: "real(0.0)", Store.SUM_ADD: "real(0.0)", Store.MAX: "real(-1e999)"}


@dataclass(frozen=True, slots=True)
class CpuKernelText:
    """The source of a kernel, its pointers in order and its arguments; and for each level of loops,
    which argument is the extent (of a loop over rows: the iterations within one row).
    """

    source: str
    pointers: tuple[MemAccess, ...]
    geometry: tuple[int, ...]
    extents: dict[int, int]


@dataclass(kw_only=True)
class _CpuWriter(CodeLines):
    """A place is `x0[...]`, with x0 a pointer."""

    nest: LoopNest
    places: dict[int, str] = field(default_factory=dict)  # `id(access)` -> its text
    loaded: set[int] = field(default_factory=set)  # numbers of the loads that have been written
    extents: dict[int, int] = field(default_factory=dict)  # level -> argument with its extent

    def pointer(self, access: MemAccess) -> str:
        """The name of an access's pointer; accesses to the same words have the same one.

        LLVM is told that no two pointers lead to the same words, which must be true.  An access to
        rows of another time step has a pointer of its own, and no kernel writes those rows.
        """
        for k, known in enumerate(self.pointers):
            same = (known.storage, known.offset, known.index) == (
                access.storage,
                access.offset,
                access.index,
            )
            if same and known.row == access.row:
                return f"x{k}"
        self.pointers.append(access)
        return f"x{len(self.pointers) - 1}"

    def address(self, access: MemAccess) -> str:
        """`x0[i0 * g3 + i1]`."""
        pointer, last = self.pointer(access), len(self.nest.loops) - 1
        terms = []
        for level, move in enumerate(access.moves):
            if move == 0:
                continue
            row = access.row if self.nest.loops[level].over_rows else None
            counter = f"i{level}" if row is None else str(row)
            unit = level == last and move == 1
            terms.append(counter if unit else f"{counter} * {self.number(move)}")
        return f"{pointer}[{' + '.join(terms) or '0'}]"

    def open(self, level: int) -> None:
        """The head of a loop."""
        loop = self.nest.loops[level]
        if not loop.over_rows or loop.scale != 1:
            self.extents[level] = len(self.geometry)
        if loop.over_rows:
            scale = "" if loop.scale == 1 else f" * {self.number(loop.scale)}"
            self.line(f"for i{level} in range(begin{scale}, end{scale}):")
        else:
            kind = "narrow" if loop.masked else "range"
            self.line(f"for i{level} in {kind}({self.number(loop.extent)}):")
        self.depth += 1

    def open_blocks(self, level: int, sums: int) -> None:
        """The head of a summed loop over rows, as three loops: blocks of blocks, blocks, rows.

        The terms of a block are added up in r0, blocks in q0, and those sums in memory, so that no
        chain of additions gets long.
        """
        loop = self.nest.loops[level]
        scale = "" if loop.scale == 1 else f" * {self.number(loop.scale)}"
        for name, start, end, size in (
            ("q", f"begin{scale}", f"end{scale}", loop.block * BLOCKS),
            ("r", "jq0", "eq0", loop.block),
        ):
            step = self.number(size)
            self.line(f"for j{name}0 in range({start}, {end}, {step}):")
            self.depth += 1
            self.line(f"e{name}0 = j{name}0 + {step}")
            self.line(f"if e{name}0 > {end}:")
            self.line(f"    e{name}0 = {end}")
            for k in range(sums):
                self.line(f"{name}{k} = real(0.0)")
        self.line(f"for i{level} in range(jr0, er0):")
        self.depth += 1

    def load(self, level: int) -> None:
        """Write the loads that stand directly within `level` loops."""
        last = len(self.nest.loops)
        for k, (variable, access) in enumerate(self.nest.loads):
            if k not in self.loaded and (access.depth() if self.nest.hoisted else last) <= level:
                self.loaded.add(k)
                self.line(f"{variable} = {read(variable, access, self.places[id(access)])}")

    def store(self) -> None:
        """Write the stores that go to memory at every iteration."""
        for variable, access, store in self.nest.stores:
            target, value = self.places[id(access)], written(variable, access)
            if store is Store.SET:
                self.line(f"{target} = {value}")
            elif store is Store.LOST:
                total = self.places[id(self.nest.stores[-1][1])]
                self.line(f"u0 = {value} + {target}")
                self.line(f"{target} = lost({total}, u0)")
            elif store is Store.PAIR:
                self.line(f"{target} = {target} + u0")
            elif store is Store.ADD:
                self.line(f"{target} = plus({target}, {value})")


def print_cpu_nest(nest: LoopNest) -> CpuKernelText:
    """The text of a collapsed nest; sums and maxima over inner loops stay in registers until those
    loops are done.
    """
    nest = renumber(nest, nest.hoisted)
    w = _CpuWriter(nest=nest)
    for access in nest.accesses():
        w.places[id(access)] = w.address(access)
    inner = next((j for j, loop in enumerate(nest.loops) if loop.reduces), len(nest.loops))
    gathered = [(v, w.places[id(a)], s) for v, a, s in nest.stores if s in START]
    blocked = inner < len(nest.loops) and nest.loops[inner].block > 0
    for level in range(len(nest.loops) + 1):
        if level == inner and not blocked:
            for k, (_, _, store) in enumerate(gathered):
                w.line(f"r{k} = {START[store]}")
        w.load(level)
        if level == inner and blocked:
            w.open_blocks(level, len(gathered))
        elif level < len(nest.loops):
            w.open(level)
    for statement in nest.statements:
        w.line(statement_text(statement))
    w.store()
    _gather(w, gathered, inner, blocked)
    return CpuKernelText(_assemble(w), tuple(w.pointers), tuple(w.geometry), w.extents)


def _gather(
    w: _CpuWriter, gathered: Sequence[tuple[Variable, str, Store]], inner: int, blocked: bool
) -> None:
    """Add to the sums and maxima in the innermost loop, and store them after loop `inner`, before
    which they were begun.  The sum of a blocked loop is the sum of its blocks' sums.
    """
    for k, (variable, _, store) in enumerate(gathered):
        combine = f"maximum(r{k}, {variable})" if store is Store.MAX else f"plus(r{k}, {variable})"
        w.line(f"r{k} = {combine}")
    w.depth = 1 + inner + 2 * blocked
    for k in range(len(gathered) if blocked else 0):
        w.line(f"q{k} = q{k} + r{k}")
    w.depth = 1 + inner + blocked
    for k, (_, place, store) in enumerate(gathered):
        total = f"q{k}" if blocked else f"r{k}"
        adds = store is Store.SUM_ADD
        w.line(f"{place} = plus({place}, {total})" if adds else f"{place} = {total}")


def _assemble(w: _CpuWriter) -> str:
    head = ["def k0(pointers, geometry, begin, end, first):"]
    for k, access in enumerate(w.pointers):
        kind = "indices" if access.index else "reals"
        head.append(f"    x{k} = {kind}(pointers, {k})")
    head += [f"    g{k} = geometry[{k}]" for k in range(len(w.geometry))]
    text = "\n".join(head + w.lines) + "\n"
    return with_definitions(text, called_by(w.nest.statements))
