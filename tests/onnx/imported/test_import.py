"""`gradc import`: a spec to read, weights beside it, the numbers of onnxruntime, and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import gradc
from tests.onnx.imported.onnx_models import drawn, mlp, saved
from tests.runtime.cli.calling import Caller

MLP = """\
# mlp.onnx, imported.
#     dense1       fc1.weight
#     dense2       fc2.weight
model net(x : [4]) -> [3] {
    x |> dense(8) |> relu |> dense(3)
}
"""


def test_an_mlp_is_one_line_and_gives_the_numbers(call: Caller, tmp_path: Path) -> None:
    saved(mlp(), tmp_path / "mlp.onnx")
    done = call("import", "mlp.onnx", "-o", "net.nn")
    assert done.code == 0, done.err
    assert (tmp_path / "net.nn").read_text().startswith(MLP)
    x = drawn(5, 4)
    np.save(tmp_path / "x.npy", x)
    (wanted,) = onnxruntime.InferenceSession(tmp_path / "mlp.onnx").run(None, {"x": x})
    session = gradc.Session(gradc.compile_file(tmp_path / "net.nn"), target="reference")
    session.load(tmp_path / "net.safetensors")
    assert np.abs(session.run("net", x=x) - wanted).max() < 1e-5
    told = call("run", "net.nn", "--weights", "net.safetensors", "x=x.npy", "--save", "y.npy")
    assert told.code == 0, told.err
    assert np.abs(np.load(tmp_path / "y.npy") - wanted).max() < 1e-5


def test_an_imported_spec_trains(call: Caller, tmp_path: Path) -> None:
    saved(mlp(), tmp_path / "mlp.onnx")
    done = call("import", "mlp.onnx", "-o", "net.nn", "--loss", "cross_entropy")
    assert done.code == 0, done.err
    session = gradc.Session(gradc.compile_file(tmp_path / "net.nn"))
    session.load(tmp_path / "net.safetensors")
    data = {"x": drawn(32, 4), "target": np.arange(32) % 3}
    before = session.evaluate(data)["loss"]
    for _ in range(20):
        session.step(**data)
    assert session.evaluate(data)["loss"] < before


@pytest.mark.parametrize("opset", [7, 13, 21])
def test_versions(call: Caller, tmp_path: Path, opset: int) -> None:
    saved(mlp(opset), tmp_path / "mlp.onnx")
    assert call("import", "mlp.onnx", "-o", "net.nn").code == 0
