"""Attention recognised: softmax(c q k) v as the language's `attention(q, k, v, heads)`.

Exporters write it as two products with a softmax between them, and cut and move axes around these
as they like.  Axes are products of atoms (`atoms.py`), so it can be read off at the second product
which atoms are positions, heads and widths, whatever was done to them.  Until then a value notes
what its expression means (`graph_value.py`): a number times another, or scores of q and k.  What is
not of this form stays written out.  Vaswani et al., 2017, equation 1.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from gradc_runtime.onnx.importer.arrange import with_atoms
from gradc_runtime.onnx.importer.atoms import Atom, Axes, Axis, fixed, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr, call, number
from gradc_runtime.onnx.importer.graph_value import GraphValue, Scaled, Scores
from gradc_runtime.onnx.importer.names import is_generated
from gradc_runtime.onnx.importer.rule import RuleContext

MASKED = -1e9  # what is added to a score that must not count, or less
CLOSE = 1e-6  # of a factor to 1 / sqrt(width), which float32 rounds


def scores_of(value: GraphValue) -> Scores | None:
    """The scores that a value is."""
    meaning = value.meaning
    return meaning if isinstance(meaning, Scores) and meaning.of is value.expr else None


def scaled(value: GraphValue) -> tuple[Expr | None, float]:
    """The expression of a value without the number that it is multiplied by, and that number."""
    meaning = value.meaning
    if isinstance(meaning, Scaled) and meaning.of is value.expr:
        return meaning.plain, meaning.factor
    return value.expr, 1.0


def same_scores(old: GraphValue, new: GraphValue) -> Scores | None:
    """The scores of a value for another that has the same axes under names of its own."""
    scores, names = scores_of(old), dict[Atom, Axis]()
    if scores is None or len(old.axes) != len(new.axes) or new.expr is None:
        return None
    for a, b in zip(old.axes, new.axes, strict=True):
        if [(x.size, x.free) for x in a] != [(x.size, x.free) for x in b]:
            return None
        names |= {x: (y,) for x, y in zip(a, b, strict=True) if x is not y}
    q, k = (with_atoms(value, names) for value in (scores.q, scores.k))
    return replace(scores, of=new.expr, q=q, k=k)


def times(found: GraphValue, value: GraphValue, factor: GraphValue, *, by: bool) -> GraphValue:
    """A product of a value and a number (or a quotient, `by`), with what it means noted."""
    array = factor.array
    if array is None or array.size != 1 or value.expr is None or not float(array.reshape(())):
        return found
    if factor.trained and not is_generated(factor.name):  # it is learnt: a temperature, say
        return found
    c = 1 / float(array.reshape(())) if by else float(array.reshape(()))
    scores = same_scores(value, found)
    if scores is not None and not scores.soft and not scores.causal:
        return replace(found, meaning=replace(scores, factor=scores.factor * c))
    if found.expr is None or found.slots != value.slots or found.axes != value.axes:
        return found
    plain, before = scaled(value)
    assert plain is not None, "a value that is scaled is computed"
    return replace(found, meaning=Scaled(found.expr, plain, before * c))


def masked(found: GraphValue, value: GraphValue, hidden: np.ndarray | None) -> GraphValue:
    """Scores some of which do not count, with that noted where they are those that come later."""
    scores = same_scores(value, found)
    if scores is None or scores.soft or hidden is None or hidden.ndim < 2:
        return found
    rows, columns = (size_of(axis) for axis in value.axes[-2:])
    later = np.triu(np.ones((rows, columns), bool), 1)
    fits = hidden.size == later.size and hidden.shape[-2:] == later.shape
    if not fits or not (hidden.reshape(later.shape) == later).all():
        return found
    return replace(found, meaning=replace(scores, causal=True))


def hidden_by(bias: np.ndarray | None) -> np.ndarray | None:
    """Where numbers that are added to scores hide them; None where they do anything else."""
    if bias is None or bias.dtype.kind != "f":
        return None
    hidden = bias <= MASKED
    return hidden if (bias[~hidden] == 0).all() else None


def chosen_scores(found: GraphValue, where: GraphValue, *cases: GraphValue) -> GraphValue:
    """`where(c, a, b)` of scores and a number that hides them, with that noted."""
    if where.array is None:
        return found
    for k, (bias, scores) in enumerate((cases, cases[::-1])):
        if bias.array is not None and bias.array.size == 1 and (bias.array <= MASKED).all():
            chosen = where.array.astype(bool)
            return masked(found, scores, chosen if k == 0 else ~chosen)
    return found


def softened(found: GraphValue, value: GraphValue) -> GraphValue:
    """The softmax of scores, with that noted."""
    scores = same_scores(value, found)
    if scores is None or scores.soft:
        return found
    return replace(found, meaning=replace(scores, soft=True))


def with_scores(found: GraphValue, q: GraphValue, k: GraphValue) -> GraphValue:
    """A product of two values that are computed, noted as scores."""
    (x, a), (y, b) = scaled(q), scaled(k)
    if x is None or y is None or found.expr is None:
        return found
    q, k = replace(q, expr=x, meaning=None), replace(k, expr=y, meaning=None)
    return replace(found, meaning=Scores(of=found.expr, q=q, k=k, factor=a * b))


def attention(n: RuleContext, weights: GraphValue, v: GraphValue) -> GraphValue | None:
    """The product of weights and v as attention; None where it is anything else."""
    scores = scores_of(weights)
    if scores is None or not scores.soft or weights.shared or v.expr is None:
        return None
    q, k = scores.q, scores.k
    if not are_attention(weights.axes, q.axes, k.axes, v.axes):
        return None
    (*lead, rows, seen), width, columns = weights.axes, q.axes[-1], v.axes[-1]
    heads = tuple(fixed(lead))
    x = n.expr(q, (rows, (*heads, *width)))
    y = n.expr(k, (seen, (*heads, *width)))
    z = n.expr(v, (seen, (*heads, *columns)))
    factor = scores.factor * sqrt(size_of(width))
    x = x if abs(factor - 1) < CLOSE else number(q.kind.type(factor)) * x
    settings = {"heads": str(size_of(heads))} if heads else {}
    settings |= {"causal": "true"} if scores.causal else {}
    found = call("attention", x, y, z, **settings)
    return n.made(found, (*lead, rows, columns), (rows, (*heads, *columns)))


def are_attention(weights: Axes, q: Axes, k: Axes, v: Axes) -> bool:
    """Whether axes are those of heads side by side, every row of an example's positions."""
    (*lead, rows, seen), width, columns = weights, q[-1], v[-1]
    if (q[-2], k[-2:], v[-2]) != (rows, (width, seen), seen):
        return False
    if any(map(is_free, (rows, seen, width, columns))):
        return False
    stacked = [tuple(fixed(axes[:-2])) for axes in (weights, q, k, v)]
    several = sum(1 for axis in lead if fixed([axis])) > 1  # heads of windows, say
    return len(set(stacked)) == 1 and not several
