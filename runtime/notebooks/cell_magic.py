"""`%load_ext gradc`; then a cell that begins with `%%gradc NAME` is a spec, and NAME its program.

IPython is never imported: it calls `load_ipython_extension`, and hands over what registers magics.
"""

from __future__ import annotations

from typing import Any, Protocol

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.system.errors import SessionError

NAME = "program"  # of the program, where none is given


class Shell(Protocol):
    """What IPython's shell has of use here."""

    user_ns: dict[str, Any]

    def register_magic_function(self, func: Any, magic_kind: str, magic_name: str) -> None:
        """File a function as a magic."""


def register(shell: Shell) -> None:
    """Let cells be specs."""

    def gradc(line: str, cell: str) -> Program:
        """Compile the cell: `%%gradc`, or `%%gradc NAME`, which the program is then called."""
        name = line.strip() or NAME
        if not name.isidentifier():
            raise SessionError(f"%%gradc takes the name of the program, and not {name[:40]}")
        shell.user_ns[name] = program = compile_source(cell, f"{name}.nn")
        return program

    shell.register_magic_function(gradc, "cell", "gradc")
