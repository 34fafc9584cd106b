"""Recurrent operators as cells of the prelude, from whatever state they begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import helper

import gradc
from tests.onnx.imported.onnx_models import drawn, model_of, saved
from tests.runtime.cli.calling import Caller

STATES = [("zero", "set"), ("set", "zero"), ("", "set"), ("set", ""), ("set", "set"), ("zero", "")]


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize(("h", "c"), STATES)
def test_the_states_that_an_lstm_begins_with(
    call: Caller, tmp_path: Path, h: str, c: str, direction: str
) -> None:
    """One of the two may be zeros, or not be there."""
    ways = 2 if direction == "bidirectional" else 1
    held = {"W": drawn(ways, 8, 3), "R": drawn(ways, 8, 2), "B": drawn(ways, 16)}
    for name, kind in (("h", h), ("c", c)):
        if kind:
            held[name] = drawn(ways, 1, 2, seed=len(held)) * (kind == "set")
    given = ["x", "W", "R", "B", "", "h" if h else "", "c" if c else ""]
    names = ["y", "last_h", "last_c"]
    node = helper.make_node("LSTM", given, names, hidden_size=2, direction=direction)
    outputs = {name: [None] * rank for name, rank in zip(names, (4, 3, 3), strict=True)}
    model = model_of([node], {"x": [4, 1, 3]}, outputs, held)
    saved(model, tmp_path / "m.onnx")
    assert call("import", "m.onnx", "-o", "net.nn", "--batch-axis", "1").code == 0
    assert "scan(lstm(2)" in (tmp_path / "net.nn").read_text()
    session = gradc.Session(gradc.compile_file(tmp_path / "net.nn"), "reference")
    session.load(tmp_path / "net.safetensors")
    x = drawn(4, 1, 3)
    wanted = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": x})
    found = session.run("net", x=x.swapaxes(0, 1))
    for name, value in zip(names, wanted, strict=True):
        np.testing.assert_allclose(found[name], np.moveaxis(value, -2, 0), atol=1e-5)


def test_a_clipped_lstm_with_peepholes(call: Caller, tmp_path: Path) -> None:
    """Written out; the inner state goes into its activation as it is, as onnxruntime does it."""
    held = {"W": drawn(1, 8, 3), "R": drawn(1, 8, 2), "P": drawn(1, 6), "h": drawn(1, 2, 2)}
    held["c"] = 3 * drawn(1, 2, 2, seed=1)
    given = ["x", "W", "R", "", "", "h", "c", "P"]
    node = helper.make_node("LSTM", given, ["y"], hidden_size=2, clip=0.7)
    model = model_of([node], {"x": [3, 2, 3]}, {"y": [3, 1, 2, 2]}, held)
    saved(model, tmp_path / "m.onnx")
    assert call("import", "m.onnx", "-o", "net.nn", "--whole").code == 0
    session = gradc.Session(gradc.compile_file(tmp_path / "net.nn"), "reference")
    session.load(tmp_path / "net.safetensors")
    x = drawn(3, 2, 3)
    (wanted,) = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": x})
    np.testing.assert_allclose(session.run("net", x=x[None])[0], wanted, atol=1e-5)
