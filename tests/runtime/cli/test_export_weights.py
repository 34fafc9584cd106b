"""`gradc export -o FILE.safetensors`: weights alone, as float16 where asked, and back."""

from __future__ import annotations

from tests.runtime.cli.calling import Caller


def test_weights_are_written_and_read_back(call: Caller) -> None:
    path = call.folder / "w.safetensors"
    written = call("export", call.spec, "--precision", "f16", "-o", path)
    assert (written.code, written.out.strip()) == (0, str(path))
    found = call("run", call.spec, "--weights", path, "x=3")
    assert found.code == 0 and "6" in found.words


def test_what_is_no_weights_file_has_no_precision(call: Caller) -> None:
    answer = call("export", call.spec, "--precision", "f16", "-o", call.folder / "line.onnx")
    assert answer.code == 2
    assert "--precision is of weights in a .safetensors file" in answer.err
    answer = call("export", call.spec, "line", "-o", call.folder / "w.safetensors")
    assert answer.code == 2 and "the weights of all models" in answer.err
