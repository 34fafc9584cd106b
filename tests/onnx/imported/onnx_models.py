"""Small ONNX models, built here: no file of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shapes = Mapping[str, Sequence[int | str]]


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


def saved(model: Any, path: Path) -> Path:
    """The model as a file."""
    onnx.save(model, path)
    return path
