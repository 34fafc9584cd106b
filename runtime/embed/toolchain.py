"""The C compiler of this machine: sources and object files become a library and a program."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gradc_runtime.system.errors import ToolchainError

WARNINGS = "-Wall", "-Wextra", "-Werror"
LONGEST = 300  # seconds of one run of a compiler


def compiler() -> list[str]:
    """The C compiler: $CC, or `cc`, with the flags of $CFLAGS.

    Raises `ToolchainError` where there is none.
    """
    command = shlex.split(os.environ.get("CC", "cc"))
    if not command or shutil.which(command[0]) is None:
        raise ToolchainError("no C compiler (cc) was found; set CC to one")
    return [*command, *shlex.split(os.environ.get("CFLAGS", ""))]


def call(command: Sequence[str], folder: Path) -> None:
    """Run a tool in a folder.

    Raises `ToolchainError` with what it said where it fails.
    """
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        worst = [line for line in said if "error" in line or "undefined" in line] or said
        raise ToolchainError(f"{command[0]} failed: {worst[0] if worst else done.returncode}")


def compile_c(source: str, made: str, folder: Path) -> None:
    """An object file of a C source, position-independent."""
    flags = ["-std=gnu11", "-O2", "-fPIC", *WARNINGS]
    call([*compiler(), *flags, "-c", source, "-o", made], folder)


def assemble(source: str, made: str, folder: Path) -> None:
    """An object file of an assembly text."""
    call([*compiler(), "-c", source, "-o", made], folder)


def archive(parts: Sequence[str], made: str, folder: Path) -> None:
    """A static library of object files."""
    call([os.environ.get("AR", "ar"), "rcs", made, *parts], folder)


def link_shared(parts: Sequence[str], exports: str, made: str, folder: Path) -> None:
    """A shared library that shows the functions that a linker script names."""
    flags = ["-shared", f"-Wl,--version-script={exports}", f"-Wl,-soname,{made}"]
    call([*compiler(), *flags, *parts, "-lm", "-o", made], folder)


def link_program(source: str, library: str, made: str, folder: Path) -> None:
    """A program of one source and a static library."""
    flags = ["-std=gnu11", "-O2", *WARNINGS]
    call([*compiler(), *flags, source, library, "-lm", "-o", made], folder)
