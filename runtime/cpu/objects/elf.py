"""A reader for the object files that LLVM makes of kernels: sections, symbols, relocations.

The format is ELF (System V ABI, AMD64 Architecture Processor Supplement, chapter 4).  Only what
LLVM makes of a kernel is understood; anything else is `NotPlain`, which is for LLVM to load.
Every number in a file is held against the file before it is followed: it may come from a disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from struct import Struct
from typing import Any, NamedTuple

from gradc_compiler.records.fast_dataclass import dataclass

HEADER = Struct("<6s10xHH20xQ10xHH2x")  # magic, kind, machine, sections' start, size, count
SECTION = Struct("<IIQ8xQQIIQ8x")
SYMBOL = Struct("<I2xHQ8x")  # where its name begins, section, value
RELOCATION = Struct("<QIIq")  # offset, kind, symbol, what to add

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, the lowest byte first
RELOCATABLE, AMD64 = 1, 62  # kinds of files and of machines
PROGRAM, SYMBOLS, RELOCATIONS, UNWINDING = 1, 2, 4, 0x70000001  # kinds of sections
WRITTEN, LOADED, EXECUTED, THREADS_OWN = 0x1, 0x2, 0x4, 0x400  # flags of sections
ADDRESS, LARGEST_ALIGNMENT, LONGEST_NAME = 8, 4096, 256  # bytes
EMPTY = 8  # kind of a section that has a size but no bytes in the file
WHOLE_ADDRESS = 1  # R_X86_64_64: the address of a symbol plus a number, in 8 bytes


class NotPlain(Exception):
    """An object file with something that kernels never have; LLVM has to load it."""


class SectionEntry(NamedTuple):
    """A row of the section header table, in the order in which its numbers lie in the file."""

    name: int
    kind: int
    flags: int
    offset: int
    size: int
    link: int  # of symbols: the section of their names
    about: int  # of relocations: the section they change
    alignment: int


@dataclass(frozen=True, slots=True)
class Section:
    """A section that a kernel needs in memory: code, or constants that code reads."""

    number: int
    executed: bool
    alignment: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named offset in a section, or a function defined elsewhere (then `section` is 0)."""

    name: str
    section: int
    value: int


@dataclass(frozen=True)
class ObjectFile:
    """The bytes of an object file; each part raises `NotPlain` where it does not make sense."""

    code: bytes

    @cached_property
    def _table(self) -> list[SectionEntry]:
        """The section header table: a row for each section, in the order of their numbers."""
        if len(self.code) < HEADER.size:
            raise NotPlain("too short")
        magic, kind, machine, start, size, count = HEADER.unpack_from(self.code)
        if (magic, kind, machine, size) != (MAGIC, RELOCATABLE, AMD64, SECTION.size):
            raise NotPlain("no object file for AMD64")
        rows = SECTION.iter_unpack(self._part(start, size * count))
        entries = [SectionEntry._make(row) for row in rows]
        if sum(entry.size for entry in entries if entry.kind != EMPTY) > len(self.code):
            raise NotPlain("sections that overlap")  # thousands might each be copied
        return entries

    def _part(self, start: int, size: int) -> bytes:
        """Some bytes of the file; raises `NotPlain` where the file ends before them."""
        if start + size > len(self.code):
            raise NotPlain("a part lies beyond its end")
        return self.code[start : start + size]

    def _content(self, entry: SectionEntry) -> bytes:
        return self._part(entry.offset, entry.size)

    def _rows(self, entry: SectionEntry, form: Struct) -> Iterator[tuple[Any, ...]]:
        """The content of a section that is a table, row by row."""
        if entry.size % form.size:
            raise NotPlain("a table ends within a row")
        return form.iter_unpack(self._content(entry))

    @cached_property
    def sections(self) -> list[Section]:
        """The sections that belong into memory; tables for unwinding do not, as nothing is thrown.

        Raises `NotPlain` for a section of another kind.
        """
        found = []
        for number, entry in enumerate(self._table):
            if not entry.flags & LOADED or entry.kind == UNWINDING:
                continue
            if entry.kind != PROGRAM or entry.flags & (WRITTEN | THREADS_OWN):
                raise NotPlain(f"a section of kind {entry.kind}, with flags {entry.flags:x}")
            executed, alignment = bool(entry.flags & EXECUTED), max(1, entry.alignment)
            if alignment > LARGEST_ALIGNMENT or alignment & (alignment - 1):
                raise NotPlain(f"an alignment of {alignment}")
            found.append(Section(number, executed, alignment, self._content(entry)))
        return found

    @cached_property
    def symbols(self) -> list[Symbol]:
        """The symbol table; relocations name a symbol by its number in it.

        Raises `NotPlain` where the table is not as expected or a symbol lies outside the file.
        """
        tables = [entry for entry in self._table if entry.kind == SYMBOLS]
        if len(tables) != 1 or tables[0].link >= len(self._table):
            raise NotPlain(f"{len(tables)} tables of symbols")
        names, sizes = self._content(self._table[tables[0].link]), self._sizes
        found = []
        for name, section, value in self._rows(tables[0], SYMBOL):
            end = names.find(b"\0", name, name + LONGEST_NAME)
            if end < 0 or value > sizes.get(section, value):
                raise NotPlain("a symbol that lies nowhere")
            found.append(Symbol(names[name:end].decode("ascii", "replace"), section, value))
        return found

    @cached_property
    def _sizes(self) -> dict[int, int]:
        """The size in bytes of each section that belongs into memory, by number."""
        return {section.number: len(section.content) for section in self.sections}

    def addresses(self) -> Iterator[tuple[int, int, Symbol, int]]:
        """The relocations (section, offset, symbol, addend): at that offset of the section the
        address of the symbol plus the addend has to be written.

        Raises `NotPlain` for a relocation of another kind, or one that leads outside.
        """
        sizes, symbols = self._sizes, self.symbols
        for entry in self._table:
            if entry.kind != RELOCATIONS or entry.about not in sizes:
                continue
            for offset, kind, symbol, addend in self._rows(entry, RELOCATION):
                if kind != WHOLE_ADDRESS:
                    raise NotPlain(f"a relocation of kind {kind}")
                if offset + ADDRESS > sizes[entry.about] or symbol >= len(symbols):
                    raise NotPlain("an address that lies nowhere")
                yield entry.about, offset, symbols[symbol], addend
