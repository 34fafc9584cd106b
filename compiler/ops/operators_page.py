"""The operators as a Markdown table, written from the registry: `python -m
gradc_compiler.ops.operators_page`.

`specs/operators.md` holds the output; a test keeps it current.  Where the formulas of derivatives
come from says `rule_texts.py`.
"""

from __future__ import annotations

import inspect

from gradc_compiler import ops
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.rule_texts import CONTRACTIONS, cotangents, on_paper

HEAD = """# The primitive operators

Written by `python -m gradc_compiler.ops.operators_page`. Everything else is prelude.

## Elementwise

`y` is the result, `g` the cotangent that reaches it; operands broadcast. A comparison gives 0 or 1.
The last column is the text of kernels; `real(f(wide(x)))` is a formula
(`compiler/ops/formula.py`), worked out in float64 and rounded once.

| name | y = | cotangents of the operands | where not differentiable | in a kernel |
|---|---|---|---|---|
"""
OTHERS = """
## The others

An operator without a cotangent makes numbers and reads none.

| name | what it is | cotangents of the operands | where not differentiable |
|---|---|---|---|
"""
CONTRACTED = """
## What a contraction is on paper

Its one rule: the map of an operand and that of the result change places. Read as a textbook does:

| it reads | cotangents of the operands |
|---|---|
"""


def row(op: type[Elementwise]) -> str:
    """One line of the table."""
    told = ", ".join(f"`{r}`" if r else "none" for r in cotangents(op))
    kernel = op.text.format(*op.parameters)
    return f"| `{op.name}` | `{on_paper(op)}` | {told} | {op.kink or ''} | `{kernel}` |"


def other_row(op: type[Op]) -> str:
    """One line of the second table: the first sentence of what an operator says of itself."""
    said = " ".join(inspect.cleandoc(op.__doc__ or "").split("\n\n")[0].split())
    return f"| `{op.name}` | {said} | {op.sends} | {op.kink or ''} |"


def table() -> str:
    """The whole page."""
    rows = [row(op) for op in OPS.values() if issubclass(op, Elementwise)]
    others = [other_row(op) for op in OPS.values() if not issubclass(op, Elementwise)]
    read = [f"| `{what}` | {sent} |" for what, sent in CONTRACTIONS.items()]
    return "\n".join(
        [HEAD + "\n".join(rows), OTHERS + "\n".join(others), CONTRACTED + "\n".join(read), ""]
    )


if __name__ == "__main__":
    assert ops.__all__
    print(table(), end="")
