"""Numbers of other files into a session: what fits is taken, and what does not is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.system.errors import CheckpointError, DataError, SessionError
from gradc_runtime.weights.safetensors_file import safetensors_bytes
from tests.runtime.weights.pickling import torch_file

NET = """
model digit(image : [6, 6, 2]) -> [3] {
    image |> conv(4, 3x3, stride = 2) |> relu |> flatten |> dense(5) |> tanh |> dense(3)
}
data digits(image : [6, 6, 2], label : class(3)) = csv("none.csv")
train on digits {
    minimize cross_entropy(digit(image), label)
    using adam(lr = 1e-2), batch 8
}
"""
OTHER = NET.replace("[3]", "[2]").replace("class(3)", "class(2)").replace("dense(3)", "dense(2)")


def session(text: str, seed: int = 0) -> gradc.Session:
    return gradc.Session(gradc.compile_source(text), seed=seed, threads=1)


def test_the_last_layer_is_another(tmp_path: Path) -> None:
    first, second = session(NET), session(OTHER, seed=1)
    first.save(tmp_path / "a.safetensors")
    head = second.parameters["digit.dense2.W"].copy()
    with pytest.raises(CheckpointError, match=r"digit\.dense2\.W is float32"):
        second.load(tmp_path / "a.safetensors")
    report = second.load(tmp_path / "a.safetensors", only="*")
    assert "  skipped  digit.dense2.W  is [3, 5], wanted [2, 5]" in str(report)
    assert {one.name for one in report.skipped} == {"digit.dense2.W", "digit.dense2.b"}
    assert not report.complete and len(report.taken) == 4
    np.testing.assert_array_equal(second.parameters["digit.dense2.W"], head)
    for name in ("digit.conv1.W", "digit.dense1.b"):
        np.testing.assert_array_equal(second.parameters[name], first.parameters[name])


def test_only_and_rename(tmp_path: Path) -> None:
    first = session(NET)
    second = session(OTHER.replace("digit(", "letter("), seed=1)
    first.save(tmp_path / "a.safetensors")
    before = second.parameters["letter.dense1.W"].copy()
    report = second.load(tmp_path / "a.safetensors", "letter.conv1", {"digit": "letter"})
    assert [one.name for one in report.taken] == ["letter.conv1.W", "letter.conv1.b"]
    np.testing.assert_array_equal(second.parameters["letter.dense1.W"], before)
    with pytest.raises(CheckpointError, match="nothing is called digit; there are letter"):
        second.load(tmp_path / "a.safetensors", only=["digit"])


def test_a_file_without_names_of_the_spec_changes_nothing(tmp_path: Path) -> None:
    one = session(NET)
    before = {name: value.copy() for name, value in one.parameters.items()}
    (tmp_path / "x.safetensors").write_bytes(safetensors_bytes({"y": np.zeros(3, np.float32)}))
    with pytest.raises(CheckpointError, match=r"it lacks digit\.conv1\.W; `only`"):
        one.load(tmp_path / "x.safetensors")
    report = one.load(tmp_path / "x.safetensors", only="digit")
    assert not report.taken and len(report.missing) == 6 and report.unused == ("y",)
    for name, value in before.items():
        np.testing.assert_array_equal(one.parameters[name], value)


@pytest.mark.parametrize("kind", ["F16", "BF16", "F64"])
def test_files_of_other_widths(tmp_path: Path, kind: str) -> None:
    first, second = session(NET), session(NET, seed=1)
    data = safetensors_bytes(dict(first.parameters), kind)
    (tmp_path / "x.safetensors").write_bytes(data)
    assert second.load(tmp_path / "x.safetensors").complete
    for name, value in first.parameters.items():
        np.testing.assert_allclose(second.parameters[name], value, rtol=4e-3, atol=4e-3)


def state_of(one: gradc.Session) -> dict[str, np.ndarray]:
    """The same network as PyTorch would keep it."""
    conv, dense = one.parameters["digit.conv1.W"], one.parameters["digit.dense1.W"]
    side = int((dense.shape[1] // 4) ** 0.5)
    columns = dense.reshape(5, side, side, 4).transpose(0, 3, 1, 2).reshape(5, -1)
    return {
        "net.0.weight": np.ascontiguousarray(conv.transpose(0, 3, 1, 2)),
        "net.0.bias": one.parameters["digit.conv1.b"],
        "net.3.weight": columns, "net.3.bias": one.parameters["digit.dense1.b"],
        "net.5.weight": one.parameters["digit.dense2.W"],
        "net.5.bias": one.parameters["digit.dense2.b"],
    }  # fmt: skip


def test_a_state_dict_with_its_axes_moved(tmp_path: Path) -> None:
    first, second = session(NET), session(NET, seed=1)
    report = second.load(torch_file(tmp_path / "m.pt", state_of(first)))
    assert report.complete
    said = str(report)
    assert "digit.conv1.W   from net.0.weight  ([out, in, h, w] as [out, h, w, in])" in said
    assert "digit.dense1.W  from net.3.weight  (columns [4, 3, 3] as [3, 3, 4])" in said
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(second.parameters[name], value)


def test_modules_by_name(tmp_path: Path) -> None:
    first, second = session(NET), session(NET, seed=1)
    file = torch_file(tmp_path / "m.pt", state_of(first))
    report = second.load(file, "digit.dense2", {"net.5": "digit.dense2"})
    assert [one.source for one in report.taken] == ["net.5.weight", "net.5.bias"]
    report = second.load(file, "digit.dense2", {"net.3": "digit.dense2"})
    assert not report.taken and "is [5, 36], wanted [3, 5]" in str(report)


def test_a_hostile_file_changes_nothing(tmp_path: Path) -> None:
    one = session(NET)
    (tmp_path / "m.pt").write_bytes(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.")
    with pytest.raises(DataError, match="zip"):
        one.load(tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match="cannot read"):
        one.load(tmp_path / "none.pt", only="digit")
    faults = (3, None), ([3], None), ([], None), ("digit", "x"), (None, {1: 2}), (None, {"a": 2})
    for only, rename in faults:
        with pytest.raises(SessionError, match="only= has names"):
            one.load(tmp_path / "m.pt", only, rename)  # type: ignore[arg-type]


LINES = "model f(x : [3]) -> [3] { x |> dense(3) |> dense(3) }"


def kept(folder: Path, **values: Any) -> Path:
    """A file in which every number of a tensor is the same."""
    shapes = {"W": (3, 3), "b": (3,)}
    made = {
        f"f.{layer}.{leaf}": np.full(shape, value)
        for layer, value in values.items()
        for leaf, shape in shapes.items()
    }
    (folder / "w.safetensors").write_bytes(safetensors_bytes(made))
    return folder / "w.safetensors"


def test_what_is_renamed_comes_before_what_has_the_name(tmp_path: Path) -> None:
    """The file's own dense2 was taken, and the rename did nothing."""
    one, file = session(LINES), kept(tmp_path, dense1=np.float32(1), dense2=np.float32(2))
    report = one.load(file, "f.dense2", {"f.dense1": "f.dense2"})
    assert [t.source for t in report.taken] == ["f.dense1.W", "f.dense1.b"]
    assert (one.parameters["f.dense2.W"] == 1).all()
    assert one.load(file, rename={"f.dense1": "f.dense2", "f.dense2": "f.dense1"}).complete
    assert (one.parameters["f.dense1.W"] == 2).all() and (one.parameters["f.dense2.b"] == 1).all()


def test_a_rename_that_does_nothing_is_told(tmp_path: Path) -> None:
    one, file = session(LINES), kept(tmp_path, dense1=np.float32(1), dense2=np.float32(2))
    modules = torch_file(tmp_path / "m.pt", state_of(session(NET)))
    before = one.parameters["f.dense1.W"].copy()
    for rename, said in [
        ({"f.dens2": "f.dense1"}, r"w\.safetensors has nothing called f\.dens2; did you mean f\."),
        ({"f.dense2": "f.dens1"}, r"the network has nothing called f\.dens1; did you mean f\."),
        ({"f.dense1": "f.dense1", "f.dense2": "f.dense1"}, r"both renamed to f\.dense1"),
    ]:
        with pytest.raises(CheckpointError, match=said):
            one.load(file, "f.dense1", rename)
    np.testing.assert_array_equal(one.parameters["f.dense1.W"], before)
    net = session(NET)
    for rename, said in [
        ({"net.4": "digit.dense2"}, r"m\.pt has nothing called net\.4"),
        ({"net.5": "digit.dens2"}, "the network has nothing called digit.dens2"),
        ({"net.3": "digit.dense2", "net.5": "digit.dense2"}, "net.3 and net.5 are both renamed"),
    ]:
        with pytest.raises(CheckpointError, match=said):
            net.load(modules, "digit", rename)


def test_numbers_beyond_a_width_are_told(tmp_path: Path) -> None:
    one, file = session(LINES), kept(tmp_path, dense1=1e300, dense2=np.float64(2))
    with pytest.raises(CheckpointError, match=r"f\.dense1\.W holds 1e\+300, beyond float32"):
        one.load(file)
    report = one.load(file, "f")
    assert [each.name for each in report.skipped] == ["f.dense1.W", "f.dense1.b"]
    wide = gradc.Session(gradc.compile_source(LINES), dtype="float64")
    assert wide.load(file).complete and wide.parameters["f.dense1.W"][0, 0] == 1e300


LAYERS = {
    "seq": ("model f(x : seq [3]) -> seq [4] { x |> scan(CELL) }", (7, 3)),
    "norm": ("model f(x : [5, 5, 3]) -> [5, 5, 3] { x |> batch_norm }", (5, 5, 3)),
    "attention": ("model f(x : [6, 8]) -> [6, 8] { x |> multi_head_attention(2) }", (6, 8)),
    "embedding": ("model f(x : class(9)) -> [4] { x |> embedding(9, 4) |> layer_norm }", ()),
}


@pytest.mark.wide
@pytest.mark.parametrize("name", ["lstm(4)", "gru_reset_after(4)", "elman(4)", "norm", "attention",
                                  "embedding"])  # fmt: skip
def test_layers_compute_what_pytorch_does(tmp_path: Path, name: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    text, shape = LAYERS.get(name, LAYERS["seq"])
    one = session(text.replace("CELL", name))
    x = torch.randint(9, (2,)) if name == "embedding" else torch.randn(2, *shape)
    nn: Any = torch.nn
    net = {
        "lstm(4)": lambda: nn.LSTM(3, 4, batch_first=True),
        "gru_reset_after(4)": lambda: nn.GRU(3, 4, batch_first=True),
        "elman(4)": lambda: nn.RNN(3, 4, batch_first=True),
        "norm": lambda: nn.BatchNorm2d(3),
        "attention": lambda: nn.MultiheadAttention(8, 2, bias=False, batch_first=True),
        "embedding": lambda: nn.Sequential(nn.Embedding(9, 4), nn.LayerNorm(4)),
    }[name]()
    if name == "norm":
        net(torch.randn(8, 3, 5, 5) * 3 + 1)
    net.eval()
    torch.save(net.state_dict(), tmp_path / "m.pt")
    print(one.load(tmp_path / "m.pt"))
    with torch.no_grad():
        if name == "norm":
            wanted = net(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        elif name == "attention":
            wanted = net(x, x, x, need_weights=False)[0]
        else:
            wanted = net(x) if name == "embedding" else net(x)[0]
    found = np.stack(list(one.run("f", x=list(x.numpy()) if shape == (7, 3) else x.numpy())))
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


REAL = {"float64": True, "float16": True, "int64": False, "int8": False, "bool": False}


@pytest.mark.parametrize("kind", REAL)
def test_whole_numbers_are_no_weights(tmp_path: Path, kind: str) -> None:
    """Those of a quantised network mean nothing without their scale."""
    first, second = session(NET), session(NET, seed=1)
    tensors = {name: value.copy() for name, value in first.parameters.items()}
    tensors["digit.dense2.b"] = np.array([1, 0, 1]).astype(kind)
    (tmp_path / "w.safetensors").write_bytes(safetensors_bytes(tensors))
    before = second.parameters["digit.dense1.W"].copy()
    if REAL[kind]:
        second.load(tmp_path / "w.safetensors")
        assert second.parameters["digit.dense2.b"].tolist() == [1, 0, 1]
        return
    with pytest.raises(CheckpointError, match=f"holds {kind} numbers, wanted real ones"):
        second.load(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(second.parameters["digit.dense1.W"], before)
    report = second.load(tmp_path / "w.safetensors", only="digit")
    assert [one.name for one in report.skipped] == ["digit.dense2.b"]
