"""The workloads: what every framework computes, from which start, on which batch.

A workload names its spec, its batch, and the same network as a list of layers for the peers.
First values and data are drawn here by NumPy, so all begin alike.  Parameters are a list in the
order in which the spec makes them: dense W [units, inputs], b [units]; convolution W [filters,
rows, columns, channels], b [filters].  Images are [examples, rows, columns, channels].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise
from math import prod, sqrt
from pathlib import Path

import numpy as np
from layers import Convolution, Dense, Layer, Line, Network, Pool, Recurrence, Transformer

Arrays = dict[str, np.ndarray]
CLASSES = 10  # of images


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    name: str
    spec: str
    batch: int
    image: tuple[int, ...]
    parts: dict[str, tuple[Layer, ...]]
    loss: str = "cross_entropy"  # "each": of every position; "fit": squares of the distance to y;
    # "squares": of that to x; "vae", "gan"; "tokens": kinds of every position; "noise"
    rate: float = 1e-3
    noise: dict[str, int] = field(default_factory=dict)
    optimizer: str = "adam"  # or "sgd", "momentum"
    at_once: int = 50  # steps of one call, where a framework can
    clip: float = 0.0  # the most that all gradients together are long; 0: any length
    kinds: int = 0  # of tokens

    def file(self) -> Path:
        """The spec; real sizes have a folder of their own, as tests go over all of `specs`."""
        folders = (Path(__file__).parent / name for name in ("specs", "sizes"))
        return next(p for f in folders if (p := f / f"{self.spec}.nn").exists())

    def layers(self) -> list[Layer]:
        """All layers, in the order in which the spec makes their parameters."""
        return [layer for part in self.parts.values() for layer in part]

    def start(self) -> Iterator[np.ndarray]:
        """First values of all parameters, uniform within 1 / sqrt(inputs of a unit).

        One after the other, and drawn row by row, as a draw is in float64: so a framework's peak of
        memory is its own.
        """
        rng = np.random.default_rng(1234)
        gains = (g for x in self.layers() for g in gains_of(x))
        for layer in self.layers():
            bound = 1.0
            for shape in layer.shapes():
                bound = 1 / sqrt(prod(shape[1:])) if len(shape) > 1 else bound
                value = np.empty(shape, np.float32)
                for row in value.reshape(shape[0] if len(shape) > 1 else 1, -1):
                    row[...] = rng.uniform(-bound, bound, row.shape)
                yield 1 + value if next(gains) else value

    def data(self) -> Arrays:
        """One batch, used for every step."""
        rng = np.random.default_rng(4321)
        arrays: Arrays = {"x": rng.uniform(0, 1, (self.batch, *self.image)).astype(np.float32)}
        if self.loss == "fit":
            arrays["y"] = np.sin(2 * arrays["x"])
        if self.loss == "each":
            kinds = self.image[-1]
            for name in ("x", "y"):
                tokens = rng.integers(0, kinds, (self.batch, *self.image[:-1]))
                arrays[name] = np.eye(kinds, dtype=np.float32)[tokens]
        if self.loss == "tokens":
            tokens = rng.integers(0, self.kinds, (2, self.batch, *self.image)).astype(np.int32)
            arrays = {"x": tokens[0], "y": tokens[1]}
        if self.loss == "noise":
            arrays["t"] = rng.integers(0, 100, self.batch).astype(np.float32)
            arrays["y"] = rng.standard_normal(arrays["x"].shape).astype(np.float32)
        if self.loss == "cross_entropy":
            last = self.layers()[-1]
            units = last.units if isinstance(last, Dense) else CLASSES
            arrays["y"] = rng.integers(0, units, self.batch).astype(np.int32)
        for name, size in self.noise.items():
            arrays[name] = rng.standard_normal((self.batch, size)).astype(np.float32)
        return arrays


def gains_of(layer: Layer) -> Iterator[bool]:
    """Whether each parameter of a layer is to be near 1."""
    if isinstance(layer, Network):
        yield from layer.gains()
    else:
        yield from (False for _ in layer.shapes())


def dense(*sizes: int, after: str = "relu") -> tuple[Layer, ...]:
    """Dense layers between these sizes; a function after all but the last."""
    pairs = list(pairwise(sizes))
    last = len(pairs) - 1
    return tuple(Dense(a, b, after if k < last else "") for k, (a, b) in enumerate(pairs))


def convolution(channels: int, filters: int, size: int, stride: int, padding: int) -> Convolution:
    """A square kernel."""
    pairs = [(n, n) for n in (size, stride, padding)]
    return Convolution(channels, filters, *pairs)


SMALL_CNN = (
    convolution(1, 8, 5, 2, 2),
    convolution(8, 16, 3, 2, 1),
    convolution(16, 32, 3, 2, 1),
    convolution(32, 32, 3, 2, 1),
    convolution(32, 32, 2, 1, 0),
    Dense(32, 10, ""),
)
LARGE_CNN = (
    convolution(3, 64, 3, 1, 1),
    convolution(64, 64, 3, 1, 1),
    Pool(),
    convolution(64, 128, 3, 1, 1),
    convolution(128, 128, 3, 1, 1),
    Pool(),
    Dense(8 * 8 * 128, 256),
    Dense(256, 10, ""),
)
ODD_CNN = (
    Convolution(13, 13, (7, 3), (2, 1), (3, 1)),
    Convolution(13, 29, (3, 5), (1, 2), (1, 2)),
    Dense(15 * 16 * 29, 7, ""),
)


def tiny() -> Iterator[Workload]:
    """Fits of a few numbers, where everything but the arithmetic counts."""
    many = {"optimizer": "sgd", "at_once": 1000}
    for batch, steps in ((1, 10000), (1024, 1000)):  # so that a call is the less part of the time
        line = {"net": (Line(),)}
        settings = many | {"at_once": steps}
        yield Workload(f"W1-b{batch}", "house", batch, (), line, "fit", 1e-2, **settings)
    curve = {"net": dense(1, 10, 10, 10, 1, after="tanh")}
    yield Workload("W2-b32", "curve", 32, (1,), curve, "fit", 1e-2, **many)
    yield Workload("W3-b64", "circle", 64, (2,), {"net": dense(2, 8, 2)}, rate=1e-1, **many)


def workloads() -> list[Workload]:
    """All rows, in order."""
    rows = list(tiny())
    for batch in (1, 32, 128, 512):
        parts = {"net": dense(784, 512, 256, 10)}
        rows.append(Workload(f"W4-b{batch}", "mlp", batch, (784,), parts))
    for batch in (1, 32, 128, 512):
        rows.append(Workload(f"W5-b{batch}", "cnn", batch, (28, 28, 1), {"net": SMALL_CNN}))
    rows.append(Workload("W6-b32", "large_cnn", 32, (32, 32, 3), {"net": LARGE_CNN}))
    for number, kind in ((7, "rnn"), (8, "lstm"), (9, "gru")):
        spec = "elman" if kind == "rnn" else kind
        recurrent = {"net": (Recurrence(kind, 32, 128), Dense(128, 10, ""))}
        rows.append(Workload(f"W{number}-b32", spec, 32, (50, 32), recurrent))
    codes = {"net": dense(784, 256, 64, 2, 64, 256, 784)}
    codes["net"] = tuple(
        Dense(d.inputs, d.units, "" if d.units in (2, 784) else "relu")
        for d in codes["net"]
        if isinstance(d, Dense)
    )
    rows.append(Workload("W10-b128", "autoencoder", 128, (784,), codes, "squares"))
    halves = {"encode": dense(784, 256, 64, 4), "decode": dense(2, 64, 256, 784)}
    rows.append(Workload("W11-b128", "vae", 128, (784,), halves, "vae", noise={"eps": 2}))
    pair = {"net": dense(16, 128, 256, 784), "judge": dense(784, 256, 128, 1)}
    noise = {"z1": 16, "z2": 16}
    rows.append(Workload("W12-b64", "gan", 64, (784,), pair, "gan", 2e-4, noise))
    block = {"net": (Transformer(),)}
    rows.append(Workload("W13-b16", "transformer", 16, (64, 64), block, "each"))
    for batch in (1, 5, 33):
        parts = {"net": dense(37, 113, 51, 7)}
        rows.append(Workload(f"odd-mlp-b{batch}", "odd_mlp", batch, (37,), parts))
        parts = {"net": ODD_CNN}
        rows.append(Workload(f"odd-cnn-b{batch}", "odd_cnn", batch, (29, 31, 13), parts))
    return rows


VGG = (
    convolution(3, 64, 3, 1, 1),
    Pool(),
    convolution(64, 128, 3, 1, 1),
    Pool(),
    convolution(128, 256, 3, 1, 1),
    convolution(256, 256, 3, 1, 1),
    Pool(),
    convolution(256, 512, 3, 1, 1),
    convolution(512, 512, 3, 1, 1),
    Pool(),
    convolution(512, 512, 3, 1, 1),
    convolution(512, 512, 3, 1, 1),
    Pool(),
    Dense(512, 10, ""),
)


def real_sizes() -> Iterator[Workload]:
    """What people train; one step a call, as a step takes long."""
    one = {"at_once": 1}
    wide = {"net": dense(784, 4096, 4096, 10)}
    yield Workload("S1-b256", "s1_wide", 256, (784,), wide, **one)
    cells = Recurrence("lstm", 128, 512, last=False), Recurrence("lstm", 512, 512)
    lstm = {"net": (*cells, Dense(512, 10, ""))}
    yield Workload("S2-b64", "s2_lstm", 64, (100, 128), lstm, **one)
    images = {"image": (32, 32, 3), **one}
    net = {"net": (Network("resnet18"),)}
    slow = {"rate": 1e-2, "optimizer": "momentum"}
    yield Workload("S3-b32", "s3_resnet18", 32, parts=net, **slow, **images)
    for name, batch, length, clip in (("S4", 16, 128, 1.0), ("S5", 8, 512, 0.0)):
        spec, network = ("s4_gpt", "gpt") if name == "S4" else ("s5_gpt512", "gpt512")
        words = {"loss": "tokens", "kinds": 96, "clip": clip, **one}
        net = {"net": (Network(network),)}
        yield Workload(f"{name}-b{batch}", spec, batch, (length,), net, **words)
    yield Workload("VGG11-b40", "vgg11", 40, parts={"net": VGG}, **images)
    net = {"net": (Network("wavenet"),)}
    yield Workload("WaveNet-b8", "wavenet", 8, (512,), net, loss="tokens", kinds=256, **one)
    net = {"net": (Network("ddpm"),)}
    yield Workload("DDPM-b16", "ddpm", 16, parts=net, loss="noise", **images)


WORKLOADS = {workload.name: workload for workload in chain(workloads(), real_sizes())}
