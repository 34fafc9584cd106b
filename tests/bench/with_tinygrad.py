"""Dense and convolutional networks in tinygrad on the CPU; `TinyJit` replays a step's kernels.

It needs a `clang`, or a variable CC that names one.
"""

from __future__ import annotations

import importlib.metadata
import os

os.environ["DEV"] = "CPU"
import numpy as np
from layers import Convolution, Dense, Layer, Line, Pool
from tinygrad import Device, Tensor, TinyJit
from tinygrad.helpers import TRAINING
from tinygrad.nn import optim
from workloads import Workload

VERSION = importlib.metadata.version("tinygrad")
LOSSES = ("cross_entropy", "fit", "squares")


def load(threads: int) -> None:
    """The number of threads was given by CPU_COUNT."""
    TRAINING.value = 1


def covers(workload: Workload, variant: str) -> bool:
    """Not the large networks, where a step takes seconds."""
    own = all(isinstance(x, Dense | Line | Convolution | Pool) for x in workload.layers())
    return own and workload.loss in LOSSES and not workload.name.startswith(("W6", "S", "VGG"))


def apply(layer: Layer, values: list[Tensor], x: Tensor) -> Tensor:
    """One layer."""
    match layer:
        case Line():
            return values[0] + values[1] * x
        case Pool():
            return x.max_pool2d(2)
        case Convolution():
            padding = [layer.padding[1]] * 2 + [layer.padding[0]] * 2  # the last axis first
            y = x.conv2d(*values, stride=layer.stride, padding=padding)
        case Dense():
            if x.ndim == 4:  # in the order rows, columns, channels
                x = x.permute(0, 2, 3, 1).flatten(1)
            y = x @ values[0].T + values[1]
        case _:
            raise AssertionError(f"{layer} is not covered")
    return {"relu": Tensor.relu, "tanh": Tensor.tanh}[layer.after](y) if layer.after else y


class Run:
    """One workload."""

    steps = 1

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.parameters = [tensor(value).is_param_(True) for value in workload.start()]
        self.data = {name: tensor(value) for name, value in workload.data().items()}
        if workload.optimizer == "adam":
            self.optimizer = optim.Adam(self.parameters, lr=workload.rate, eps=1e-8)
        else:
            self.optimizer = optim.SGD(self.parameters, lr=workload.rate)
        self.step = self.advance = TinyJit(self.stepped)
        self.infer = TinyJit(lambda: self.output().realize())

    def output(self) -> Tensor:
        """The network's."""
        given, x = iter(self.parameters), self.data["x"]
        for layer in self.workload.layers():
            x = apply(layer, [next(given) for _ in layer.shapes()], x)
        return x

    def stepped(self) -> Tensor:
        """One step."""
        self.optimizer.zero_grad()
        y, kind = self.output(), self.workload.loss
        if kind == "cross_entropy":
            loss = y.sparse_categorical_crossentropy(self.data["y"])
        else:
            loss = ((y - self.data["x" if kind == "squares" else "y"]) ** 2).mean()
        loss.backward()
        return loss.realize(*self.optimizer.schedule_step())

    def wait(self, token: Tensor) -> None:
        """Until the numbers are there."""
        Device["CPU"].synchronize()

    def loss(self, token: Tensor) -> float:
        """The number."""
        return float(token.item())

    def numbers(self, token: Tensor) -> np.ndarray:
        """Copied."""
        return token.numpy()


def tensor(value: np.ndarray) -> Tensor:
    """An array, its channels before rows and columns; a number is one of a single element."""
    turned = value.transpose(0, 3, 1, 2) if value.ndim == 4 else np.atleast_1d(value)
    return Tensor(np.array(turned, order="C")).contiguous().realize()


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload)
