"""Exported models are, in onnxruntime, what a session gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

import gradc

MLP = """
model net(x : [3]) -> [2] { x |> dense(5) |> tanh |> dense(2) |> relu }
"""


def test_a_small_network(tmp_path: Path) -> None:
    session = gradc.Session(gradc.compile_source(MLP), threads=1, seed=1)
    session.export(tmp_path / "net.onnx")
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    (found,) = onnxruntime.InferenceSession(tmp_path / "net.onnx").run(["net"], {"x": x})
    np.testing.assert_allclose(found, session.run("net", x=x), rtol=1e-5, atol=1e-6)
