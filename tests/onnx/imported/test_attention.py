"""Attention is recognised however an exporter wrote it, and only where it is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import gradc
from tests.onnx.imported.attention_models import (
    D,
    H,
    T,
    attended,
    attention_model,
    heads,
    joined,
    linear,
    node,
    projections,
)
from tests.onnx.imported.onnx_models import drawn, saved
from tests.runtime.cli.calling import Caller

DIVIDED = [node("Div", "p root", "s")]
ON_Q = [
    node("Mul", "q_h half", "q_s"), node("Mul", "k_h half", "k_s"),
    node("MatMul", "q_s k_s", "s"),
]  # fmt: skip
TURNED = node("Transpose", "c", "s", perm=(0, 1, 3, 2))
SHARED = node("Mul", "p share", "c")


def body_of(call: Caller, folder: Path, model: Any) -> str:
    """The text of an imported model, whose numbers are onnxruntime's on both targets, and which
    trains.
    """
    saved(model, folder / "m.onnx")
    done = call("import", "m.onnx", "-o", "net.nn", "--loss", "squared_error")
    assert done.code == 0, done.err
    x = drawn(3, T, D)
    (wanted,) = onnxruntime.InferenceSession(folder / "m.onnx").run(None, {"x": x})
    for target in ("reference", "cpu"):
        session = gradc.Session(gradc.compile_file(folder / "net.nn"), target, threads=1)
        session.load(folder / "net.safetensors")
        np.testing.assert_allclose(session.run("net", x=x), wanted, rtol=1e-5, atol=1e-5)
    data = {"x": x, "target": wanted + 1}
    before = session.evaluate(data)["loss"]
    for _ in range(5):
        session.step(**data)
    assert session.evaluate(data)["loss"] < before
    text = (folder / "net.nn").read_text()
    return text[text.index("model ") : text.index("\n}\n")]


@pytest.mark.parametrize(
    ("between", "last", "causal"),
    [
        (DIVIDED, "s", False),
        ([node("Mul", "share p", "s")], "s", False),
        ([SHARED, node("Add", "c hides", "s")], "s", True),
        ([SHARED, node("Add", "hides c", "s")], "s", True),
        ([SHARED, node("Where", "later low c", "s")], "s", True),
        ([SHARED, node("Where", "sooner c low", "s")], "s", True),
        (ON_Q, "s", False),
    ],
    ids=["quotient", "product", "bias", "bias first", "where", "where not", "on q and k"],
)
def test_what_exporters_write(
    call: Caller, tmp_path: Path, between: list[Any], last: str, causal: bool
) -> None:
    model = attention_model([*projections(bias=True), *attended(between, last=last)])
    text = body_of(call, tmp_path, model)
    said = f"heads = {H}, causal = true)" if causal else f"heads = {H})"
    assert "attention(" in text and said in text and "softmax" not in text, text
    assert "transpose" not in text and "state" not in text, text


@pytest.mark.parametrize("opset", [11, 13, 21])
def test_every_opset(call: Caller, tmp_path: Path, opset: int) -> None:
    model = attention_model([*projections(bias=True), *attended(DIVIDED)], opset)
    assert "attention(" in body_of(call, tmp_path, model)


def test_another_factor(call: Caller, tmp_path: Path) -> None:
    model = attention_model([*projections(bias=True), *attended([node("Mul", "p odd", "s")])])
    assert "attention(0.6 * " in body_of(call, tmp_path, model)


def test_projections_in_one_product(call: Caller, tmp_path: Path) -> None:
    """As PyTorch packs them: [n, T, 3 D] cut into three, heads beside the batch in one axis."""
    flat = {"flat": np.array([-1, T, D // H]), "back": np.array([-1, H, T, D // H])}
    packed = {"qkv.W": drawn(D, 3 * D), "qkv.b": drawn(3 * D)}
    nodes = [*linear("x", "qkv", bias=True)]
    split = node("Split", "qkv", "q", axis=2, num_outputs=3)
    split.output.extend(["k", "v"])
    nodes += [split, *heads("q"), *heads("k"), *heads("v")]
    nodes += [node("Reshape", f"{name}_h flat", f"{name}_f") for name in "qkv"]
    nodes += [
        node("Transpose", "k_f", "k_t", perm=(0, 2, 1)), node("Mul", "q_f share", "q_s"),
        node("MatMul", "q_s k_t", "s"), node("Softmax", "s", "w", axis=-1),
        node("MatMul", "w v_f", "o_f"), node("Reshape", "o_f back", "o_h"), *joined(),
    ]  # fmt: skip
    text = body_of(call, tmp_path, attention_model(nodes, 18, **flat, **packed))
    assert f"heads = {H})" in text and "dense(24)" in text and "softmax" not in text, text


def test_one_head_and_other_rows(call: Caller, tmp_path: Path) -> None:
    """Learnt queries, fewer than positions, look at x."""
    nodes = [
        node("Add", "asked x_0", "q"), *linear("x", "k", bias=True), *linear("x", "v", bias=True),
        node("Transpose", "k", "k_t", perm=(0, 2, 1)), node("MatMul", "q k_t", "p"),
        node("Div", "p root_d", "s"), node("Softmax", "s", "w", axis=-1),
        node("MatMul", "w v", "o"),
    ]  # fmt: skip
    first = node("Slice", "x zero one one_axis", "x_0")
    more = {
        "asked": drawn(3, D), "zero": np.array([0]), "one": np.array([1]),
        "one_axis": np.array([1]),
    }  # fmt: skip
    text = body_of(call, tmp_path, attention_model([first, *nodes], **more))
    assert "attention(" in text and "heads" not in text, text


def test_an_einsum_of_examples(call: Caller, tmp_path: Path) -> None:
    nodes = [*projections(bias=True)]
    nodes += [node("Reshape", f"{name} cut", f"{name}_r") for name in "qkv"]
    nodes += [
        node("Einsum", "q_r k_r", "p", equation="bihd,bjhd->bhij"), node("Div", "p root", "s"),
        node("Softmax", "s", "w", axis=-1),
        node("Einsum", "w v_r", "o_r", equation="bhij,bjhd->bihd"),
        node("Reshape", "o_r whole", "o"),
    ]  # fmt: skip
    assert f"heads = {H})" in body_of(call, tmp_path, attention_model(nodes))


@pytest.mark.parametrize(
    ("between", "last"),
    [
        ([SHARED, node("Add", "c near", "s")], "s"),
        ([SHARED, node("Where", "earlier low c", "s")], "s"),
        ([SHARED, node("Exp", "c", "s")], "s"),
        ([SHARED, node("Add", "c share", "s")], "s"),
        ([SHARED, TURNED], "s"),
        ([SHARED, TURNED, node("Add", "s hides", "t")], "t"),
        ([node("Softmax", "p", "c", axis=-1), node("Mul", "c share", "s")], "s"),
        ([node("Mul", "p each", "s")], "s"),
        ([node("Mul", "p temperature", "s")], "s"),
    ],
    ids=["near ones", "those before", "exp", "a number more", "turned", "turned and hidden",
         "twice", "a factor each", "a factor that is learnt"],
)  # fmt: skip
def test_what_is_none_is_written_out(
    call: Caller, tmp_path: Path, between: list[Any], last: str
) -> None:
    each = drawn(H, 1, 1) ** 2 + 0.5
    nodes = [*projections(bias=True), *attended(between, last=last)]
    text = body_of(call, tmp_path, attention_model(nodes, each=each, temperature=each[0, 0]))
    assert "softmax" in text, text
