"""`gradc lsp`: a language server for editors."""

from __future__ import annotations

from gradc_runtime.cli.declare import act, declared


@declared("lsp", examples=[
    ("gradc lsp", "answer an editor on standard input and output; editors start it themselves"),
])  # fmt: skip
def command() -> int:
    """Speak the Language Server Protocol on standard input and output.

    Errors while you type, shapes and documentation under the cursor, definitions, rename,
    completion, formatting, mends and colours.  See specs/editors.md.
    """
    code: int = act("lsp:serve")
    return code
