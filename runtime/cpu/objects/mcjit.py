"""LLVM's own loader (MCJIT), for object files that `loader` does not take: those of other systems
and processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from gradc_runtime.cpu.codegen.target import host


@cache
def engine() -> Any:
    """The process's one MCJIT engine; what it has loaded stays for the life of the process."""
    machine = host()
    target = llvm.Target.from_triple(machine.triple)
    settings = target.create_target_machine(cpu=machine.cpu, features=machine.features, jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), settings)


def place(objects: Mapping[str, bytes]) -> dict[str, int]:
    """The addresses of symbols (0: not there), once the object file of each is in memory.

    Raises RuntimeError where one is no object file.
    """
    for code in objects.values():
        engine().add_object_file(llvm.ObjectFileRef.from_data(code))
    engine().finalize_object()
    return {name: engine().get_function_address(name) for name in objects}
