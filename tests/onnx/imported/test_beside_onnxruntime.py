"""Single nodes whose numbers were others than onnxruntime's, and such as it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from gradc_runtime.onnx.backend import GradcRep
from gradc_runtime.system.errors import DataError

Arrays = Mapping[str, np.ndarray]
RNG = np.random.default_rng(0)
FAR = np.array([-1e30, -89, -1, -1e-6, 0, 0.3, 1, 20, 88, 89, 1e20, np.inf, -np.inf], np.float32)


def drawn(*shape: int) -> np.ndarray:
    """Normal numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def whole(*numbers: int) -> np.ndarray:
    """Whole numbers."""
    return np.array(numbers, np.int64)


def made(op: str, x: np.ndarray, known: Arrays, opset: int, attributes: Mapping[str, Any]) -> Any:
    """A model of one node, whose further operands are known."""
    node = helper.make_node(op, ["x", *known], ["y"], **attributes)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    stored = [numpy_helper.from_array(array, name) for name, array in known.items()]
    graph = helper.make_graph([node], "one", [given], [result], stored)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.parametrize(
    ("op", "x", "known", "opset", "attributes"),
    [
        *[(op, FAR, {}, 18, {}) for op in ("Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Round")],
        ("Gemm", drawn(4, 3), {"b": drawn(3, 4), "c": drawn(4, 1)}, 17, {}),
        ("Gemm", drawn(4, 3), {"b": drawn(4, 3), "c": drawn(4, 1)}, 17, {"transB": 1}),
        ("Slice", drawn(5, 2), {"a": whole(-9), "b": whole(-9), "c": whole(0), "d": whole(-1)},
         17, {}),
        ("Resize", drawn(1, 1, 5, 8), {"s": np.array([1, 1, 0.6, 0.7], np.float32)}, 10, {}),
        ("Resize", drawn(1, 1, 5, 8), {"s": np.array([1, 1, 1.5, 3], np.float32)}, 10, {}),
    ],
)  # fmt: skip
def test_the_same_numbers(
    op: str, x: np.ndarray, known: Arrays, opset: int, attributes: Mapping[str, Any]
) -> None:
    model = made(op, x, known, opset, attributes)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    data = model.SerializeToString()
    runner = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (wanted,) = runner.run(None, {"x": x})
    (found,) = GradcRep(model, "reference").run([x])
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "known", "opset", "said"),
    [
        ("BatchNormalization", dict.fromkeys("abcd", drawn(3, 4, 4)), 7, "no number for each of 3"),
        ("Upsample", {"s": np.array([1, 1, 2, 0.5], np.float32)}, 9, "make it smaller"),
    ],
)
def test_what_is_refused(op: str, known: Arrays, opset: int, said: str) -> None:
    """The first ended in a traceback, the second gave places that nothing defines."""
    attributes = {"spatial": 0} if op == "BatchNormalization" else {}
    x = drawn(2, 3, 4, 4)
    with pytest.raises(DataError, match=said):
        GradcRep(made(op, x, known, opset, attributes), "reference").run([x])
