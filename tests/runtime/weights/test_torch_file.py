"""Files of PyTorch are read without executing anything; hostile ones get one line."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_runtime.system.errors import DataError
from gradc_runtime.weights.state_dict import read_pickle
from gradc_runtime.weights.tensor_file import read_tensors
from tests.runtime.weights.pickling import Named, Rebuilt, archive, pickled, tensor, torch_file

W = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_a_state_dict(tmp_path: Path, wrap: str | None) -> None:
    file = torch_file(tmp_path / "m.pt", {"fc.weight": W, "n": np.array([3])}, wrap)
    found = read_tensors(file)
    assert found.form == "PyTorch" and list(found.tensors) == ["fc.weight", "n"]
    np.testing.assert_array_equal(found.tensors["fc.weight"].array(), W)
    assert found.tensors["n"].array().tolist() == [3]


def test_a_tensor_that_is_a_view(tmp_path: Path) -> None:
    file = archive(tmp_path / "m.pt", pickled({"w": tensor("0", W.T)}), {"0": W})
    np.testing.assert_array_equal(read_tensors(file).tensors["w"].array(), W.T)


class Evil:
    """Pickles as a call of the shell."""

    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


def refused(data: bytes) -> str:
    with pytest.raises(DataError) as fault:
        read_pickle(data, "m.pt")
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in range(5):
        said = refused(pickle.dumps({"w": Evil()}, protocol=protocol))
        assert "safetensors.torch.save_file" in said
    assert "it names posix.system" in refused(pickle.dumps({"w": Evil()}, protocol=2))
    assert not (tmp_path / "executed").exists()


SHAPES = [
    ((1 << 40,), (0,)), ((1 << 30, 1 << 30), (0, 0)), ((2, 3), (3, 2)), ((-1, 3), (3, 1)),
    ((2, 3), (3,)), (("a",), (1,)), ((7,), (1,)), ((2, 3), (-3, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "strides"), SHAPES)
def test_tensors_that_cannot_be(shape: Any, strides: Any) -> None:
    storage = ("storage", Named("torch", "FloatStorage"), "0", "cpu", 6)
    one = Rebuilt(Named("torch._utils", "_rebuild_tensor_v2"), (storage, 0, shape, strides))
    refused(pickled({"w": one}))


def test_damaged_pickles() -> None:
    whole = pickled({"w": tensor("0", W), "list": [1, (2, 3)], "text": "é"})
    for end in range(0, len(whole), 3):
        refused(whole[:end])
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        data[rng.integers(len(data))] = rng.integers(256)
        try:
            read_pickle(bytes(data), "m.pt")
        except DataError as fault:
            assert "\n" not in str(fault)


def test_damaged_archives(tmp_path: Path) -> None:
    state = pickled({"w": tensor("0", W)})
    bomb = archive(tmp_path / "bomb.pt", state, {"0": W}, compression=zipfile.ZIP_DEFLATED)
    short = archive(tmp_path / "short.pt", state, {"0": W[:1]})
    lost = archive(tmp_path / "lost.pt", state, {})
    plain = tmp_path / "plain.pt"
    plain.write_bytes(pickle.dumps({"w": 1}))
    cut = tmp_path / "cut.pt"
    cut.write_bytes(bomb.read_bytes()[:200])
    for path, said in [(bomb, "compressed"), (short, "not all there"), (lost, "not all there"),
                       (plain, "since 1.6"), (cut, "damaged")]:  # fmt: skip
        with pytest.raises(DataError, match=said):
            read_tensors(path)


@pytest.mark.wide
def test_what_pytorch_writes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    layers = torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.LSTM(3, 4)
    net = torch.nn.Sequential(*layers)
    state = net.state_dict() | {"half": torch.ones(3, dtype=torch.bfloat16)}
    for saved in (state, {"model": state, "epoch": 1}):
        torch.save(saved, tmp_path / "m.pt")
        found = read_tensors(tmp_path / "m.pt")
        assert list(found.tensors) == list(state)
        for name, one in state.items():
            np.testing.assert_array_equal(found.tensors[name].array(), one.float().numpy())
