"""Object code becomes callable: it is placed in this process, and its addresses are known."""

from __future__ import annotations

import ctypes
import importlib
import threading
from collections.abc import Mapping
from typing import Any

from runtime.cpu.elf import NotPlain
from runtime.cpu.place import place

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)  # every kernel, by its address
_lock = threading.Lock()
_addresses: dict[str, int] = {}


class LinkError(RuntimeError):
    """Object code that cannot be loaded."""


def is_loaded(symbol: str) -> bool:
    """Whether `address(symbol)` will answer."""
    return symbol in _addresses


def address(symbol: str) -> int:
    """Where a loaded kernel begins."""
    return _addresses[symbol]


def load(objects: Mapping[str, bytes]) -> None:
    """Load object files, by the symbol that each defines."""
    with _lock:
        new = {name: code for name, code in objects.items() if name not in _addresses}
        if not new:
            return
        try:
            found = place(new)
        except (NotPlain, OSError):
            found = placed_by_llvm(new)
        if missing := [name for name, start in found.items() if not start]:
            raise LinkError(f"{missing[0]}: not in its object file")
        _addresses.update(found)


def placed_by_llvm(objects: Mapping[str, bytes]) -> dict[str, int]:
    """What `engine.place` says; it is imported only here, as LLVM's library is large."""
    engine: Any = importlib.import_module("runtime.cpu.engine")
    try:
        return dict(engine.place(objects))
    except RuntimeError as error:
        raise LinkError(f"{', '.join(objects)}: {error}") from error
