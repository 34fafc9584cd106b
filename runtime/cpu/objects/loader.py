"""A loader for object files that needs no LLVM: it copies sections and writes relocations.

A start that finds all its kernels in the cache has no use for LLVM, whose library takes 40 MB of
memory.  A file that cannot be placed here (`NotPlain`) is left to `mcjit`.  Code is written
before it may be executed, and never after.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

from gradc_runtime.cpu.objects.elf import NotPlain, ObjectFile, Section, Symbol

FUNCTIONS = {"cos", "erf", "exp", "expm1", "log", "log1p", "pow", "sin", "tanh"}  # of C
FUNCTIONS |= {"memcpy", "memmove", "memset", "sched_getcpu", "sched_yield"}
FUNCTIONS |= {"fma", "fmod", "read", "usleep", "write"}


@cache
def library() -> ctypes.CDLL:
    """A handle to all libraries that this process has loaded, the C library among them."""
    return ctypes.CDLL(None, use_errno=True)


@cache
def function(name: str) -> int:
    """The address of a function that kernels may call.

    Raises `NotPlain` for any other name.
    """
    if name not in FUNCTIONS or not hasattr(library(), name):
        raise NotPlain(f"calls {name}")
    return ctypes.cast(getattr(library(), name), ctypes.c_void_p).value or 0


def checked(file: ObjectFile, name: str) -> ObjectFile:
    """The file, once every relocation is known to have a target and `name` to be code in it.

    Raises `NotPlain` for any other file.
    """
    places = {section.number: 0 for section in file.sections}
    for _, _, symbol, _ in file.addresses():
        target(symbol, 0, places)
    symbol = defined(file, name)
    homes = [s for s in file.sections if s.number == symbol.section and s.executed]
    if not any(symbol.value < len(section.content) for section in homes):
        raise NotPlain(f"{name} is no code")
    return file


def place(files: Mapping[str, ObjectFile]) -> dict[str, int]:
    """Copy object files into memory and return the address of each one's symbol.

    The files have passed `checked`.

    Raises OSError where no memory is to be had; then nothing has been placed.
    """
    starts, size, executed = arranged([file.sections for file in files.values()])
    image = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held = ctypes.c_char.from_buffer(image)
    base = ctypes.addressof(held)
    found = {}
    for (name, file), places in zip(files.items(), starts, strict=True):
        write(image, base, file, places)
        found[name] = target(defined(file, name), base, places)
    protect(base, executed, mmap.PROT_READ | mmap.PROT_EXEC)
    protect(base + executed, size - executed, mmap.PROT_READ)
    keep_for_ever(held)
    return found


def keep_for_ever(thing: Any) -> None:
    """Take a reference that is never given up: threads of the pool still run kernels while Python
    shuts down, so their memory must not be freed.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def arranged(files: list[list[Section]]) -> tuple[list[dict[int, int]], int, int]:
    """The offset of every section of every file, the bytes of all, and the bytes of the code.

    Code comes first and constants begin on a page of their own, as pages have one protection each.
    """
    starts: list[dict[int, int]] = [{} for _ in files]
    end, ends = 0, []
    for executed in (True, False):
        for places, sections in zip(starts, files, strict=True):
            for section in (s for s in sections if s.executed == executed):
                places[section.number] = rounded(end, section.alignment)
                end = places[section.number] + len(section.content)
        end = rounded(end, mmap.PAGESIZE)
        ends.append(end)
    return starts, end, ends[0]


def rounded(number: int, unit: int) -> int:
    """The least multiple of `unit` that is not below `number`."""
    return -(-number // unit) * unit


def write(image: mmap.mmap, base: int, file: ObjectFile, places: Mapping[int, int]) -> None:
    """Copy a file's sections to their offsets in the image, and write its relocations."""
    for section in file.sections:
        start = places[section.number]
        image[start : start + len(section.content)] = section.content
    for number, offset, symbol, addend in file.addresses():
        value = (target(symbol, base, places) + addend) % 2**64
        struct.pack_into("<Q", image, places[number] + offset, value)


def defined(file: ObjectFile, name: str) -> Symbol:
    """The symbol of this name that a file defines.

    Raises `NotPlain` where it defines none.
    """
    for symbol in file.symbols:
        if symbol.name == name and symbol.section:
            return symbol
    raise NotPlain(f"does not define {name}")


def target(symbol: Symbol, base: int, places: Mapping[int, int]) -> int:
    """The address of a symbol.

    Raises `NotPlain` where its section has not been placed.
    """
    if symbol.section == 0:
        return function(symbol.name)
    if symbol.section not in places:
        raise NotPlain(f"needs section {symbol.section}")
    return base + places[symbol.section] + symbol.value


def protect(start: int, size: int, what: int) -> None:
    """Set the protection of some pages (`mprotect`); raises OSError where the system refuses."""
    where = ctypes.c_void_p(start)
    if size and library().mprotect(where, ctypes.c_size_t(size), ctypes.c_int(what)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
