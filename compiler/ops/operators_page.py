"""The operators as a Markdown table, written from the registry: `python -m
gradc_compiler.ops.operators_page`.

The derivatives are not copied from anywhere: each rule is applied to symbols and what it builds is
printed.  `specs/operators.md` holds the output; a test keeps it current.
"""

from __future__ import annotations

import inspect

from gradc_compiler import ops
from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Constant, Input

HEAD = """# The primitive operators

Written by `python -m gradc_compiler.ops.operators_page`. Everything else is prelude.

## Elementwise

`y` is the result, `g` the cotangent that reaches it; operands broadcast. A comparison gives 0 or 1.
`real(f(wide(x)))`: a formula (`compiler/ops/formula.py`), worked out in float64 and rounded once.

| name | scalar text | cotangents of the operands | where not differentiable |
|---|---|---|---|
"""
SYMBOLS = {
    "add": "({} + {})",
    "sub": "({} - {})",
    "mul": "{} * {}",
    "div": "{} / {}",
    "quotient": "{} // {}",
    "rest": "{} % {}",
    "neg": "-{}",
    "gt": "({} > {})",
    "ge": "({} >= {})",
    "lt": "({} < {})",
    "le": "({} <= {})",
}


def formula(value: Value, known: dict[int, str]) -> str:
    """A value as one expression."""
    node = value.node
    if value.id in known:
        return known[value.id]
    if isinstance(node.op, Constant):
        return f"{node.op.value:.6g}"
    parts = [formula(value.builder.value(i), known) for i in node.inputs]
    if node.op.name in SYMBOLS:
        return SYMBOLS[node.op.name].format(*parts)
    return f"{node.op.name}({', '.join(parts)})"


def row(op: type[Elementwise]) -> str:
    """One line of the table."""
    b = Builder()
    letters = op.parameters
    operands = [b.add(Input(letter)) for letter in letters]
    y, g = b.add(op(), *operands), b.add(Input("g"))
    known = {
        v.id: letter for v, letter in zip([*operands, y, g], [*letters, "y", "g"], strict=True)
    }
    rules = [None if c is None else formula(c, known) for c in op.rule(g, y, *operands)]
    cotangents = ", ".join(f"`{r}`" if r else "none" for r in rules)
    return f"| `{op.name}` | `{op.text.format(*letters)}` | {cotangents} | {op.kink or ''} |"


def table() -> str:
    """The whole page."""
    rows = [row(op) for op in OPS.values() if issubclass(op, Elementwise)]
    others = [
        f"- `{op.name}`: {inspect.cleandoc(op.__doc__ or '').splitlines()[0]}"
        + (f" Convention: {op.kink}." if op.kink else "")
        for op in OPS.values()
        if not issubclass(op, Elementwise)
    ]
    return HEAD + "\n".join(rows) + "\n\n## The others\n\n" + "\n".join(others) + "\n"


if __name__ == "__main__":
    assert ops.__all__
    print(table(), end="")
