"""Softmax and layer normalization that an exporter split into nodes are those layers again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper

import gradc
from tests.onnx.imported.attention_models import node
from tests.onnx.imported.onnx_models import drawn, model_of, saved
from tests.runtime.cli.calling import SPECS, Caller

ROWS = {"last": np.array([-1]), "third": np.array([2]), "second": np.array([1]),
        "back": np.array([0, 3, 1]), "eps": np.array(1e-3, np.float32),
        "two": np.array(2, np.float32), "five": np.array(5, np.float32),
        "four": np.array(4, np.float32)}  # fmt: skip


def body_of(call: Caller, folder: Path, nodes: list[Any], opset: int = 18) -> str:
    """The text of a model of x : [3, 5] that is imported, which has onnxruntime's numbers."""
    read = {name for one in nodes for name in one.input}
    known = [node("Constant", "", name, value=numpy_helper.from_array(array))
             for name, array in ROWS.items() if name in read]  # fmt: skip
    learnt = {name: drawn(5, seed=k) for k, name in enumerate("gb") if name in read}
    model = model_of([*known, *nodes], {"x": ["N", 3, 5]}, {"y": None}, learnt, opset)
    saved(model, folder / "m.onnx")
    done = call("import", "m.onnx", "-o", "net.nn")
    assert done.code == 0, done.err
    session = gradc.Session(gradc.compile_file(folder / "net.nn"), "reference")
    session.load(folder / "net.safetensors")
    x = drawn(2, 3, 5)
    options = onnxruntime.SessionOptions()  # its own fusion takes any power for the second
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    (wanted,) = onnxruntime.InferenceSession(folder / "m.onnx", options).run(None, {"x": x})
    np.testing.assert_allclose(session.run("net", x=x), wanted, rtol=1e-5, atol=1e-5)
    text = (folder / "net.nn").read_text()
    return text[text.index("model ") : text.index("\n}\n")]


def normed(mean: list[Any], variance: list[Any], eps: str = "eps") -> list[Any]:
    """Layer normalization of x, given what makes its mean `m` and its variance `v`."""
    return [
        *mean, node("Sub", "x m", "d"), *variance, node("Add", f"v {eps}", "e"),
        node("Sqrt", "e", "r"), node("Div", "d r", "n"), node("Mul", "n g", "s"),
        node("Add", "s b", "y"),
    ]  # fmt: skip


def mean(x: str, name: str, axis: str = "last") -> list[Any]:
    return [node("ReduceMean", f"{x} {axis}", name)]


def quotient(x: str, name: str, count: str = "five") -> list[Any]:
    """A sum over its number of terms, without its axis, which is then put back."""
    return [node("ReduceSum", f"{x} third", f"{name}1", keepdims=0),
            node("Div", f"{name}1 {count}", f"{name}2"),
            node("Reshape", f"{name}2 back", name)]  # fmt: skip


POWER, PRODUCT = node("Pow", "d two", "q"), node("Mul", "d d", "q")


@pytest.mark.parametrize(
    "nodes",
    [
        normed(mean("x", "m"), [POWER, *mean("q", "v")]),
        normed(mean("x", "m"), [PRODUCT, *mean("q", "v")]),
        normed(quotient("x", "m"), [PRODUCT, *quotient("q", "v")]),
    ],
    ids=["power", "product", "sums"],
)
def test_a_layer_norm(call: Caller, tmp_path: Path, nodes: list[Any]) -> None:
    text = body_of(call, tmp_path, nodes)
    assert "x |> layer_norm(eps = 0.001)" in text and "sqrt" not in text, text


@pytest.mark.parametrize(
    "nodes",
    [
        normed(mean("x", "m", "second"), [POWER, *mean("q", "v", "second")]),
        normed(mean("x", "m"), [node("Mul", "d x", "q"), *mean("q", "v")], "five"),
        normed(mean("x", "m"), [node("Pow", "d four", "q"), *mean("q", "v")]),
        normed(quotient("x", "m"), [PRODUCT, *quotient("q", "v", "four")]),
        [node("Abs", "x", "z"), *normed(mean("z", "m"), [POWER, *mean("q", "v")])],
    ],
    ids=["another axis", "d x", "fourth power", "n - 1", "a mean of another"],
)
def test_what_is_no_layer_norm(call: Caller, tmp_path: Path, nodes: list[Any]) -> None:
    assert "layer_norm" not in body_of(call, tmp_path, nodes)


def soft(peak: list[Any], total: list[Any]) -> list[Any]:
    """Softmax of x, given what makes its greatest `m` and the sum `s` of the powers."""
    return [*peak, node("Sub", "x m", "d"), node("Exp", "d", "e"), *total, node("Div", "e s", "y")]


def kept(op: str, x: str, name: str, axis: str = "last") -> list[Any]:
    return [node(op, f"{x} {axis}", name)]


def put_back(op: str, x: str, name: str) -> list[Any]:
    return [
        node(op, f"{x} third", f"{name}1", keepdims=0),
        node("Unsqueeze", f"{name}1 third", name),
    ]


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        (soft(kept("ReduceMax", "x", "m"), kept("ReduceSum", "e", "s")), True),
        (soft(put_back("ReduceMax", "x", "m"), put_back("ReduceSum", "e", "s")), True),
        (soft(kept("ReduceMax", "x", "m", "second"), kept("ReduceSum", "e", "s")), False),
        (soft(kept("ReduceMin", "x", "m"), kept("ReduceSum", "e", "s")), False),
        (soft(kept("ReduceMax", "x", "m"), kept("ReduceMean", "e", "s")), False),
    ],
    ids=["kept", "put back", "two axes", "the least", "a mean"],
)
def test_a_softmax(call: Caller, tmp_path: Path, nodes: list[Any], found: bool) -> None:
    assert ("softmax" in body_of(call, tmp_path, nodes)) is found


def test_a_transformer_comes_back_as_layers(call: Caller, tmp_path: Path) -> None:
    """With as many parameters: its tables of places are none."""
    call("export", SPECS / "transformer.nn", "-o", "t.onnx")
    done = call("import", "t.onnx", "-o", "t.nn")
    assert "116,064 numbers" in done.err, done.err
    text = (tmp_path / "t.nn").read_text()
    assert text.count("attention(") == 2 and text.count("layer_norm") >= 5, text
    assert text.count("dense(") == 5 and "causal = true" in text and "softmax" not in text, text
