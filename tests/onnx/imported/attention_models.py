"""Attention as exporters write it, built node by node.

T positions of width D in H heads of A = D / H.  `heads` cuts and moves axes; `attended` is what
stands between the projections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from tests.onnx.imported.onnx_models import drawn, model_of

T, D, H, A = 5, 8, 2, 4
LATER = np.triu(np.ones((T, T), bool), 1)
Node = Any


def node(op: str, inputs: str, output: str, **attributes: Any) -> Node:
    """A node; names stand in one text."""
    return helper.make_node(op, inputs.split(), [output], **attributes)


def linear(x: str, name: str, *, bias: bool) -> list[Node]:
    """x times the matrix NAME.W, and with a bias NAME.b; it gives NAME."""
    if not bias:
        return [node("MatMul", f"{x} {name}.W", name)]
    return [node("MatMul", f"{x} {name}.W", f"{name}_p"), node("Add", f"{name}.b {name}_p", name)]


def heads(name: str, shape: str = "cut", perm: Sequence[int] = (0, 2, 1, 3)) -> list[Node]:
    """[n, T, D] as [n, H, T, A], or as keys are wanted; it gives NAME_h."""
    return [
        node("Reshape", f"{name} {shape}", f"{name}_r"),
        node("Transpose", f"{name}_r", f"{name}_h", perm=perm),
    ]


def joined(name: str = "o_h") -> list[Node]:
    """[n, H, T, A] as [n, T, D]."""
    return [
        node("Transpose", name, f"{name}_t", perm=(0, 2, 1, 3)),
        node("Reshape", f"{name}_t whole", "o"),
    ]


def attended(between: Sequence[Node], *, last: str = "s") -> list[Node]:
    """Three projections cut into heads, scores `p`, what is between, and the gathered rows."""
    keys = (0, 2, 3, 1)
    cut = [*heads("q"), *heads("k", perm=keys), *heads("v")]
    ends = [node("Softmax", last, "w", axis=-1), node("MatMul", "w v_h", "o_h")]
    return [*cut, node("MatMul", "q_h k_h", "p"), *between, *ends, *joined()]


def projections(*, bias: bool) -> list[Node]:
    """q, k and v of x."""
    return [one for name in "qkv" for one in linear("x", name, bias=bias)]


def weights(**more: np.ndarray) -> dict[str, np.ndarray]:
    """Matrices, biases, shapes and numbers that nodes name."""
    matrices = {f"{name}.W": drawn(D, D, seed=k) for k, name in enumerate("qkvy")}
    biases = {f"{name}.b": drawn(D, seed=k) for k, name in enumerate("qkvy")}
    shapes = {
        "cut": np.array([0, 0, H, A]), "whole": np.array([0, 0, D]),
        "root": np.array(np.sqrt(A), np.float32), "root_d": np.array(np.sqrt(D), np.float32),
        "share": np.array(1 / np.sqrt(A), np.float32),
        "half": np.array(A**-0.25, np.float32), "odd": np.array(0.3, np.float32),
        "low": np.array(-np.inf, np.float32), "hides": np.where(LATER, -np.inf, 0).astype("f"),
        "later": LATER, "sooner": ~LATER, "earlier": LATER.T,
        "near": np.where(np.abs(np.subtract.outer(range(T), range(T))) > 1, -1e30, 0).astype("f"),
    }  # fmt: skip
    return {**matrices, **biases, **shapes, **more}


def attention_model(nodes: Sequence[Node], opset: int = 17, **more: np.ndarray) -> Any:
    """A model of x : [n, T, D] that ends with the projection y of o."""
    body = [*nodes, *linear("o", "y", bias=True)]
    read = {name for one in body for name in one.input}
    held = {name: array for name, array in weights(**more).items() if name in read}
    learnt = {name: array for name, array in held.items() if "." in name or name in more}
    known = [
        node("Constant", "", name, value=numpy_helper.from_array(array))
        for name, array in held.items() if name not in learnt
    ]  # fmt: skip
    return model_of([*known, *body], {"x": ["N", T, D]}, {"y": None}, learnt, opset)
