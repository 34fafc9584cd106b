"""Small ONNX models, built here: no file of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shapes = Mapping[str, Sequence[int | str] | None]


def model_of(
    nodes: Sequence[Any], inputs: Shapes, outputs: Shapes, weights: Mapping[str, np.ndarray],
    opset: int = 17, kinds: Mapping[str, int] | None = None,
) -> Any:  # fmt: skip
    """A model of nodes, whose inputs and outputs are float32 if nothing is said."""
    kind = dict(kinds or {})
    values = [
        [
            helper.make_tensor_value_info(name, kind.get(name, TensorProto.FLOAT), shape)
            for name, shape in shapes.items()
        ]
        for shapes in (inputs, outputs)
    ]
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(list(nodes), "graph", *values, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers of a shape."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def mlp(opset: int = 17) -> Any:
    """Two layers and a relu."""
    nodes = [
        helper.make_node("Gemm", ["x", "fc1.weight", "fc1.bias"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "fc2.weight", "fc2.bias"], ["y"]),
    ]
    weights = {
        "fc1.weight": drawn(8, 4), "fc1.bias": drawn(8), "fc2.weight": drawn(8, 3),
        "fc2.bias": drawn(3),
    }  # fmt: skip
    return model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 3]}, weights, opset)


def small_cnn() -> Any:
    """A convolution with its normalisation, pooling and a dense layer, as exporters write them."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c", "g", "b", "m", "v"], ["n"], epsilon=1e-3),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "fc.weight"], ["d"]),
        helper.make_node("Add", ["fc.bias", "d"], ["y"]),
    ]
    weights = {
        "conv.weight": drawn(4, 2, 3, 3), "g": drawn(4), "b": drawn(4, seed=1),
        "m": drawn(4, seed=2), "v": drawn(4, seed=3) ** 2 + 1, "fc.weight": drawn(16, 3),
        "fc.bias": drawn(3),
    }  # fmt: skip
    return model_of(nodes, {"x": ["N", 2, 8, 8]}, {"y": ["N", 3]}, weights)


def small_tagger(length: int | str = 6) -> Any:
    """An embedding, an LSTM that goes both ways, and a dense layer for every element."""
    nodes = [
        helper.make_node("Gather", ["table", "x"], ["e"]),
        helper.make_node("Transpose", ["e"], ["t"], perm=[1, 0, 2]),
        helper.make_node(
            "LSTM", ["t", "W", "R", "B"], ["h"], hidden_size=5, direction="bidirectional"
        ),
        helper.make_node("Transpose", ["h"], ["u"], perm=[2, 0, 1, 3]),
        helper.make_node("Reshape", ["u", "shape"], ["v"]),
        helper.make_node("MatMul", ["v", "fc.weight"], ["d"]),
        helper.make_node("Add", ["d", "fc.bias"], ["y"]),
    ]
    weights = {
        "table": drawn(9, 4), "W": drawn(2, 20, 4), "R": drawn(2, 20, 5), "B": drawn(2, 40),
        "shape": np.array([0, 0, 10], np.int64), "fc.weight": drawn(10, 3), "fc.bias": drawn(3),
    }  # fmt: skip
    kinds = {"x": TensorProto.INT64}
    return model_of(nodes, {"x": ["N", length]}, {"y": ["N", length, 3]}, weights, kinds=kinds)


def saved(model: Any, path: Path) -> Path:
    """The model as a file."""
    onnx.save(model, path)
    return path
