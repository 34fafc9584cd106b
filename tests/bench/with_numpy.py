"""Dense networks in NumPy, forward and backward written by hand, every array allocated once."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import threadpoolctl
from layers import Dense, Line
from workloads import Workload

VERSION = np.__version__
FIRST, SECOND, TINY = np.float32(0.9), np.float32(0.999), np.float32(1e-8)  # of Adam
LOSSES = ("cross_entropy", "fit", "squares")


def load(threads: int) -> None:
    """Use this many threads in matrix products."""
    threadpoolctl.threadpool_limits(threads)


def covers(workload: Workload, variant: str) -> bool:
    """What a person would write by hand."""
    own = all(isinstance(layer, Dense | Line) for layer in workload.layers())
    return own and workload.loss in LOSSES


class Optimizer:
    """All parameters side by side, and their gradients."""

    def __init__(self, workload: Workload) -> None:
        start = list(workload.start())
        self.values = np.concatenate([value.ravel() for value in start])
        self.gradients = np.empty_like(self.values)
        self.first, self.second, self.work = (np.zeros_like(self.values) for _ in range(3))
        self.rate, self.count = workload.rate, 0
        self.update = {"adam": self.adam, "sgd": self.sgd}[workload.optimizer]
        shapes = [value.shape for value in start]
        self.views, self.slopes = (cut(flat, shapes) for flat in (self.values, self.gradients))

    def sgd(self) -> None:
        """Downhill."""
        self.gradients *= np.float32(self.rate)
        self.values -= self.gradients

    def adam(self) -> None:
        """Kingma and Ba (2015), in place."""
        self.count += 1
        g, work = self.gradients, self.work
        self.first *= FIRST
        self.first += np.multiply(g, 1 - FIRST, out=work)
        self.second *= SECOND
        np.multiply(g, g, out=work)
        work *= 1 - SECOND
        self.second += work
        np.sqrt(self.second, out=work)
        work *= np.float32((1 - float(SECOND) ** self.count) ** -0.5)
        work += TINY
        np.divide(self.first, work, out=work)
        work *= np.float32(self.rate / (1 - float(FIRST) ** self.count))
        self.values -= work


def cut(flat: np.ndarray, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Views of arrays that lie one after another."""
    parts = np.split(flat, np.cumsum([prod(shape) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


class Fit:
    """The line: theta1 + theta2 x."""

    steps = 1

    def __init__(self, workload: Workload) -> None:
        self.theta = [float(value) for value in workload.start()]
        self.rate = workload.rate
        self.x, self.y = (workload.data()[name] for name in ("x", "y"))
        self.advance = self.step

    def infer(self) -> np.ndarray:
        """The line at x."""
        return self.theta[0] + self.theta[1] * self.x

    def step(self) -> float:
        """One step."""
        error = self.infer() - self.y
        twice = 2 / error.size
        self.theta[0] -= self.rate * twice * float(error.sum())
        self.theta[1] -= self.rate * twice * float(error @ self.x)
        return float(error @ error) / error.size

    def wait(self, token: Any) -> None:
        """Nothing is left to do."""

    def loss(self, token: float) -> float:
        """The number."""
        return token

    def numbers(self, token: np.ndarray) -> np.ndarray:
        """They are such."""
        return token


class Run(Fit):
    """Dense layers."""

    def __init__(self, workload: Workload) -> None:
        self.layers = [layer for layer in workload.layers() if isinstance(layer, Dense)]
        self.optimizer = Optimizer(workload)
        views, slopes = self.optimizer.views, self.optimizer.slopes
        self.weights, self.biases = views[::2], views[1::2]
        self.weight_slopes, self.bias_slopes = slopes[::2], slopes[1::2]
        self.data, self.kind = workload.data(), workload.loss
        made = [np.empty((workload.batch, layer.units), np.float32) for layer in self.layers]
        self.values = [self.data["x"], *made]
        self.cotangents = [np.empty_like(value) for value in self.values]
        self.rows = np.arange(workload.batch)
        self.advance = self.step

    def infer(self) -> np.ndarray:
        """The output."""
        for k, layer in enumerate(self.layers):
            y = np.dot(self.values[k], self.weights[k].T, out=self.values[k + 1])
            y += self.biases[k]
            if layer.after == "relu":
                np.maximum(y, 0, out=y)
            elif layer.after == "tanh":
                np.tanh(y, out=y)
        return self.values[-1]

    def compared(self) -> float:
        """The loss, and its cotangent for the output."""
        y, g = self.values[-1], self.cotangents[-1]
        if self.kind != "cross_entropy":
            np.subtract(y, self.data["y" if self.kind == "fit" else "x"], out=g)
            loss = float(np.vdot(g, g)) / g.size
            g *= np.float32(2 / g.size)
            return loss
        m = y - y.max(1, keepdims=True)
        total = np.exp(m, out=g).sum(1, keepdims=True)
        loss = float((np.log(total[:, 0]) - m[self.rows, self.data["y"]]).mean())
        g /= total
        g[self.rows, self.data["y"]] -= 1
        g /= len(g)
        return loss

    def step(self) -> float:
        """One step."""
        self.infer()
        loss = self.compared()
        for k in reversed(range(len(self.layers))):
            y, g = self.values[k + 1], self.cotangents[k + 1]
            if self.layers[k].after == "relu":
                g *= y > 0
            elif self.layers[k].after == "tanh":
                g *= 1 - y * y
            np.dot(g.T, self.values[k], out=self.weight_slopes[k])
            g.sum(0, out=self.bias_slopes[k])
            if k:
                np.dot(g, self.weights[k], out=self.cotangents[k])
        self.optimizer.update()
        return loss


def build(workload: Workload, variant: str) -> Fit:
    """A run."""
    build: Callable[[Workload], Fit] = Run if isinstance(workload.layers()[0], Dense) else Fit
    return build(workload)
