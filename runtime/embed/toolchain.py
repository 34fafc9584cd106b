"""The C compiler of this machine: sources and object files become a library and a program."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.embed.levels import ARM
from gradc_runtime.system.errors import ToolchainError

WARNINGS = "-Wall", "-Wextra", "-Werror"
LONGEST = 300  # seconds of one run of a compiler


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A C compiler with its flags, and an archiver."""

    compiler: list[str]
    archiver: list[str]

    @staticmethod
    def of(levels: Sequence[str]) -> Toolchain:
        """The toolchain for some levels: $CC and $AR, or else `cc` and `ar`, with the flags of
        $CFLAGS; for ARM on another machine `aarch64-linux-gnu-gcc`.

        Raises `ToolchainError` where there is no compiler.
        """
        crossing = ARM in levels and platform.machine() not in (ARM, "arm64")
        prefix = f"{ARM}-linux-gnu-" if crossing else ""
        command = shlex.split(os.environ.get("CC", f"{prefix}gcc" if crossing else "cc"))
        if not command or shutil.which(command[0]) is None:
            named = command[0] if command else "cc"
            raise ToolchainError(f"no C compiler ({named}) was found; set CC to one")
        flags = shlex.split(os.environ.get("CFLAGS", ""))
        return Toolchain([*command, *flags], shlex.split(os.environ.get("AR", f"{prefix}ar")))

    def compile_c(self, source: str, made: str, folder: Path) -> None:
        """Compile a C source to a position-independent object file."""
        flags = ["-std=gnu11", "-O2", "-fPIC", *WARNINGS]
        call([*self.compiler, *flags, "-c", source, "-o", made], folder)

    def assemble(self, source: str, made: str, folder: Path) -> None:
        """Assemble a text to an object file."""
        call([*self.compiler, "-c", source, "-o", made], folder)

    def archive(self, parts: Sequence[str], made: str, folder: Path) -> None:
        """Make a static library of object files."""
        call([*self.archiver, "rcs", made, *parts], folder)

    def link_shared(self, parts: Sequence[str], exports: str, made: str, folder: Path) -> None:
        """Link a shared library that exports the functions named in a linker script."""
        flags = ["-shared", f"-Wl,--version-script={exports}", f"-Wl,-soname,{made}"]
        call([*self.compiler, *flags, *parts, "-lm", "-o", made], folder)

    def link_program(self, source: str, library: str, made: str, folder: Path) -> None:
        """Compile and link a program from one source and a static library."""
        flags = ["-std=gnu11", "-O2", *WARNINGS]
        call([*self.compiler, *flags, source, library, "-lm", "-o", made], folder)


def call(command: Sequence[str], folder: Path) -> None:
    """Run a tool in a folder.

    Raises `ToolchainError` with the tool's output where the tool fails.
    """
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        worst = [line for line in said if "error" in line or "undefined" in line] or said
        raise ToolchainError(f"{command[0]} failed: {worst[0] if worst else done.returncode}")
