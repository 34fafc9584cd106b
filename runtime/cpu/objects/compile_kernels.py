"""Finding or making the code of kernels: in memory, else in the cache on disk, else built now.

A kernel's key is the SHA-256 of everything its code depends on: its text, the text of the modules
that shape it, the size of a word, the version of LLVM, the processor and the flags.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import llvmlite

from gradc_compiler.machine import addition_chains
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program import kernel_abi
from gradc_compiler.program.entry import MOST_OPERANDS, MOST_TIMES, Kernel, Space
from gradc_runtime.cpu.objects import link
from gradc_runtime.cpu.objects import object_cache as store
from gradc_runtime.cpu.objects.build_locks import locked
from gradc_runtime.cpu.objects.cpu_id import processor
from gradc_runtime.system.quiet_threads import QUIET
from gradc_runtime.system.tile_permission import tiles_granted

SECONDS_KERNEL, SECONDS_LIBRARY = MACHINE.build_kernel_s, MACHINE.build_library_s
WORTH_COPYING = MACHINE.worth_forking_s  # seconds of work, for one more copy of this process
OWN, NUMBA, LINKED = "gradc", "numba", "linked"  # who compiles a kernel; what a linker gets
BUILDERS = {  # the modules that import LLVM
    OWN: "gradc_runtime.cpu.codegen.build_kernel",
    NUMBA: "gradc_runtime.cpu.numba_jit.numba_kernel",
}
HELPER = "gradc helper"  # the name of a thread that stays in native code (`pool.py`)
LONGEST_COPY = 60  # seconds after which a copy is ended; the rest is built here


@cache
def dependency_fingerprint(library: bool) -> bytes:
    """The digest of all texts and facts that a kernel's code depends on beside its own text."""
    here = Path(__file__).parents[1]
    texts = [*sorted((here / "codegen").rglob("*.py")), here / "interpreter" / "bytecode.py"]
    if library:
        folders = [here / name for name in ("gemm", "interpreter", "threads")]
        texts += [Path(addition_chains.__file__), Path(kernel_abi.__file__)]
        texts += [p for f in folders for p in sorted(f.glob("*.py"))]
    contract = str([MOST_OPERANDS, MOST_TIMES, *map(int, Space)])  # in the dispatch loops
    facts = [
        contract,
        repr(MACHINE),
        sys.platform,
        processor(),
        llvmlite.__version__,
        str(store.FORMAT),
    ]
    known = b"\0".join([*(path.read_bytes() for path in texts), *map(str.encode, facts)])
    return hashlib.sha256(known).digest()


@cache
def key_of(name: str, source: str | None, word: int, by: str = OWN) -> str:
    """The name of a kernel's code in the cache."""
    own = f"{name}\0{word}\0{source}".encode()
    rest = dependency_fingerprint(source is None) + (numba_fingerprint() if by == NUMBA else b"")
    if source is None and by == OWN and kernel_abi.ROUNDED in name and tiles_granted():
        rest += b"\0tiles"  # so that none loads such code but who may run it
    return hashlib.sha256(own + b"\0" + rest).hexdigest()


@cache
def numba_fingerprint() -> bytes:
    """The digest of the further facts that Numba's code depends on."""
    here = Path(__file__).parents[1] / "numba_jit"
    texts = [path.read_bytes() for path in sorted(here.glob("*.py"))]
    metadata = importlib.import_module("importlib.metadata")
    return b"\0".join([*texts, metadata.version("numba").encode()])


def symbol_of(key: str) -> str:
    """The C symbol of a kernel."""
    return f"gradc_{key[:32]}"


def builder(by: str = OWN) -> Any:
    """The module that writes LLVM, imported when it is first needed: a warm start does without."""
    return importlib.import_module(BUILDERS[by])


def built_anew(kernel: Kernel, word: int, by: str = OWN) -> bytes:
    """A kernel's object code, built now whatever the cache holds."""
    key = key_of(kernel.name, kernel.source, word, by)
    built: bytes = builder(by).object_code(kernel.name, kernel.source, word, symbol_of(key))
    store.save(key, built, kernel.note or kernel.name)
    return built


def linkable_object(kernel: Kernel, word: int) -> tuple[str, bytes]:
    """A kernel's symbol and object code for a linker, from the cache or built now."""
    key = key_of(f"linkable {kernel.name}", kernel.source, word, LINKED)
    symbol = symbol_of(key)
    code = store.load(key)
    if code is None:
        code = builder().linkable_code(kernel.name, kernel.source, word, symbol)
        store.save(key, code, f"linkable {kernel.note or kernel.name}")
    return symbol, code


def object_of(kernel: Kernel, word: int, by: str = OWN, *, wait: bool = True) -> bytes | None:
    """A kernel's object code, from the cache or built now; None if another process is at it."""
    key = key_of(kernel.name, kernel.source, word, by)
    if (code := store.load(key)) is not None:
        return code
    with locked(key, wait) as free:
        if not free:
            return None
        if (code := store.load(key)) is not None:  # another process was quicker
            return code
        return built_anew(kernel, word, by)


def objects_of(kernels: Sequence[Kernel], word: int, by: str) -> list[bytes]:
    """The object code of each kernel; those that another process is building come last."""
    codes = [object_of(kernel, word, by, wait=False) for kernel in kernels]
    return [
        code if code is not None else cast(bytes, object_of(kernel, word, by))
        for kernel, code in zip(kernels, codes, strict=True)
    ]


def addresses(kernels: Sequence[Kernel], word: int, by: str = OWN) -> list[int]:
    """Where each kernel's code lies in memory, once all are compiled and loaded."""
    symbols = [symbol_of(key_of(k.name, k.source, word, by)) for k in kernels]
    by_symbol = dict(zip(symbols, kernels, strict=True))
    largest_first = sorted(by_symbol, key=lambda name: by_symbol[name].source is not None)
    wanted = {name: by_symbol[name] for name in largest_first if not link.is_loaded(name)}
    build_in_forks(list(wanted.values()), word, by)
    codes = objects_of(list(wanted.values()), word, by)
    found = dict(zip(wanted, codes, strict=True))
    link.load(found, lambda name: built_anew(wanted[name], word, by))
    return [link.address(symbol) for symbol in symbols]


def work_in(kernels: Sequence[Kernel], word: int, by: str = OWN) -> float:
    """About how many seconds it takes to build what is not in the cache."""
    missing = [k for k in kernels if not store.is_saved(key_of(k.name, k.source, word, by))]
    library = sum(kernel.source is None for kernel in missing)
    seconds = library * SECONDS_LIBRARY + (len(missing) - library) * SECONDS_KERNEL
    return seconds * (MACHINE.numba_build_ratio if by == NUMBA else 1)


def build_in_forks(kernels: Sequence[Kernel], word: int, by: str) -> None:
    """Fill the cache by copies of this process: as many as there is work for, up to one a core.

    All copies go through the same list and pass over kernels that another has locked: so the work
    is shared out.  This process only waits.  So the memory of LLVM, its library and tens of
    megabytes to build kernels, ends with the copies.  If this process has loaded LLVM already, it
    does a small amount of work itself.
    """
    work = work_in(kernels, word, by)
    if not work or not may_copy_process() or store.trusted_directory() is None:
        return
    count = min(len(os.sched_getaffinity(0)), round(work / WORTH_COPYING))
    count = count or int(BUILDERS[by] not in sys.modules)
    for process in [start_copy(kernels, word, by) for _ in range(count)]:
        await_copy(process)


def may_copy_process() -> bool:
    """Whether the process may fork: locks that other threads hold stay locked in the copy.

    Helpers hold none, nor does a display any that a copy asks for.
    """
    running = (thread for thread in threading.enumerate() if thread not in QUIET)
    others = [thread for thread in running if thread.name != HELPER]
    return sys.platform == "linux" and len(others) == 1


def await_copy(process: int) -> None:
    """Wait for a copy to end, but not for a suspended one: its own alarm cannot wake it."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(process)
        waiter = select.poll()
        waiter.register(handle, select.POLLIN)
        if not waiter.poll(1000 * (LONGEST_COPY + 1)):
            os.kill(process, signal.SIGKILL)
        os.close(handle)
    os.waitpid(process, 0)


def start_copy(kernels: Sequence[Kernel], word: int, by: str) -> int:
    """Fork a copy that builds the kernels nobody else has locked, and ends; gives its process id.

    Its garbage collector leaves alone what the copy began with: to look at hundreds of thousands of
    nodes takes longer than a dozen kernels, and copies every page that they lie on.
    """
    with warnings.catch_warnings():  # Python's own, about threads of the C library
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LONGEST_COPY)
        gc.freeze()
        try:
            for kernel in kernels:
                object_of(kernel, word, by, wait=False)
        finally:
            os._exit(0)
    return process
