"""The rule of a step in one line: a formula of `specs/operators.md`, for what is sent something."""

from __future__ import annotations

from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.rule_texts import CONTRACTIONS, rule_text
from gradc_compiler.study.derivation import ChainStep
from gradc_compiler.study.textbook_formula import Called, Formula, Indexed, Product, Signs

CALLED = {"sum": "y = sum(x)", "transpose": "y = transpose(x)", "row": "y = x[k]"}


def step_rule(step: ChainStep) -> str:
    """`mul: y = a * b: a gets g * b`."""
    name = step.node.op.name
    if isinstance(step.node.op, Contract):
        read = contraction_read(step.computed)
        return f"{name}: {read}: {CONTRACTIONS[read]}"
    sent = {term.of for term in step.terms}
    return f"{name}: {rule_text(step.node.op, [n in sent for n in step.operands])}"


def contraction_read(computed: Formula) -> str:
    """Which row of the table a contraction is read as."""
    match computed:
        case Product(outer=True):
            return "y = outer(a, b)"
        case Product(factors=(_, Called() | Indexed() | Signs())):
            return "y = a @ b"
        case Product():
            return "y = W @ x"
        case Called("dot", _):
            return "y = dot(a, b)"
        case Called(function, _) if function in CALLED:
            return CALLED[function]
        case Indexed(factors=(_,)):
            return "y = sum of x"
        case Indexed():
            return "y = sum of a * b"
    return "y repeats x"
