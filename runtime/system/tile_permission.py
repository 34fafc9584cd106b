"""Whether this process may use the processor's matrix unit (AMX), found without LLVM.

Its registers hold 8 KB, which Linux gives room for in each thread only where a process has asked: a
process that never multiplies with it never asks.  All threads have what one was granted.

Linux, Documentation/arch/x86/xstate.rst: "Using dynamically enabled XSTATE features".
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

ARCH_PRCTL, REQUEST, TILES = 158, 0x1023, 18  # ARCH_REQ_XCOMP_PERM of XFEATURE_XTILEDATA
NEEDED = {"amx_tile", "amx_bf16", "avx512_bf16"}
SWITCH = "GRADC_TILES"  # 0: the unit stays idle
OTHER_PROCESSOR = ("GRADC_LEVEL", "GRADC_CROSS")  # code is for another than this one


@cache
def tiles_granted() -> bool:
    """Ask Linux for the matrix unit, once; false where there is none, or it is not wanted."""
    if sys.platform != "linux" or os.uname().machine != "x86_64" or not wanted():
        return False
    if not present():
        return False
    system_call = ctypes.CDLL(None).syscall
    return int(system_call(*map(ctypes.c_long, (ARCH_PRCTL, REQUEST, TILES)))) == 0


def wanted() -> bool:
    """Whether nothing in the environment forbids it."""
    return os.environ.get(SWITCH) != "0" and not any(map(os.environ.get, OTHER_PROCESSOR))


def present() -> bool:
    """Whether Linux names all that is needed among the features of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return NEEDED.issubset(flags.split())
