"""Object code becomes callable: LLVM's linker places it in this process and gives its address."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from runtime.cpu.machine import host

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)  # every kernel, by its address
_lock = threading.Lock()
_addresses: dict[str, int] = {}


class LinkError(RuntimeError):
    """Object code that cannot be loaded."""


@cache
def engine() -> Any:
    """The process's one linker; what it has loaded stays for the life of the process."""
    machine = host()
    target = llvm.Target.from_triple(machine.triple)
    settings = target.create_target_machine(cpu=machine.cpu, features=machine.features, jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), settings)


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
        for name, code in new.items():
            try:
                engine().add_object_file(llvm.ObjectFileRef.from_data(code))
            except RuntimeError as error:
                raise LinkError(f"{name}: {error}") from error
        engine().finalize_object()
        for name in new:
            place = engine().get_function_address(name)
            if not place:
                raise LinkError(f"{name}: not in its object file")
            _addresses[name] = place
