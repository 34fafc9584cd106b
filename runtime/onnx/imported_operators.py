"""The table of ONNX operators that are imported, as `specs/onnx_import.md` has it.

    python -m gradc_runtime.onnx.imported_operators

Beside these, an operator that ONNX itself defines by simpler ones is imported by its definition.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc_runtime.onnx.import_rules import RULES


def table() -> Iterator[str]:
    """A row for each operator."""
    yield "| operator | in the language |"
    yield "|---|---|"
    for name, rule in sorted(RULES.items()):
        written = rule.written.replace("|", "\\|")
        yield f"| `{name}` | `{written}` |"


if __name__ == "__main__":
    print("\n".join(table()))
