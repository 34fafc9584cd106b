"""Loading object code into this process: by the loader here, or by LLVM where that cannot.

A kernel is loaded once; from then on its symbol has an address.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from gradc_runtime.cpu.objects.elf import NotPlain, ObjectFile
from gradc_runtime.cpu.objects.loader import checked, place

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)  # the signature of every kernel
ALL_PLAIN = sys.platform == "linux" and os.uname().machine == "x86_64"  # all kernels' files
_lock = threading.Lock()
_addresses: dict[str, int] = {}


class LinkError(RuntimeError):
    """Object code that cannot be loaded."""


def is_loaded(symbol: str) -> bool:
    """Whether `address(symbol)` will answer."""
    return symbol in _addresses


def address(symbol: str) -> int:
    """The address of a kernel that has been loaded."""
    return _addresses[symbol]


def load(objects: Mapping[str, bytes], build: Callable[[str], bytes] | None = None) -> None:
    """Load object files, by the symbol that each defines.

    A file that the loader here does not take goes to LLVM, which believes all that a file says.  So
    LLVM never gets a file from the cache: `build` makes the code anew.  Without `build`, `objects`
    were made in this process.

    Raises `LinkError` where an object file does not define its symbol.
    """
    with _lock:
        new = {name: code for name, code in objects.items() if name not in _addresses}
        plain = {name: file for name, code in new.items() if (file := understood(code, name))}
        made = {n: fresh(n, new[n], build) for n in new if n not in plain}
        plain |= {name: file for name, code in made.items() if (file := understood(code, name))}
        rest = {name: code for name, code in made.items() if name not in plain}
        try:
            found = place(plain) if plain else {}
        except OSError:
            found, rest = {}, {n: made.get(n) or fresh(n, new[n], build) for n in new}
        if rest:
            found |= placed_by_llvm(rest)
        if missing := [name for name, start in found.items() if not start]:
            raise LinkError(f"{missing[0]}: not in its object file")
        _addresses.update(found)


def understood(code: bytes, symbol: str) -> ObjectFile | None:
    """The parsed object file, or None where only LLVM could load it."""
    try:
        return checked(ObjectFile(code), symbol)
    except NotPlain:
        return None


def fresh(name: str, code: bytes, build: Callable[[str], bytes] | None) -> bytes:
    """Object code that LLVM may be given.

    LLVM believes all that a file says, so it is given code that was built in this process and not
    what lay in the cache; but on a system where LLVM loads every kernel, the cache is trusted.
    """
    return code if build is None or not ALL_PLAIN else build(name)


def placed_by_llvm(objects: Mapping[str, bytes]) -> dict[str, int]:
    """The addresses of symbols in files that LLVM loads; only then is its large library imported.

    Raises `LinkError` where LLVM refuses a file.
    """
    engine: Any = importlib.import_module("gradc_runtime.cpu.objects.mcjit")
    try:
        return dict(engine.place(objects))
    except RuntimeError as error:
        raise LinkError(f"{', '.join(objects)}: {error}") from error
