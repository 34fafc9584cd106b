"""Derivative rules as text: for an elementwise operator its formulas, printed from the rule itself.

Each rule is applied to symbols and what it builds is printed, so no formula is written twice.  The
other operators say in `sends` what their operands get.  `specs/operators.md` has all of them, and
`gradc derive` one at each step.
"""

from __future__ import annotations

import re

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.leaf import Constant, Input
from gradc_compiler.ops.ruled import DerivativeRule, Ruled

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


CONTRACTIONS = {  # what a contraction is on paper, and what its operands get
    "y = W @ x": "W gets outer(g, x), x gets transpose(W) @ g",
    "y = a @ b": "a gets g @ transpose(b), b gets transpose(a) @ g",
    "y = outer(a, b)": "a gets g @ b, b gets transpose(g) @ a",
    "y = dot(a, b)": "a gets g * b, b gets g * a",
    "y = sum(x)": "x gets g at every place",
    "y repeats x": "x gets the sum of g over all places that read it",
    "y = transpose(x)": "x gets transpose(g)",
    "y = x[k]": "x gets g at k, and 0 elsewhere",
    "y = sum of x": "x gets g wherever it was read",
    "y = sum of a * b": "a gets the sum of g * b, b that of g * a, where each was read",
}


PLAIN = (  # words of kernels, and how they are written on paper
    (r"real\((\d+)\.0\)", r"\1"),
    (r"wide\((\w+)\)", r"\1"),
    (r"^real\((.*)\)$", r"\1"),
    (r"step\(([^()]*)\)", r"(\1)"),
    (r"select\((\w+) != 0, (\w+), (\w+)\)", r"where(\1, \2, \3)"),
    (r"pow_\((\w+), (\w+)\)", r"\1^\2"),
    (r"quotient\((\w+), (\w+)\)", r"\1 // \2"),
    (r"rest\((\w+), (\w+)\)", r"\1 - \2 * (\1 // \2)"),
    (r"to_bfloat\((\w+)\)", r"\1, rounded to bfloat16"),
    (r"to_tfloat\((\w+)\)", r"\1, rounded to TF32"),
    (r"(\w)_\(", r"\1("),
)


def on_paper(op: type[Elementwise]) -> str:
    """The value of an elementwise operator, in its operands' letters: `x - y` of `sub`."""
    text: str = op.text.format(*op.parameters)
    for kernel, paper in PLAIN:
        text = re.sub(kernel, paper, text)
    return text


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
    return f"{node.op.name}({', '.join(map(unbracketed, parts))})"


def unbracketed(text: str) -> str:
    """An expression without brackets around all of it."""
    inner = text[1:-1]
    depths = [inner[:k].count("(") - inner[:k].count(")") for k in range(len(inner) + 1)]
    return inner if text[:1] == "(" and text[-1:] == ")" and min(depths) == 0 else text


def cotangents(op: type[Elementwise]) -> list[str | None]:
    """What each operand gets, in `y`, `g` and the operands' letters; None where nothing flows."""
    b = Builder()
    operands = [b.add(Input(letter)) for letter in op.parameters]
    y, g = b.add(op(), *operands), b.add(Input("g"))
    letters = [*op.parameters, "y", "g"]
    known = {v.id: letter for v, letter in zip([*operands, y, g], letters, strict=True)}
    return [None if c is None else formula(c, known) for c in op.rule(g, y, *operands)]


def rule_text(op: Op, flows: list[bool]) -> str:
    """The rule of an operator in one line, for those operands to which something flows."""
    if isinstance(op, Ruled) and isinstance(op.rule, DerivativeRule):
        return op.rule.told
    if not isinstance(op, Elementwise):
        return op.sends.replace("`", "")
    letters = type(op).parameters
    form = INFIX.get(op.name, f"{op.name}({', '.join(['{}'] * len(letters))})").format(*letters)
    sent = zip(letters, cotangents(type(op)), flows, strict=True)
    told = [f"{letter} gets {said}" for letter, said, wanted in sent if wanted and said]
    return f"y = {form}: {', '.join(told)}"
