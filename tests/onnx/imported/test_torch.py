"""What PyTorch exports, by both of its exporters, is imported, gives the same, and trains.

    pytest -m wide tests/onnx/imported/test_torch.py

It needs torch, and onnxscript for the newer exporter.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from tests.runtime.cli.calling import Caller

pytestmark = [pytest.mark.wide, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
nn = torch.nn


class Residual(nn.Module):  # type: ignore[misc]
    """Two convolutions beside a shortcut: He et al., 2016."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        short = nn.Sequential(
            nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
        )
        self.short = short if stride != 1 or before != after else nn.Identity()

    def forward(self, x: Any) -> Any:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.short(x))


def resnet18() -> Any:
    sizes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1)]
    blocks = [Residual(*s) for s in [*sizes, (256, 512, 2), (512, 512, 1)]]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    end = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)]
    return nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1), *blocks, *end)


def lenet() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def mlp() -> Any:
    return nn.Sequential(
        nn.Linear(6, 16), nn.Tanh(), nn.LayerNorm(16), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 3)
    )


class Tagger(nn.Module):  # type: ignore[misc]
    """A name for every word."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 12)
        self.lstm = nn.LSTM(12, 16, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(32, 7)

    def forward(self, x: Any) -> Any:
        return self.dense(self.lstm(self.embed(x))[0])


class Encoder(nn.Module):  # type: ignore[misc]
    """Vaswani et al., 2017: two layers over twelve words."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 32)
        self.place = nn.Parameter(torch.randn(12, 32) * 0.1)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.dense = nn.Linear(32, 5)

    def forward(self, x: Any) -> Any:
        return self.dense(self.layers(self.embed(x) + self.place).mean(1))


class UNet(nn.Module):  # type: ignore[misc]
    """Ronneberger et al., 2015, of three levels; one way up is learnt, the other is bilinear."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = double(1, 8), double(8, 16), double(16, 32)
        self.up1, self.d1 = nn.ConvTranspose2d(32, 16, 2, 2), double(32, 16)
        self.up2, self.d2 = nn.Upsample(scale_factor=2, mode="bilinear"), double(24, 8)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x: Any) -> Any:
        a = self.a(x)
        b = self.b(torch.max_pool2d(a, 2))
        c = self.c(torch.max_pool2d(b, 2))
        y = self.d1(torch.cat([b, self.up1(c)], 1))
        return self.out(self.d2(torch.cat([a, self.up2(y)], 1)))


def double(before: int, after: int) -> Any:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


def words(*shape: int) -> Any:
    return torch.randint(0, 40, shape)


NETWORKS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "mlp": (mlp, lambda: torch.randn(3, 6)),
    "lenet": (lenet, lambda: torch.randn(3, 1, 28, 28)),
    "resnet18": (resnet18, lambda: torch.randn(2, 3, 64, 64)),
    "tagger": (Tagger, lambda: words(3, 9)),
    "encoder": (Encoder, lambda: words(3, 12)),
    "unet": (UNet, lambda: torch.randn(2, 1, 32, 32)),
}


def made(name: str) -> tuple[Any, Any]:
    """A network with statistics of its own, and inputs."""
    torch.manual_seed(0)
    make, inputs = NETWORKS[name]
    network = make().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network, inputs()


def export(network: Any, inputs: Any, path: Path, *, dynamo: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            pytest.importorskip("onnxscript")
            torch.onnx.export(
                network, (inputs,), path, dynamo=True, input_names=["x"], verbose=False,
                dynamic_shapes=({0: torch.export.Dim("N")},), external_data=False,
            )  # fmt: skip
        else:
            torch.onnx.export(
                network, (inputs,), path, dynamo=False, input_names=["x"],
                output_names=["y"], dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
            )  # fmt: skip


@pytest.mark.parametrize("dynamo", [False, True], ids=["script", "dynamo"])
@pytest.mark.parametrize("name", NETWORKS)
def test_an_export_is_imported_and_trains(
    call: Caller, tmp_path: Path, name: str, dynamo: bool
) -> None:
    network, inputs = made(name)
    export(network, inputs, tmp_path / "net.onnx", dynamo=dynamo)
    wanted = network(inputs).detach().numpy()
    done = call("import", "net.onnx", "-o", "net.nn", "--loss", "squared_error")
    assert done.code == 0, done.err
    session = gradc.Session(gradc.compile_file(tmp_path / "net.nn"))
    session.load(tmp_path / "net.safetensors")
    found = np.stack([*session.run("net", x=inputs.numpy())])
    assert np.abs(found - wanted).max() < 1e-5
    data = {"x": inputs.numpy(), "target": wanted + 1}
    before = session.evaluate(data)["loss"]
    for _ in range(5):
        session.step(**data)
    assert session.evaluate(data)["loss"] < before
