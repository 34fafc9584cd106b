"""Sums of products over named indices, as Einstein wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import mul

from gradc_runtime.onnx.importer.atoms import Axis, axis_of, is_free, size_of
from gradc_runtime.onnx.importer.batched_product import batched_product
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue, mixes
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
    """The contraction, with an index `i0`, `i1`... for each letter but those of examples.

    Raises `DataError` where operands do not fit.
    """
    sizes, free = sizes_of_letters(values, terms)
    if set(right) - {*sizes, *free}:
        raise DataError(f"the result names {''.join(sorted(set(right) - {*sizes, *free}))}")
    require_apart(sizes, free, right)
    found = as_product(n, values, terms, right)
    if found is not None:
        return found
    letters = [c for c in dict.fromkeys("".join(terms)) if c not in free]
    names = {c: f"i{k}" for k, c in enumerate(letters)}
    exprs = tuple(n.plain(v) for v in values)
    axes = tuple(free[c] if c in free else axis_of(sizes[c]) for c in right)
    if not names:
        return n.made(reduce(mul, exprs), axes)
    reads = [read(v, t, sizes, names) for v, t in zip(values, terms, strict=True)]
    head = ", ".join(names[c] for c in right if c not in free)
    written = Expr(f"contract({head} : {' * '.join(reads)})", exprs, 9, (9,) * len(exprs))
    return n.made(written, axes)


def as_product(
    n: RuleContext, values: list[GraphValue], terms: list[str], right: str
) -> GraphValue | None:
    """A contraction that is a stack of products of matrices; None for any other."""
    once = all(len(set(term)) == len(term) for term in (*terms, right))
    if len(values) != 2 or any(v.expr is None for v in values) or not once:
        return None
    a, b = terms
    stacked = [c for c in right if c in a and c in b]
    summed = [c for c in a if c in b and c not in right]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]
    if not stacked or not len(summed) == len(rows) == len(columns) == 1:
        return None
    x = turned(values[0], a, [*stacked, *rows, *summed])
    y = turned(values[1], b, [*stacked, *summed, *columns])
    fits = size_of(x.axes[-1]) == size_of(y.axes[-2])
    if {*rows, *columns} - {*right} or not fits or any(map(is_free, (*x.axes[-2:], *y.axes[-2:]))):
        return None
    return turned(batched_product(n, x, y), [*stacked, *rows, *columns], right)


def turned(value: GraphValue, have: Sequence[str], want: Sequence[str]) -> GraphValue:
    """A value whose axes have names, in another order."""
    return replace(value, axes=tuple(value.axes[have.index(c)] for c in want))


def sizes_of_letters(
    values: list[GraphValue], terms: list[str]
) -> tuple[dict[str, int], dict[str, Axis]]:
    """The size that each letter stands for, an axis of 1 may meet any other; and those that stand
    for the examples.

    Raises `DataError` where a term does not fit its operand.
    """
    sizes, free = dict[str, int](), dict[str, Axis]()
    for value, term in zip(values, terms, strict=True):
        if len(term) != value.rank:
            raise DataError(f"{term} names {len(term)} axes of {value.rank}")
        for letter, axis in zip(term, value.axes, strict=True):
            if is_free(axis):
                free[letter] = axis
            elif size_of(axis) != 1 or letter not in sizes:
                sizes[letter] = size_of(axis)
    return sizes, free


def require_apart(sizes: dict[str, int], free: dict[str, Axis], right: str) -> None:
    """Raises `DataError` for a contraction in which examples meet."""
    for letter, axis in free.items():
        what = mixes(axis)
        if len(axis) != 1:
            raise DataError(f"an axis of {what} times another has a letter of its own")
        if letter not in right:
            raise DataError(f"it mixes {what}: it sums over them")
        if sizes.get(letter, 1) != 1:
            raise DataError(f"it mixes {what}: {sizes[letter]} others have the same letter")
    atoms = [axis[0] for axis in free.values()]
    if len({*atoms}) < len(atoms):
        raise DataError(f"it mixes {mixes((atoms[0],))}: two letters stand for them")


def read(value: GraphValue, term: str, sizes: dict[str, int], names: dict[str, str]) -> str:
    """How an operand is read: `{}[i0, i2]`; an axis of 1 at 0, where its letter is larger."""
    places = [
        "0" if letter not in names or (size_of(axis) == 1 and sizes[letter] != 1) else names[letter]
        for letter, axis in zip(term, value.axes, strict=True)
        if not is_free(axis)
    ]
    return f"{{}}[{', '.join(places)}]" if places else "{}"
