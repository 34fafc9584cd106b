"""What built libraries are compared with: the same networks in PyTorch, and by onnxruntime."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

try:
    import torch
    from torch import nn
except ImportError:  # then there is nothing to compare with
    torch = None


class Peer(Protocol):
    """One way to run a network on one thread."""

    name: str

    def call(self, batch: int) -> Callable[[], object]:
        """A call on a batch."""

    def size(self) -> int:
        """Bytes of the files that it needs, Python and NumPy not counted."""

    def start(self) -> list[str]:
        """A command that gives one answer."""


def images_of(name: str, batch: int) -> Any:
    """A batch as PyTorch has it: channels first."""
    shape = {"mnist_cnn": (1, 28, 28), "row_digits": (28, 28), "ResNet-18": (3, 32, 32)}[name]
    return torch.rand(batch, *shape)


def filters(ins: int, outs: int, size: int, stride: int) -> Any:
    """A convolution and its norm."""
    pad = size // 2
    conv = nn.Conv2d(ins, outs, size, stride, pad, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outs))


def network(name: str) -> Any:
    """The network of a spec, as one writes it in PyTorch."""
    if name == "mnist_cnn":
        plan = (1, 8, 5, 2), (8, 16, 3, 1), (16, 32, 3, 1), (32, 32, 3, 1)
        layers = [m for i, o, k, p in plan for m in (nn.Conv2d(i, o, k, 2, p), nn.ReLU())]
        return nn.Sequential(
            *layers, nn.Conv2d(32, 32, 2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 10)
        )
    if name == "ResNet-18":
        widths = (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2)
        widths += (256, 256, 1), (256, 512, 2), (512, 512, 1)
        blocks = [basic()(*width) for width in widths]
        pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)
        return nn.Sequential(filters(3, 64, 3, 1), nn.ReLU(), *blocks, *pooled)
    return rows()()


def basic() -> Any:
    """ResNet's block, as a class: PyTorch may not be here when this file is read."""

    class Basic(nn.Module):
        def __init__(self, ins: int, outs: int, stride: int) -> None:
            super().__init__()
            self.main = nn.Sequential(
                filters(ins, outs, 3, stride), nn.ReLU(), filters(outs, outs, 3, 1)
            )
            same = stride == 1 and ins == outs
            self.side = nn.Identity() if same else filters(ins, outs, 1, stride)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.main(x) + self.side(x))

    return Basic


def rows() -> Any:
    """The recurrence over rows."""

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.out = nn.LSTM(28, 64, batch_first=True), nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return self.out(self.cell(x)[0][:, -1])

    return Rows


def files_of(package: str) -> int:
    """Bytes of a package's shared libraries."""
    folder = Path(importlib.import_module(package).__file__ or "").parent
    return sum(path.stat().st_size for path in folder.rglob("*.so*") if not path.is_symlink())


START = "import sys; sys.path.insert(0, {here!r}); import built_peers as b; import torch; {rest}"


class Eager:
    """PyTorch as it is."""

    name = "PyTorch eager"

    def __init__(self, name: str, folder: Path) -> None:
        self.network, self.folder = name, folder
        self.model = network(name).eval()
        torch.save(self.model.state_dict(), folder / "weights.pt")

    def call(self, batch: int) -> Callable[[], object]:
        """A call without a tape."""
        images = images_of(self.network, batch)

        def run() -> object:
            with torch.inference_mode():
                return self.model(images)

        return run

    def size(self) -> int:
        """The weights, and PyTorch's libraries."""
        return (self.folder / "weights.pt").stat().st_size + files_of("torch")

    def start(self) -> list[str]:
        """Build the network, take the weights, run."""
        rest = f"m = b.network({self.network!r}).eval();"
        rest += f" m.load_state_dict(torch.load({str(self.folder / 'weights.pt')!r}));"
        return python(f"{rest} print(m(b.images_of({self.network!r}, 1)))")


class Inductor:
    """AOTInductor: one package for each batch size."""

    name = "AOTInductor"

    def __init__(self, name: str, folder: Path) -> None:
        self.network, self.folder = name, folder
        self.model = network(name).eval()

    def package(self, batch: int) -> str:
        """The compiled network."""
        path = self.folder / f"{batch}.pt2"
        if not path.exists():
            with torch.inference_mode():
                exported = torch.export.export(self.model, (images_of(self.network, batch),))
            torch._inductor.aoti_compile_and_package(exported, package_path=str(path))
        return str(path)

    def call(self, batch: int) -> Callable[[], object]:
        """A call of the package."""
        found, images = (
            torch._inductor.aoti_load_package(self.package(batch)),
            images_of(self.network, batch),
        )

        def run() -> object:
            with torch.inference_mode():
                return found(images)

        return run

    def size(self) -> int:
        """The package, and PyTorch's libraries."""
        return Path(self.package(1)).stat().st_size + files_of("torch")

    def start(self) -> list[str]:
        """Load the package, run."""
        rest = f"m = torch._inductor.aoti_load_package({self.package(1)!r});"
        return python(f"{rest} print(m(b.images_of({self.network!r}, 1)))")


class Onnx:
    """onnxruntime, with the file that PyTorch exports."""

    name = "onnxruntime"

    def __init__(self, name: str, folder: Path) -> None:
        self.network, self.path = name, folder / "model.onnx"
        model, images = network(name).eval(), images_of(name, 2)
        torch.onnx.export(
            model, (images,), str(self.path), dynamo=False, input_names=["x"],
            dynamic_axes={"x": {0: "n"}}, opset_version=17,
        )  # fmt: skip

    def session(self) -> Any:
        """A session on one thread."""
        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        return runtime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])

    def call(self, batch: int) -> Callable[[], object]:
        """A call of the session."""
        session, images = self.session(), images_of(self.network, batch).numpy()
        return lambda: session.run(None, {"x": images})

    def size(self) -> int:
        """The model, and the library."""
        return self.path.stat().st_size + files_of("onnxruntime")

    def start(self) -> list[str]:
        """Open the file, run."""
        shape = tuple(images_of(self.network, 1).shape)
        rest = "import numpy as np, onnxruntime as o; s = o.InferenceSession("
        rest += f"{str(self.path)!r}, providers=['CPUExecutionProvider'])"
        return [
            sys.executable, "-c", f"{rest}; print(s.run(None, {{'x': np.zeros({shape}, 'f4')}}))",
        ]  # fmt: skip


def python(rest: str) -> list[str]:
    """A command that runs a text beside this file."""
    return [sys.executable, "-c", START.format(here=str(Path(__file__).parent), rest=rest)]


def peers_of(name: str, folder: Path) -> list[Peer]:
    """The peers that are installed here; one that cannot run the network is said and left out."""
    if torch is None:
        return []
    torch.set_num_threads(1)
    found: list[Peer] = []
    for kind in (Onnx, Eager, Inductor):
        try:
            peer = kind(name, folder)
            peer.call(1)()
            found.append(peer)
        except Exception as fault:  # whatever a peer raises is its own
            print(f"{kind.name} is left out: {type(fault).__name__}: {fault}", file=sys.stderr)
    return found
