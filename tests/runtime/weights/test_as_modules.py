"""Weights under the names of a state dict: what is taken from one goes back to where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_runtime.cli.run_command import run
from gradc_runtime.weights.as_modules import of_module
from gradc_runtime.weights.match_modules import made_of
from gradc_runtime.weights.tensor_file import read_tensors
from tests.runtime.weights.pickling import torch_file

SPEC = """
model net(x : [6, 6, 2]) -> [5] {
    x |> conv(4, 3x3) |> batch_norm |> relu |> flatten |> dense(7) |> layer_norm |> dense(5)
}
"""
SHAPES = {
    "conv.weight": (4, 2, 3, 3), "conv.bias": (4,), "bn.weight": (4,), "bn.bias": (4,),
    "bn.running_mean": (4,), "bn.running_var": (4,), "fc.weight": (7, 144), "fc.bias": (7,),
    "norm.weight": (7,), "norm.bias": (7,), "out.weight": (5, 7), "out.bias": (5,),
}  # fmt: skip
MODULES = {
    "linear": {"weight": (3, 5), "bias": (3,)},
    "conv1d": {"weight": (3, 4, 2), "bias": (3,)},
    "lstm": {"weight_ih": (12, 5), "weight_hh": (12, 3), "bias_ih": (12,), "bias_hh": (12,)},
    "gru": {"weight_ih": (9, 5), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)},
    "attention": {"in_proj_weight": (12, 4), "out_proj.weight": (4, 4)},
}


def drawn(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec, and a state dict of the same network."""
    (tmp_path / "net.nn").write_text(SPEC)
    torch_file(tmp_path / "net.pt", {**drawn(SHAPES), "bn.num_batches_tracked": np.array(7)})
    return tmp_path


@pytest.mark.parametrize("name", MODULES)
def test_a_layer_of_a_module_is_that_layer(name: str) -> None:
    own = {leaf: one.value for leaf, one in made_of(drawn(MODULES[name]), None).items()}
    again = made_of(of_module(MODULES[name], own, None), None)
    assert own.keys() == again.keys()
    for leaf, one in again.items():
        np.testing.assert_array_equal(one.value, own[leaf], err_msg=leaf)


def test_there_and_back(folder: Path) -> None:
    mine, back = folder / "mine.safetensors", folder / "back.safetensors"
    asked = "--spec", str(folder / "net.nn")
    session = gradc.Session(gradc.compile_file(folder / "net.nn"))
    session.load(folder / "net.pt")
    session.save(mine)
    words = "weights", "convert", str(mine), str(back), *asked, "--like", str(folder / "net.pt")
    assert run(words) == 0
    wanted, found = read_tensors(folder / "net.pt").tensors, read_tensors(back).tensors
    assert list(found) == list(wanted)
    for name, one in found.items():
        assert one.shape == wanted[name].shape
        np.testing.assert_array_equal(one.array(), wanted[name].array(), err_msg=name)


def test_what_does_not_fit_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gradc.Session(gradc.compile_file(folder / "net.nn")).save(folder / "mine.safetensors")
    words = "weights", "convert", str(folder / "mine.safetensors"), str(folder / "b.safetensors")
    assert run([*words, "--like", str(folder / "net.pt")]) == 2
    assert "--spec says which it is" in capsys.readouterr().err
    less = {name: one for name, one in drawn(SHAPES).items() if not name.startswith("out")}
    more = {**drawn(SHAPES), "extra.weight": np.ones((2, 2), np.float32)}
    for tensors, said in ((less, "no module for net.dense2"), (more, "nothing for extra.weight")):
        like = torch_file(folder / "other.pt", tensors)
        assert run([*words, "--spec", str(folder / "net.nn"), "--like", str(like)]) == 1
        assert said in capsys.readouterr().err
    assert not (folder / "b.safetensors").exists()
