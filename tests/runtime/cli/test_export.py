"""`gradc export`: the file that it writes, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import gradc
from tests.onnx.exporting import opened
from tests.runtime.cli.calling import Caller

onnx = pytest.importorskip("onnx")


def test_a_trained_model_as_a_file(call: Caller) -> None:
    assert call("train", call.spec).code == 0
    answer = call("export", call.spec, "--weights", "runs/line", "-o", "line.onnx")
    assert (answer.code, answer.out, answer.err) == (0, "line.onnx\n", "")
    wanted = call("run", call.spec, "--weights", "runs/line", "--input", "x=[1, 2]", "--json").data
    x = np.array([1, 2], "float32")
    (found,) = opened(onnx.load("line.onnx")).run(["line"], {"x": x})
    assert found == pytest.approx(wanted["line"], rel=1e-6)


def test_what_is_refused(call: Caller) -> None:
    """One line each, and nothing is written."""
    for code, wanted, arguments in (
        (2, "no model is called lime; did you mean line?", ("lime",)),
        (2, "there is no checkpoint runs/none", ("--weights", "runs/none")),
        (2, "Not a directory", ("-o", "line.nn/model.onnx")),
        (2, "folder: No such file or directory", ("-o", "folder/model.onnx")),
        (2, "-o", ()),
    ):
        path = [] if "-o" in arguments or not arguments else ["-o", "model.onnx"]
        answer = call("export", call.spec, *arguments, *path)
        assert answer.code == code and wanted in answer.err, answer
        told = [line for line in answer.err.splitlines() if not line.startswith("note")]
        assert len(told) == 1 or not arguments
    assert not list(Path().glob("*.onnx"))


def test_a_checkpoint_of_another_network(call: Caller) -> None:
    other = gradc.Session(gradc.compile_source("model f(x : [2]) -> [2] { x |> dense(2) }"))
    other.save("other.safetensors")
    answer = call("export", call.spec, "--weights", "other.safetensors", "-o", "model.onnx")
    assert answer.code == 1 and "does not fit" in answer.err and not Path("model.onnx").exists()


def test_without_the_package(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    answer = call("export", call.spec, "-o", "model.onnx")
    assert answer.code == 2
    assert answer.err == "gradc: an ONNX file needs onnx: pip install onnx\n"
    session = gradc.Session(gradc.compile_file(call.spec))
    with pytest.raises(gradc.RunError, match="pip install onnx"):
        session.export("model.onnx")


def test_one_model_of_several(call: Caller) -> None:
    two = Path("two.nn")
    two.write_text(
        "model f(x : [2]) -> [3] { x |> dense(3) }\nmodel g(x : [2]) -> [1] { x |> dense(1) }\n"
    )
    assert "name a model: f, g" in call("export", two, "-o", "g.onnx").err
    assert call("export", two, "g", "-o", "g.onnx").code == 0
    assert [value.name for value in onnx.load("g.onnx").graph.output] == ["g"]
    session = gradc.Session(gradc.compile_file(two))
    with pytest.raises(gradc.RunError, match="name a model: f, g"):
        session.export("f.onnx")
    with pytest.raises(gradc.RunError, match="no model is called h"):
        session.export("f.onnx", "h")
