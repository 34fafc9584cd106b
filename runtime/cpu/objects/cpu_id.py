"""A name for this processor, under which code for it is cached, found without LLVM.

`machine` describes the processor for those who make code.  A start that only loads code needs just
a text by which any two processors can be told apart.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from pathlib import Path

LINUX = Path("/proc/cpuinfo")
TOLD_BY = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")  # all needed


@cache
def processor() -> str:
    """A text that differs between processors for which LLVM might make different code.

    On x86 under Linux it is taken from /proc/cpuinfo; elsewhere LLVM is asked.
    """
    level = os.environ.get("GRADC_LEVEL", "")
    if sys.platform == "linux" and os.uname().machine == "x86_64" and (told := facts()):
        return f"{told} {level}"
    return repr(importlib.import_module("gradc_runtime.cpu.codegen.target").host())


def facts() -> str:
    """The lines about the first processor that say what it is; empty if they are not to be had."""
    try:
        first = LINUX.read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return ""
    pairs = (line.partition(":") for line in first.splitlines())
    said = {name.strip(): value.strip() for name, _, value in pairs}
    return "; ".join(said[name] for name in TOLD_BY) if said.keys() >= set(TOLD_BY) else ""
