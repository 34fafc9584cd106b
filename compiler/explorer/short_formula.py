"""A formula in few words, for a box: a sum of products without its indices."""

from __future__ import annotations

from gradc_compiler.study.textbook_formula import OVER, Called, Formula, Indexed, Signs, text


def short_formula(formula: Formula) -> str:
    """`sum of d_y * W` for `sum over i, j of d_y[i, j] * W[j, k]`."""
    match formula:
        case Indexed(factors=factors):
            return f"sum of {' * '.join(short_formula(factor) for factor, _ in factors)}"
        case Signs("+", (a, b)):
            return f"{short_formula(a)} + {short_formula(b)}"
        case Called(function, (inner,)) if function in OVER:
            return f"{OVER[function]} of {short_formula(inner)}"
        case _:
            return text(formula)
