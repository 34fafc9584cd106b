"""Exported models are, in onnxruntime, what a session gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import gradc
from tests.onnx.exporting import ROOT, SPECS, opened, require_equal


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_spec_is_the_same_in_onnxruntime(path: Path) -> None:
    session = gradc.Session(gradc.compile_file(path), threads=1, seed=1)
    for model in session.program.models:
        require_equal(session, model)


CNN = """
model digit(image : [9, 9, 2]) -> (scores : [3], seen : [5, 5, 4]) {
    seen = image |> conv(4, 3x3, stride = 2) |> relu
    (seen |> flatten |> dense(3), seen)
}
data digits(image : [9, 9, 2], label : class(3)) = csv("none.csv")
train on digits { minimize cross_entropy(digit(image).scores, label) using adam(lr = 1e-3) }
"""


@pytest.fixture(scope="module")
def file() -> onnx.ModelProto:
    session = gradc.Session(gradc.compile_source(CNN), threads=1, seed=1)
    return require_equal(session, "digit", (1, 3))


def test_names_are_the_authors(file: onnx.ModelProto) -> None:
    graph = file.graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["scores", "seen"]
    weights = {tensor.name for tensor in graph.initializer}
    assert {f"digit.{n}" for n in ("conv1.W", "conv1.b", "dense1.W", "dense1.b")} <= weights
    (conv,) = (node for node in graph.node if node.op_type == "Conv")
    assert conv.name == "digit.conv1/Conv" and conv.doc_string == "spec.nn:3:21"
    assert "digit.conv1.b" in conv.input
    names = [node.name for node in graph.node]
    assert len({*names}) == len(names) and all(names)


def test_a_file_says_where_it_is_from(file: onnx.ModelProto) -> None:
    texts = {p.key: p.value for p in file.metadata_props}
    assert texts == {"gradc.spec": CNN, "gradc.name": "spec", "gradc.model": "digit"}
    assert file.producer_name == "gradc"
    assert file.graph.input[0].doc_string == "image : [9, 9, 2]"


def test_every_tensor_has_its_sizes(file: onnx.ModelProto) -> None:
    values = {v.name: v for v in (*file.graph.value_info, *file.graph.output)}
    for node in file.graph.node:
        for name in node.output:
            sizes = values[name].type.tensor_type.shape.dim
            assert all(d.dim_param or d.HasField("dim_value") for d in sizes), name
    (batch, *rest) = file.graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param == "batch" and [d.dim_value for d in rest] == [9, 9, 2]


def test_the_newest_opset(file: onnx.ModelProto) -> None:
    newest = min(28, onnx.defs.onnx_opset_version())
    assert {o.domain: o.version for o in file.opset_import} == {"": newest}


def test_draws_are_those_of_the_seed() -> None:
    """And a file has them without the weights of anything else."""
    text = "model some() -> [3] { noise w : [3] ~ normal(0, 1)\n w }"
    sessions = [gradc.Session(gradc.compile_source(text), threads=1, seed=n) for n in (1, 2)]
    files = [require_equal(session, "some", (1, 6)) for session in sessions]
    found = [opened(file).run(None, {"examples": np.array(4)})[0] for file in files]
    assert np.abs(found[0] - found[1]).max() > 0.1
    assert {tensor.name for tensor in files[0].graph.initializer} >= {"seed", "step"}


def test_weights_of_another_width(tmp_path: Path) -> None:
    """float64 is rounded to float32: onnxruntime has no convolutions of it."""
    text = "model f(x : [3]) -> [2] { x |> dense(2) }"
    session = gradc.Session(gradc.compile_source(text), dtype="float64", threads=1, seed=1)
    session.export(tmp_path / "f.onnx")
    file = onnx.load(tmp_path / "f.onnx")
    assert {tensor.data_type for tensor in file.graph.initializer} == {onnx.TensorProto.FLOAT}
    x = np.ones((2, 3), "float32")
    (found,) = opened(file).run(None, {"x": x})
    np.testing.assert_allclose(found, session.run("f", x=x.astype(float)), rtol=1e-6)


def test_rounded_operands_are_rounded_there(tmp_path: Path) -> None:
    text = "model f(x : [30]) -> [20] { x |> dense(20) }"
    program = gradc.compile_source(text, precision="bf16")
    require_equal(gradc.Session(program, threads=1, seed=1), "f")


def test_more_than_a_file_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gradc_runtime.onnx.export_file.MOST_BYTES", 100)
    session = gradc.Session(gradc.compile_source("model f(x : [9]) -> [9] { x |> dense(9) }"))
    with pytest.raises(gradc.RunError, match="GB of weights, an ONNX file"):
        session.export(tmp_path / "f.onnx")
    assert not list(tmp_path.iterdir())
