"""Kernels in, addresses out: from memory, else from the cache, else built now.

A kernel's key is the SHA-256 of everything its code depends on: its text, the text of the modules
that shape it, the size of a word, the versions of Numba and LLVM, the processor and the flags.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from compiler.program import Kernel
from runtime.cpu import cache as store
from runtime.cpu import link
from runtime.cpu.machine import host


@cache
def surroundings(library: bool) -> bytes:
    """What every kernel depends on beside its own text."""
    here = Path(__file__).parent
    modules = ["build.py", "intrinsics.py", "machine.py", "layout.py", "source.py"]
    texts = [here / name for name in modules] + sorted(here.glob("scalars*.py"))
    if library:
        texts += sorted((here / "kernels").glob("*.py"))
    machine = host()
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite")]
    facts = [machine.triple, machine.cpu, machine.features, *versions, str(store.FORMAT)]
    return b"\0".join([*(path.read_bytes() for path in texts), *map(str.encode, facts)])


@cache
def key_of(name: str, source: str | None, word: int) -> str:
    """The name of a kernel's code in the cache."""
    own = f"{name}\0{word}\0{source}".encode()
    return hashlib.sha256(own + b"\0" + surroundings(source is None)).hexdigest()


def symbol_of(key: str) -> str:
    """The C symbol of a kernel."""
    return f"gradc_{key[:32]}"


def builder() -> Any:
    """The module that needs Numba, imported when it is first needed: a warm start does without."""
    return importlib.import_module("runtime.cpu.build")


def object_of(kernel: Kernel, word: int) -> bytes:
    """A kernel's object code, from the cache if it is there."""
    key = key_of(kernel.name, kernel.source, word)
    if (code := store.load(key)) is not None:
        return code
    with store.locked(key):
        if (code := store.load(key)) is not None:  # another process was quicker
            return code
        built: bytes = builder().object_code(kernel.name, kernel.source, word, symbol_of(key))
        store.save(key, built, kernel.note or kernel.name)
    return built


def addresses(kernels: Sequence[Kernel], word: int) -> list[int]:
    """Where each kernel's code lies in memory, once all are compiled and loaded."""
    symbols = [symbol_of(key_of(kernel.name, kernel.source, word)) for kernel in kernels]
    link.load(
        {
            symbol: object_of(kernel, word)
            for symbol, kernel in zip(symbols, kernels, strict=True)
            if not link.is_loaded(symbol)
        }
    )
    return [link.address(symbol) for symbol in symbols]
