"""`gradc weights`, and `--only`, `--rename` of other commands."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import load_file

from tests.runtime.cli.calling import Caller
from tests.runtime.weights.pickling import torch_file


def test_list_convert_diff(call: Caller) -> None:
    assert call("train", call.spec).code == 0
    answer = call("weights", "list", "runs/line", "--only", "line", "--json")
    assert answer.code == 0 and all(name.startswith("line.") for name in answer.data)
    assert "F32" in call("weights", "list", "runs/line").out
    made = call("weights", "convert", "runs/line", "half.safetensors", "--kind", "f16")
    assert made.code == 0 and "wrote half.safetensors" in made.err
    found = load_file(call.folder / "half.safetensors")
    assert {str(array.dtype) for array in found.values()} >= {"float16"}
    answer = call("weights", "diff", "runs/line", "half.safetensors")
    assert answer.code == 1
    assert "kind alone" in answer.out or "at most" in answer.out
    assert call("weights", "diff", "runs/line", "runs/line").code == 0


def test_what_is_refused(call: Caller) -> None:
    assert call("weights", "list").code == 2
    assert call("weights", "diff", "a").code == 2
    assert "there is no checkpoint none" in call("weights", "list", "none").err
    (call.folder / "x.safetensors").write_bytes(b"no")
    assert call("weights", "list", "x.safetensors").code == 1
    answer = call("weights", "convert", "x.safetensors", "x.pt")
    assert "weights are written as safetensors" in answer.err
    assert "--only and --rename" in call("train", call.spec, "--only", "line").err
    answer = call("train", call.spec, "--weights", "x.safetensors", "--rename", "x")
    assert "--rename has the form OLD=NEW" in answer.err
    assert call("train", call.spec, "--weights", "x.safetensors", "--resume").code == 2


def test_a_part_is_taken_and_said(call: Caller) -> None:
    assert call("train", call.spec, "--name", "first").code == 0
    answer = call("train", call.spec, "--weights", "runs/first", "--only", "line", "--epochs", "0")
    assert answer.code == 0 and "  taken    line." in answer.err
    answer = call("eval", call.spec, "--weights", "runs/first", "--only", "lime")
    assert answer.code == 1 and "nothing is called lime; there are line" in answer.err


def test_a_state_dict_under_the_names_of_a_spec(call: Caller) -> None:
    (call.folder / "net.nn").write_text("model f(x : [3]) -> [2] { x |> dense(4) |> dense(2) }")
    rng = np.random.default_rng(0)
    shapes = {"a.weight": (4, 3), "a.bias": (4,), "b.weight": (2, 4), "b.bias": (2,)}
    state = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    torch_file(call.folder / "m.pt", state)
    answer = call("weights", "convert", "m.pt", "mine.safetensors", "--spec", "net.nn")
    assert answer.code == 0 and "from a.weight" in answer.err
    found = load_file(call.folder / "mine.safetensors")
    np.testing.assert_array_equal(found["f.dense2.W"], state["b.weight"])
    by_file = call("run", "net.nn", "--weights", "mine.safetensors", "--input", "x=1,2,3", "--json")
    by_dict = call("run", "net.nn", "--weights", "m.pt", "--input", "x=1,2,3", "--json")
    wanted = (np.float32([1, 2, 3]) @ state["a.weight"].T + state["a.bias"]) @ state["b.weight"].T
    np.testing.assert_allclose(by_file.data["f"][0], (wanted + state["b.bias"]).tolist(), rtol=1e-5)
    assert by_dict.data == by_file.data
