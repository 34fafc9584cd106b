"""Normalisations: the prelude's layers where scale and shift are learnt, else arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.atoms import Axes, size_of, sizes, slots_of
from gradc_runtime.onnx.importer.expression import (
    Expr,
    Weights,
    call,
    list_text,
    number,
    pipe,
    shape_text,
)
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.moving import last
from gradc_runtime.onnx.importer.reshaping import target_axes
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError


def eps_text(n: RuleContext, default: float = 1e-5) -> str:
    """`eps = 1e-3` where it is not that of the prelude."""
    eps = np.float32(n.attr("epsilon", default))
    return "" if eps == np.float32(1e-5) else f"eps = {number(eps).text}"


@rule("BatchNormalization", "batch_norm")
def batch_norm(n: RuleContext) -> GraphValue:
    """`BatchNormalization` by running statistics; a spec that trains uses those of the batch.

    Raises `DataError` for a node that is itself in training, and for numbers of each pixel.
    """
    x, *given = n.values()
    if n.attr("training_mode", 0) or (n.opset < 14 and sum(map(bool, n.outputs)) > 1):
        raise DataError("it is in training mode: export the network for inference")
    n.require_own(x, 1)
    channels = x.axes[1]
    for value in given:
        if value.sizes() != [size_of(channels)]:
            raise DataError(f"{value.name} is no number for each of {size_of(channels)} channels")
    if all(v.own_array() is not None for v in given):
        slots = (*slots_of((x.axes[0],)), *slots_of(x.axes[2:]), channels)
        slots = tuple(s for s in slots[:-1] if s) + slots[-1:]
        names = ("gamma", "beta", "running_mean", "running_var")
        arrays = {k: v.array for k, v in zip(names, given, strict=True) if v.array is not None}
        weights = Weights("batch_norm", arrays, (given[0].name,))
        return n.made(pipe(n.expr(x, slots), batch_norm_layer(n), weights), x.axes, slots)
    eps = np.float32(n.attr("epsilon", 1e-5))
    wide = [per_channel(v, x.rank) for v in given]
    return n.elementwise(
        lambda e, g, b, m, v: (e - m) / call("sqrt", v + number(eps)) * g + b, x, *wide
    )


def batch_norm_layer(n: RuleContext) -> str:
    """The layer with its settings; ONNX's momentum is what is kept, the prelude's what is new."""
    rate = np.round(np.float32(1) - np.float32(n.attr("momentum", 0.9)), 6)
    settings = [] if rate == np.float32(0.1) else [f"momentum = {number(rate).text}"]
    settings += [eps_text(n)] if eps_text(n) else []
    return f"batch_norm({', '.join(settings)})" if settings else "batch_norm"


def per_channel(value: GraphValue, rank: int) -> GraphValue:
    """A vector of channels that broadcasts against [n, c, ...]."""
    array = None if value.array is None else value.array.reshape(-1, *[1] * (rank - 2))
    return replace(value, axes=(*value.axes, *((),) * (rank - 2)), array=array)


def centred(expr: Expr, slots: Axes, places: list[int]) -> tuple[Expr, Expr]:
    """x without its mean over some slots, and its variance there, which broadcasts against x."""
    shape = Expr(shape_text([1 if k in places else s for k, s in enumerate(sizes(slots))]))
    axis = list_text(places)
    d = expr - call("reshape", call("mean", expr, axis=axis), shape)
    return d, call("reshape", call("mean", d * d, axis=axis), shape)


@rule("InstanceNormalization", "the mean and variance of each channel")
def instance_norm(n: RuleContext) -> GraphValue:
    """`InstanceNormalization`: each channel of each example is normalized by itself."""
    x, gamma, beta = n.values()
    n.require_own(x, *range(1, x.rank))
    slots = (*slots_of((x.axes[0],)), *x.axes[2:], x.axes[1])
    places = list(range(len(slots) - x.rank + 1, len(slots) - 1))
    d, v = centred(n.expr(x, slots), slots, places)
    normal = n.made(
        d / call("sqrt", v + number(np.float32(n.attr("epsilon", 1e-5)))), x.axes, slots
    )
    return n.elementwise(
        lambda e, g, b: e * g + b, normal, per_channel(gamma, x.rank), per_channel(beta, x.rank)
    )


@rule("LayerNormalization", "layer_norm")
def layer_norm(n: RuleContext) -> Any:
    """`LayerNormalization` over the axes from `axis` on; over the last, the prelude's layer."""
    x, gamma = n.value(0), n.value(1)
    beta = n.value(2) if n.has(2) else None
    axis = n.axis(x, n.attr("axis", -1))
    n.require_own(x, *range(axis, x.rank))
    scale = gamma.own_array(1) if axis == x.rank - 1 and not any(n.outputs[1:]) else None
    shift = None if scale is None else np.zeros_like(scale) if beta is None else beta.own_array()
    if scale is not None and shift is not None:
        weights = Weights("layer_norm", {"gamma": scale, "beta": shift}, (gamma.name,))
        text = f"layer_norm({eps_text(n)})" if eps_text(n) else "layer_norm"
        expr, slots = last(n, x, axis)
        return n.made(pipe(expr, text, weights), x.axes, slots)
    return normalized(n, x, axis, beta)


def normalized(n: RuleContext, x: GraphValue, axis: int, beta: GraphValue | None) -> Any:
    """Layer normalization written out, with the mean and the inverse deviation where wanted."""
    slots = slots_of(x.axes)
    places = list(range(len(slots) - x.rank + axis, len(slots)))
    expr = n.expr(x, slots)
    d, v = centred(expr, slots, places)
    deviation = call("sqrt", v + number(np.float32(n.attr("epsilon", 1e-5))))
    normal = n.made(d / deviation, x.axes, slots)
    operands = [n.value(1)] if beta is None else [n.value(1), beta]
    y = n.elementwise(lambda e, g, *b: e * g + b[0] if b else e * g, normal, *operands)
    short = (*x.axes[:axis], *((),) * (x.rank - axis))
    lying = tuple(() if k in places else s for k, s in enumerate(slots))
    shape = Expr(shape_text(sizes(lying)))
    mean = call("reshape", call("mean", expr, axis=list_text(places)), shape)
    return [y, n.made(mean, short, lying), n.made(1 / deviation, short, lying)][: len(n.outputs)]


@rule("RMSNormalization", "x / sqrt(mean(x^2) + eps) * scale")
def rms_norm(n: RuleContext) -> GraphValue:
    """`RMSNormalization`: Zhang & Sennrich, 2019."""
    x = n.value()
    axis = n.axis(x, n.attr("axis", -1))
    n.require_own(x, *range(axis, x.rank))
    slots = slots_of(x.axes)
    places = list(range(len(slots) - x.rank + axis, len(slots)))
    expr = n.expr(x, slots)
    shape = Expr(shape_text([1 if k in places else s for k, s in enumerate(sizes(slots))]))
    square = call("reshape", call("mean", expr * expr, axis=list_text(places)), shape)
    root = call("sqrt", square + number(np.float32(n.attr("epsilon", 1e-5))))
    return n.elementwise(lambda e, g: e * g, n.made(expr / root, x.axes, slots), n.value(1))


@rule("GroupNormalization", "the mean and variance of groups of channels")
def group_norm(n: RuleContext) -> GraphValue:
    """`GroupNormalization`: Wu & He, 2018.  A scale a channel, or in version 18 a group.

    Raises `DataError` where operands do not fit.
    """
    x, gamma, beta = n.values()
    groups = n.attr("num_groups")
    n.require_own(x, *range(1, x.rank))
    channels = size_of(x.axes[1])
    if groups < 1 or channels % groups:
        raise DataError(f"{groups} groups of {channels} channels")
    cut, axes = target_axes(x, [x.sizes()[0], groups, channels // groups, *x.sizes()[2:]])
    slots = slots_of(axes)
    places = list(range(len(slots) - x.rank + 1, len(slots)))
    d, v = centred(n.expr(replace(cut, axes=axes), slots), slots, places)
    eps = number(np.float32(n.attr("epsilon", 1e-5)))
    normal = n.made(d / call("sqrt", v + eps), axes, slots)
    if size_of(gamma.axes[0]) == channels:
        normal = with_groups_joined(normal)
    wide = [per_channel(g, normal.rank) for g in (gamma, beta)]
    found = n.elementwise(lambda e, g, b: e * g + b, normal, *wide)
    return found if found.rank == x.rank else with_groups_joined(found)


def with_groups_joined(value: GraphValue) -> GraphValue:
    """[n, groups, channels of a group, ...] as [n, channels, ...]."""
    n, group, channel, *rest = value.axes
    return replace(value, axes=(n, (*group, *channel), *rest))


@rule("LpNormalization", "x / the norm along an axis")
def lp_norm(n: RuleContext) -> GraphValue:
    """`LpNormalization`: x over its sum of absolute values, or its length; 0 where that is 0."""
    x, p = n.value(), n.attr("p", 2)
    expr, slots = last(n, x, n.axis(x, n.attr("axis", -1)))
    total = call("sum", call("abs", expr) if p == 1 else expr * expr, axis="-1")
    size = call(
        "reshape",
        total if p == 1 else call("sqrt", total),
        Expr(shape_text([*sizes(slots[:-1]), 1])),
    )
    safe = call("where", Expr("{} == 0", (size,), 4, (5,)), 1, size)
    return n.made(expr / safe, x.axes, slots)


@rule("LRN", "x / (bias + alpha / size * the sum of near squares)^beta")
def lrn(n: RuleContext) -> GraphValue:
    """`LRN`: x normalized over near channels: Krizhevsky et al., 2012."""
    x, size = n.value(), n.attr("size")
    n.require_own(x, *range(1, x.rank))
    channels = size_of(x.axes[1])
    near = np.subtract.outer(np.arange(channels), np.arange(channels))
    band = (near <= (size - 1) // 2) & (near >= -((size - 1) - (size - 1) // 2))
    slots = (*slots_of((x.axes[0],)), *x.axes[2:], x.axes[1])
    expr = n.expr(x, slots)
    near_by = of_array("near", band.T.astype(np.float32))
    table = n.stored(near_by, near_by.axes)
    total = (expr * expr) @ table
    alpha, beta = np.float32(n.attr("alpha", 1e-4)), np.float32(n.attr("beta", 0.75))
    bias = np.float32(n.attr("bias", 1.0))
    return n.made(
        expr / (number(bias) + number(alpha / size) * total) ** number(beta), x.axes, slots
    )


@rule("Dropout", "dropout(rate): as it is, but in training")
def dropout(n: RuleContext) -> Any:
    """`Dropout`, which does nothing in inference; where a spec trains, it draws.

    Raises `DataError` for a node that is itself in training.
    """
    x = n.value()
    if n.has(2) and bool(n.array(2).reshape(())):
        rate = float(n.array(1).reshape(())) if n.has(1) else 0.5
        if rate:
            raise DataError("it is in training mode: export the network for inference")
    rate = float(n.array(1).reshape(())) if n.has(1) else n.attr("ratio", 0.5)
    mask = of_array("mask", np.ones([1] * x.rank, bool))
    found = n.same(x)
    if x.expr is not None and 0 < rate < 1:
        expr, slots = n.opened(x)
        rate_text = number(np.float32(rate)).text
        layer = "dropout" if rate_text == "0.5" else f"dropout({rate_text})"
        found = n.made(pipe(expr, layer), x.axes, slots)
    full = n.elementwise(lambda e, m: e * 0 + m, x, mask, kind=bool) if any(n.outputs[1:]) else None
    return [found, full]
