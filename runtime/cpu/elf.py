"""What an object file holds, as far as kernels go: sections, symbols, addresses to fill in.

The format is ELF (System V ABI, AMD64 Architecture Processor Supplement, chapter 4).  Only what
LLVM makes of a kernel is understood; anything else is `NotPlain`, which is for LLVM to load.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import NamedTuple

HEADER = Struct("<6s10xHH20xQ10xHH2x")  # magic, kind, machine, sections' start, size, count
SECTION = Struct("<IIQ8xQQIIQ8x")
SYMBOL = Struct("<I2xHQ8x")  # where its name begins, section, value
RELOCATION = Struct("<QIIq")  # offset, kind, symbol, what to add

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, the lowest byte first
RELOCATABLE, AMD64 = 1, 62  # kinds of files and of machines
PROGRAM, SYMBOLS, RELOCATIONS, UNWINDING = 1, 2, 4, 0x70000001  # kinds of sections
WRITTEN, LOADED, EXECUTED, THREADS_OWN = 0x1, 0x2, 0x4, 0x400  # flags of sections
WHOLE_ADDRESS = 1  # R_X86_64_64: the address of a symbol plus a number, in 8 bytes


class NotPlain(Exception):
    """An object file that holds more than is understood here."""


class Entry(NamedTuple):
    """A row of the table of sections."""

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
    """A part of an object file that belongs into memory."""

    number: int
    executed: bool
    alignment: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Symbol:
    """A place in a section, or a name that is defined elsewhere (`section` 0)."""

    name: str
    section: int
    value: int


@dataclass(frozen=True)
class ObjectFile:
    """An object file; its parts raise NotPlain where it is none that a kernel has."""

    code: bytes

    @cached_property
    def _table(self) -> list[Entry]:
        """The sections by number."""
        if len(self.code) < HEADER.size:
            raise NotPlain("too short")
        magic, kind, machine, start, size, count = HEADER.unpack_from(self.code)
        if (magic, kind, machine, size) != (MAGIC, RELOCATABLE, AMD64, SECTION.size):
            raise NotPlain("no object file for AMD64")
        rows = SECTION.iter_unpack(self.code[start : start + size * count])
        return [Entry._make(row) for row in rows]

    def _content(self, entry: Entry) -> bytes:
        return self.code[entry.offset : entry.offset + entry.size]

    @cached_property
    def sections(self) -> list[Section]:
        """What belongs into memory; unwinding does not, as nothing is thrown."""
        found = []
        for number, entry in enumerate(self._table):
            if not entry.flags & LOADED or entry.kind == UNWINDING:
                continue
            if entry.kind != PROGRAM or entry.flags & (WRITTEN | THREADS_OWN):
                raise NotPlain(f"a section of kind {entry.kind}, with flags {entry.flags:x}")
            executed, alignment = bool(entry.flags & EXECUTED), max(1, entry.alignment)
            found.append(Section(number, executed, alignment, self._content(entry)))
        return found

    @cached_property
    def symbols(self) -> list[Symbol]:
        """All of them, by number."""
        (entry,) = (entry for entry in self._table if entry.kind == SYMBOLS)
        names = self._content(self._table[entry.link])
        return [
            Symbol(names[name : names.index(b"\0", name)].decode(), section, value)
            for name, section, value in SYMBOL.iter_unpack(self._content(entry))
        ]

    def addresses(self) -> Iterator[tuple[int, int, Symbol, int]]:
        """Where memory must hold an address: section, offset, whose, and what to add to it."""
        loaded = {section.number for section in self.sections}
        for entry in self._table:
            if entry.kind != RELOCATIONS or entry.about not in loaded:
                continue
            for offset, kind, symbol, addend in RELOCATION.iter_unpack(self._content(entry)):
                if kind != WHOLE_ADDRESS:
                    raise NotPlain(f"a relocation of kind {kind}")
                yield entry.about, offset, self.symbols[symbol], addend
