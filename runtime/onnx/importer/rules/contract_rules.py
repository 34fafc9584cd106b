"""Sums of products over named indices, as Einstein wrote them."""

from __future__ import annotations

from functools import reduce
from operator import mul

from gradc_runtime.onnx.importer.atoms import axis_of, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError


@rule("Einsum", "contract")
def einsum(n: RuleContext) -> GraphValue:
    """A sum of products by named indices.

    Raises `DataError` where the equation does not fit.
    """
    values = n.values()
    left, arrow, right = n.attr("equation", "").replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(values):
        raise DataError(f"{len(values)} operands, and {len(terms)} in the equation")
    hidden = [v.rank - len(t.replace("...", "")) for t, v in zip(terms, values, strict=True)]
    extra = "".join(c for c in "ZYXWVU" if c not in left)[: max(hidden)]
    terms = [t.replace("...", extra[len(extra) - h :]) for t, h in zip(terms, hidden, strict=True)]
    joined = "".join(terms)
    if not arrow:
        right = extra + "".join(sorted(c for c in set(joined) - {*extra} if joined.count(c) == 1))
    right = right.replace("...", extra)
    return contracted(n, values, terms, right)


def contracted(
    n: RuleContext, values: list[GraphValue], terms: list[str], right: str
) -> GraphValue:
    """The contraction, with an index `i0`, `i1`... for each letter.

    Raises `DataError` where operands do not fit.
    """
    sizes = sizes_of_letters(values, terms)
    if set(right) - set(sizes):
        raise DataError(f"the result names {''.join(sorted(set(right) - set(sizes)))}")
    names = {c: f"i{k}" for k, c in enumerate(dict.fromkeys("".join(terms)))}
    exprs = tuple(n.plain(v) for v in values)
    if not names:
        return n.made(reduce(mul, exprs), ())
    reads = [read(v, t, sizes, names) for v, t in zip(values, terms, strict=True)]
    head = ", ".join(names[c] for c in right)
    found = Expr(f"contract({head} : {' * '.join(reads)})", exprs, 9, (9,) * len(exprs))
    return n.made(found, tuple(axis_of(sizes[c]) for c in right))


def sizes_of_letters(values: list[GraphValue], terms: list[str]) -> dict[str, int]:
    """The size that each letter stands for: an axis of 1 may meet any other.

    Raises `DataError` where a term does not fit its operand, or names the axis of examples.
    """
    sizes: dict[str, int] = {}
    for value, term in zip(values, terms, strict=True):
        if len(term) != value.rank:
            raise DataError(f"{term} names {len(term)} axes of {value.rank}")
        for letter, axis in zip(term, value.axes, strict=True):
            if is_free(axis):
                raise DataError("it names the axis of examples")
            if size_of(axis) != 1 or letter not in sizes:
                sizes[letter] = size_of(axis)
    return sizes


def read(value: GraphValue, term: str, sizes: dict[str, int], names: dict[str, str]) -> str:
    """How an operand is read: `{}[i0, i2]`; an axis of 1 at 0, where its letter is larger."""
    places = [
        "0" if size_of(axis) == 1 and sizes[letter] != 1 else names[letter]
        for letter, axis in zip(term, value.axes, strict=True)
    ]
    return f"{{}}[{', '.join(places)}]" if places else "{}"
