"""Images as rules see them: ONNX's [n, c, h, w] are the language's [h, w, c]."""

from __future__ import annotations

import numpy as np

from gradc_runtime.onnx.importer.atoms import Axes, is_free, size_of, slots_of
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext
from gradc_runtime.system.errors import DataError

PLACES, TAPS = "yxzuvw", "ijlmno"  # names of indices; k is the channel, f the filter


def image(n: RuleContext, x: GraphValue) -> tuple[Expr, Axes, list[int]]:
    """An image as [batch of the whole example..., h, w, c]: expression, slots, spatial sizes.

    Raises `DataError` for what has no spatial axis.
    """
    if x.rank < 3:
        raise DataError(f"an image has 3 axes or more, not {x.rank}")
    n.require_own(x, *range(1, x.rank))
    slots = (*lead_slots(x), *x.axes[2:], x.axes[1])
    return n.expr(x, slots), slots, [size_of(a) for a in x.axes[2:]]


def lead_slots(x: GraphValue) -> Axes:
    """The slots of the first axis: none where it counts examples, or is 1."""
    own = slots_of(x.axes[:1])
    return own if is_free(x.axes[0]) else tuple(s for s in own if s)


def bias_of(n: RuleContext, k: int, count: int, like: np.ndarray) -> np.ndarray | None:
    """The bias as numbers [count]; zeros where there is none; None where it is computed."""
    if not n.has(k):
        return np.zeros(count, like.dtype)
    return n.value(k).own_array()
