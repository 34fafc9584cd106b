"""Layers of PyTorch as layers of a spec: how each keeps its numbers there, and here.

    Linear       weight [out, in], bias             W, b                       as they are
    Conv2d       weight [out, in, h, w], bias       W [out, h, w, in], b
    Embedding    weight [count, width]              W
    BatchNorm    weight, bias, running_mean, ...    gamma, beta, running_mean, running_var
    LayerNorm    weight, bias                       gamma, beta
    LSTM         weight_ih, weight_hh, two biases   U, W, b: their sum; gates i, f, g, o
    GRU          the same                           U, W, b, c (gru_reset_after); gates r, z, n
    RNN          the same                           U, W, b (elman)
    MultiheadAttention  in_proj_weight, out_proj    Q, K, V, O; it has no biases here

A `Linear` behind a flattened image reads its columns in the order [c, h, w], here in [h, w, c].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gradc_compiler.graph_tools.flattened_images import Image
from gradc_compiler.records.fast_dataclass import dataclass

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Moved:
    """A tensor as the spec keeps it, the leaves of the file that it is made of, and how."""

    value: np.ndarray
    sources: tuple[str, ...]
    note: str = ""


Layer = Callable[[Arrays, Image | None], dict[str, Moved]]


def linear(own: Arrays, image: Image | None) -> dict[str, Moved]:
    """Linear, or Embedding, which has a weight alone."""
    weight, note = own["weight"], ""
    if image is not None and weight.shape[1] == np.prod(image):
        h, w, c = image
        weight = weight.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        note = f"columns [{c}, {h}, {w}] as [{h}, {w}, {c}]" if h * w > 1 else ""
    return {"W": Moved(weight, ("weight",), note), **biased(own)}


def biased(own: Arrays) -> dict[str, Moved]:
    """The bias of a module as a layer's, where there is one."""
    return {"b": Moved(own["bias"], ("bias",))} if "bias" in own else {}


def conv(own: Arrays, image: Image | None) -> dict[str, Moved]:
    """Conv2d; Conv1d as one of height 1."""
    weight = own["weight"]
    weight = weight[:, :, None] if weight.ndim == 3 else weight
    moved = Moved(weight.transpose(0, 2, 3, 1), ("weight",), "[out, in, h, w] as [out, h, w, in]")
    return {"W": moved, **biased(own)}


def norm(own: Arrays, image: Image | None) -> dict[str, Moved]:
    """BatchNorm or LayerNorm."""
    names = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean",
             "running_var": "running_var"}  # fmt: skip
    return {new: Moved(own[old], (old,)) for old, new in names.items() if old in own}


def recurrent(own: Arrays, image: Image | None) -> dict[str, Moved]:
    """LSTM, RNN: two biases that are added; GRU: that of the new state's product stays apart."""
    units = own["weight_hh"].shape[1]
    gates = own["weight_hh"].shape[0] // max(units, 1)
    both_weights = {"W": "weight_hh", "U": "weight_ih"}
    found = {new: Moved(own[old], (old,)) for new, old in both_weights.items()}
    if "bias_ih" not in own:
        return found
    inner, outer, both = own["bias_hh"], own["bias_ih"], ("bias_ih", "bias_hh")
    if gates != 3:
        return {**found, "b": Moved(outer + inner, both, "the sum of two")}
    kept = np.concatenate([inner[: 2 * units], np.zeros_like(inner[2 * units :])])
    return {
        **found,
        "b": Moved(outer + kept, both, "the sum of two, but for the new state"),
        "c": Moved(inner[2 * units :], ("bias_hh",), "of the new state's product"),
    }


def attention(own: Arrays, image: Image | None) -> dict[str, Moved]:
    """MultiheadAttention."""
    parts = np.split(own["in_proj_weight"], 3)
    found = {n: Moved(p, ("in_proj_weight",)) for n, p in zip("QKV", parts, strict=True)}
    biases = {n: Moved(own[n], (n,)) for n in ("in_proj_bias", "out_proj.bias")
              if n in own and own[n].any()}  # fmt: skip
    return {**found, "O": Moved(own["out_proj.weight"], ("out_proj.weight",)), **biases}


def layer_of(own: Arrays) -> Layer | None:
    """How a module of PyTorch becomes a layer, by what it has; None for one that is not known."""
    if "weight_hh" in own and "weight_ih" in own:
        return recurrent
    if "in_proj_weight" in own and "out_proj.weight" in own:
        return attention
    rank = own["weight"].ndim if "weight" in own else 0
    return {1: norm, 2: linear, 3: conv, 4: conv}.get(rank)
