"""Which layers are recognised, how axes lie, and where the batch goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import helper

import gradc
from tests.onnx.imported.onnx_models import drawn, model_of, saved, small_cnn, small_tagger
from tests.runtime.cli.calling import Caller


def imported(call: Caller, folder: Path, model: Any, *options: str) -> tuple[str, gradc.Session]:
    """The body of an imported model, and a session of it."""
    saved(model, folder / "m.onnx")
    done = call("import", "m.onnx", "-o", "net.nn", *options)
    assert done.code == 0, done.err
    session = gradc.Session(gradc.compile_file(folder / "net.nn"), target="reference")
    session.load(folder / "net.safetensors")
    text = (folder / "net.nn").read_text()
    return text[text.index("model ") : text.index("\n}\n")], session


def same_as_onnxruntime(folder: Path, session: gradc.Session, x: np.ndarray) -> None:
    (wanted, *_) = onnxruntime.InferenceSession(folder / "m.onnx").run(None, {"x": x})
    found = session.run("net", x=[*x] if x.dtype.kind == "i" else x)
    assert np.abs(np.stack([*found]) - wanted).max() < 1e-5


def test_a_convolutional_network(call: Caller, tmp_path: Path) -> None:
    text, session = imported(call, tmp_path, small_cnn())
    for layer in (
        "transpose((1, 2, 0))", "conv(4, 3x3, stride = 2, pad = 1)", "batch_norm(eps = 0.001)",
        "max_pool(2x2)", "flatten", "dense(3)",
    ):  # fmt: skip
        assert layer in text, text
    assert text.count("transpose") == 2
    same_as_onnxruntime(tmp_path, session, drawn(3, 2, 8, 8))


def test_a_tagger_of_labels(call: Caller, tmp_path: Path) -> None:
    text, session = imported(call, tmp_path, small_tagger())
    assert "x : seq(6) class(9)" in text and "embedding(9, 4)" in text
    assert "scan(lstm(5))" in text and "scan(lstm(5), backwards = true)" in text
    same_as_onnxruntime(tmp_path, session, np.arange(12).reshape(2, 6) % 9)


def test_a_tagger_of_any_length(call: Caller, tmp_path: Path) -> None:
    text, session = imported(call, tmp_path, small_tagger("length"), "--sequence", "length")
    assert "x : seq(n) class(9)" in text and "-> seq(n) [3]" in text
    same_as_onnxruntime(tmp_path, session, np.arange(12).reshape(2, 6) % 9)
    found = session.run("net", x=[np.arange(4), np.arange(7)])
    alone = session.run("net", x=[np.arange(7)])
    assert [len(f) for f in found] == [4, 7] and np.allclose(found[1], alone[0])


def test_a_symbol_without_a_number_is_told(call: Caller, tmp_path: Path) -> None:
    saved(small_tagger("length"), tmp_path / "m.onnx")
    done = call("import", "m.onnx", "-o", "net.nn")
    assert done.code == 1 and "--size length=N or --sequence length" in done.err
    assert call("import", "m.onnx", "-o", "net.nn", "--size", "length=6").code == 0


HEADS = [
    helper.make_node("Shape", ["x"], ["s"]),
    helper.make_node("Gather", ["s", "zero"], ["n"]),
    helper.make_node("Mul", ["n", "two"], ["n2"]),
    helper.make_node("Concat", ["n2", "rest"], ["to"], axis=0),
    helper.make_node("Reshape", ["x", "to"], ["heads"]),
    helper.make_node("Softmax", ["heads"], ["soft"], axis=-1),
    helper.make_node("Shape", ["x"], ["back"]),
    helper.make_node("Reshape", ["soft", "back"], ["y"]),
]
HEAD_WEIGHTS = {
    "zero": np.array([0], np.int64), "two": np.array([2], np.int64),
    "rest": np.array([3], np.int64),
}  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--batch-axis", "0"]], ids=["found", "named"])
def test_a_batch_within_an_axis(call: Caller, tmp_path: Path, options: list[str]) -> None:
    """[N, 6] to [N * 2, 3] and back: each example is two rows, and none meets another."""
    model = model_of(HEADS, {"x": ["N", 6]}, {"y": ["N", 6]}, HEAD_WEIGHTS)
    text, session = imported(call, tmp_path, model, *options)
    assert "x : [6]" in text
    same_as_onnxruntime(tmp_path, session, drawn(5, 6))


def test_a_batch_that_comes_second(call: Caller, tmp_path: Path) -> None:
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[0], keepdims=0)]
    model = model_of(nodes, {"x": [4, "N", 3]}, {"y": ["N", 3]}, {})
    text, session = imported(call, tmp_path, model, "--batch-axis", "1")
    assert "x : [4, 3]" in text
    x = drawn(4, 5, 3)
    (wanted,) = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": x})
    assert np.allclose(session.run("net", x=x.swapaxes(0, 1)), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("ReduceMean", ["x"], ["y"]),
        helper.make_node("Softmax", ["x"], ["y"], axis=0),
        helper.make_node("Gemm", ["x", "x"], ["y"], transA=1),
        helper.make_node("Concat", ["x", "x"], ["y"], axis=0),
        helper.make_node("CumSum", ["x", "zero"], ["y"]),
    ],
    ids=lambda node: node.op_type,
)
def test_what_mixes_examples_is_refused(call: Caller, tmp_path: Path, node: Any) -> None:
    weights = {"zero": np.array(0, np.int64)}
    saved(model_of([node], {"x": ["N", 4]}, {"y": None}, weights), tmp_path / "m.onnx")
    done = call("import", "m.onnx", "-o", "net.nn")
    assert done.code == 1 and "mixes examples" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("scaled", [False, True], ids=["given", "computed with"])
def test_the_size_of_the_batch_is_no_number(call: Caller, tmp_path: Path, scaled: bool) -> None:
    nodes = [helper.make_node("Shape", ["x"], ["s" if scaled else "y"])]
    if scaled:
        nodes.append(helper.make_node("Cast", ["s"], ["f"], to=1))
        nodes.append(helper.make_node("Mul", ["x", "f"], ["y"]))
    saved(model_of(nodes, {"x": ["N", 2]}, {"y": None}, {}), tmp_path / "m.onnx")
    done = call("import", "m.onnx", "-o", "net.nn")
    assert done.code == 1 and done.err.count("\n") == 1, done.err
    assert "the size of the batch, which an example cannot know" in done.err, done.err


def test_weights_that_two_nodes_share_are_one_layer(call: Caller, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w", "b"], ["y"]),
    ]
    model = model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 4]}, {"w": drawn(4, 4), "b": drawn(4)})
    text, session = imported(call, tmp_path, model)
    assert text.count("param") == 2, text
    same_as_onnxruntime(tmp_path, session, drawn(3, 4))


def test_no_name_of_a_model_hides_the_language(call: Caller, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Add", ["x", "relu"], ["softmax"]),
        helper.make_node("Relu", ["softmax"], ["dense"]),
        helper.make_node("Mul", ["dense", "softmax"], ["y"]),
    ]
    text, session = imported(
        call, tmp_path, model_of(nodes, {"x": ["N", 3]}, {"y": ["N", 3]}, {"relu": drawn(3)})
    )
    assert "param relu_2" in text
    same_as_onnxruntime(tmp_path, session, drawn(4, 3))


@pytest.mark.parametrize("op", ["Add", "MatMul", "Concat"])
def test_a_square_meets_its_transpose(call: Caller, tmp_path: Path, op: str) -> None:
    attributes = {"axis": 1} if op == "Concat" else {}
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        helper.make_node(op, ["x", "t"], ["y"], **attributes),
    ]
    size = [8, 4] if op == "Concat" else [4, 4]
    model = model_of(nodes, {"x": ["N", 4, 4]}, {"y": ["N", *size]}, {})
    _, session = imported(call, tmp_path, model)
    same_as_onnxruntime(tmp_path, session, drawn(3, 4, 4))


def test_what_all_examples_share_has_their_axis(call: Caller, tmp_path: Path) -> None:
    """Learnt rows repeated for every example keep the batch through a transposition."""
    nodes = [
        helper.make_node("Shape", ["x"], ["n"], start=0, end=1),
        helper.make_node("Concat", ["n", "rest"], ["to"], axis=0),
        helper.make_node("Expand", ["w", "to"], ["each"]),
        helper.make_node("Transpose", ["each"], ["turned"], perm=[1, 0, 2]),
        helper.make_node("Shape", ["turned"], ["again"], start=1, end=2),
        helper.make_node("Concat", ["again", "six"], ["flat"], axis=0),
        helper.make_node("Transpose", ["turned"], ["back"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["back", "flat"], ["row"]),
        helper.make_node("Add", ["row", "x"], ["y"]),
    ]
    held = {"w": drawn(1, 2, 3), "rest": np.array([2, 3]), "six": np.array([6])}
    _, session = imported(call, tmp_path, model_of(nodes, {"x": ["N", 6]}, {"y": ["N", 6]}, held))
    same_as_onnxruntime(tmp_path, session, drawn(4, 6))
