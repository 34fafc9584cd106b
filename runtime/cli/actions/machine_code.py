"""The last stages of a kernel, for people: LLVM's language, assembly of this CPU, PTX.

Kernels of the runtime's own library are left out: they are the same for every spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from gradc_compiler.program.entry import Entry
from gradc_compiler.program.variants import single_kernels
from gradc_runtime.cli.actions.tables import called, launches
from gradc_runtime.cli.faults import Refused
from gradc_runtime.cpu.codegen.build_kernel import assembly, kernel_module

WORD = 4  # bytes: the code for float32
CAPABILITY = (9, 0)  # of the GPU that PTX is for
STAGES = ("llvm", "asm", "ptx")


def machine_code(entry: Entry, stage: str) -> Iterator[tuple[str, str]]:
    """What each kernel is for, and its code.

    Raises `Refused` for PTX without numba-cuda.
    """
    if stage == "ptx":
        yield from ptx(entry)
        return
    for number, kernel in enumerate(entry.kernels):
        if kernel.source is not None:
            name = ": ".join(part for part in (called(entry, number), kernel.note) if part)
            if stage == "asm":
                yield name, assembly(kernel.name, kernel.source, WORD)
            else:
                yield name, str(kernel_module(kernel.name, kernel.source, WORD, "kernel"))
    for single in single_kernels(entry):
        yield from machine_code(single.entry, stage)


def ptx(entry: Entry) -> Iterator[tuple[str, str]]:
    """The kernels of a GPU.

    Raises `Refused` without numba-cuda.
    """
    try:
        shim = import_module("gradc_runtime.cuda.shim")
        verified = import_module("gradc_runtime.cuda.verify_cuda_source")
        for note, source in launches(entry):
            for function in verified.functions_of(source, WORD):
                yield note, shim.compile_ptx(function, WORD, CAPABILITY)
    except (ImportError, OSError, RuntimeError) as fault:
        raise without_compiler("--stage ptx", fault) from None


def without_compiler(what: str, fault: Exception) -> Refused:
    """What to install where NVIDIA's compiler is missing, and what was not found."""
    said = str(fault).strip().partition("\n")[0].partition(", No such file")[0]
    needs = f"{what} needs numba-cuda and NVIDIA's compiler, not a GPU"
    return Refused(f"{needs}: pip install 'gradc[cuda-test]' ({said})")


def code_text(entry: Entry, stage: str) -> str:
    """All of it as one text."""
    mark = ";" if stage == "llvm" else "//" if stage == "ptx" else "#"
    parts = [f"{mark} {note}\n{text.rstrip()}\n" for note, text in machine_code(entry, stage)]
    return "\n".join(parts) or f"{mark} only kernels of the runtime's library\n"
