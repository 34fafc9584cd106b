"""Dense networks and recurrences in PyTensor by Numba: one function a step, all values shared."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # else its threads starve those of BLAS
import numpy as np
import pytensor
import pytensor.tensor as pt
import threadpoolctl
from layers import Dense, Layer, Line, Recurrence
from workloads import Workload

VERSION = pytensor.__version__
LOSSES = ("cross_entropy", "fit", "squares")
FIRST, SECOND, ONE = np.float32(0.9), np.float32(0.999), np.float32(1)  # of Adam
FUNCTIONS = {"relu": lambda y: pt.maximum(y, np.float32(0)), "tanh": pt.tanh, "": lambda y: y}


def load(threads: int) -> None:
    """Use this many threads in matrix products."""
    pytensor.config.floatX = "float32"
    threadpoolctl.threadpool_limits(threads)


def covers(workload: Workload, variant: str) -> bool:
    """It has no convolution of many channels, and takes seconds for a step of the real sizes."""
    own = workload.at_once > 1 and all(
        isinstance(layer, Dense | Line | Recurrence) for layer in workload.layers()
    )
    return own and workload.loss in LOSSES


def apply(layer: Layer, values: list[Any], x: Any) -> Any:
    """One layer."""
    match layer:
        case Line():
            return values[0] + values[1] * x
        case Recurrence():
            return recurrence(layer, values, x)
        case Dense():
            return FUNCTIONS[layer.after](pt.dot(x, values[0].T) + values[1])
    raise AssertionError(f"{layer} is not covered")


def recurrence(layer: Recurrence, values: list[Any], x: Any) -> Any:
    """The last state; the products with the input are one, before the scan."""
    n = layer.units
    W, U, b, *more = values
    seen = pt.dot(x.dimshuffle(1, 0, 2), U.T) + b
    zeros = pt.zeros((x.shape[0], n), dtype="float32")

    def cut(v: Any) -> list[Any]:
        return [v[:, k * n : (k + 1) * n] for k in range(layer.gates)]

    def rnn(s: Any, h: Any, W: Any) -> Any:
        return pt.tanh(s + pt.dot(h, W.T))

    def lstm(s: Any, h: Any, c: Any, W: Any) -> Any:
        i, f, g, o = cut(s + pt.dot(h, W.T))
        c = pt.sigmoid(f) * c + pt.sigmoid(i) * pt.tanh(g)
        return pt.sigmoid(o) * pt.tanh(c), c

    def gru(s: Any, h: Any, W: Any, c: Any) -> Any:
        (sr, sz, sn), (hr, hz, hn) = cut(s), cut(pt.dot(h, W.T) + c)
        r, z = pt.sigmoid(sr + hr), pt.sigmoid(sz + hz)
        return z * h + (ONE - z) * pt.tanh(sn + r * hn)

    cell = {"rnn": rnn, "lstm": lstm, "gru": gru}[layer.kind]
    states = pytensor.scan(
        cell,
        sequences=[seen],
        outputs_info=[zeros] * (2 if layer.kind == "lstm" else 1),
        non_sequences=[W, *more],
        strict=True,
        return_updates=False,
    )
    return (states[0] if layer.kind == "lstm" else states)[-1]


class Run:
    """One workload."""

    steps = 1

    def __init__(self, workload: Workload) -> None:
        self.parameters = [shared(value) for value in workload.start()]
        data = {name: shared(value) for name, value in workload.data().items()}
        given = iter(self.parameters)
        output = data["x"]
        for layer in workload.layers():
            output = apply(layer, [next(given) for _ in layer.shapes()], output)
        loss = compared(workload.loss, output, data)
        slopes = pt.grad(loss, self.parameters)
        rule = {"adam": adam, "sgd": sgd}[workload.optimizer]
        updates = rule(self.parameters, slopes, np.float32(workload.rate))
        made = {"mode": "NUMBA", "trust_input": True}
        self.step = self.advance = pytensor.function([], loss, updates=updates, **made)
        self.infer = pytensor.function([], output, **made)

    def wait(self, token: Any) -> None:
        """Nothing is left to do."""

    def loss(self, token: Any) -> float:
        """The number."""
        return float(token)

    def numbers(self, token: Any) -> np.ndarray:
        """They are such."""
        return np.asarray(token)


def shared(value: np.ndarray) -> Any:
    """A value that stays, of this very shape."""
    return pytensor.shared(np.array(value), shape=value.shape)


def compared(kind: str, output: Any, data: dict[str, Any]) -> Any:
    """The loss."""
    if kind != "cross_entropy":
        return ((output - data["x" if kind == "squares" else "y"]) ** 2).mean()
    greatest = output.max(1)
    total = pt.log(pt.exp(output - greatest.dimshuffle(0, "x")).sum(1)) + greatest
    return (total - output[pt.arange(output.shape[0]), data["y"]]).mean()


def sgd(parameters: list[Any], slopes: list[Any], rate: np.float32) -> list[tuple[Any, Any]]:
    """Downhill."""
    pairs = zip(parameters, slopes, strict=True)
    return [(p, (p - rate * g).astype("float32")) for p, g in pairs]


def adam(parameters: list[Any], slopes: list[Any], rate: np.float32) -> list[tuple[Any, Any]]:
    """Kingma and Ba (2015)."""
    count = shared(np.array(0, np.float32))
    late = count + ONE
    size = rate / (ONE - FIRST**late)
    root = pt.sqrt(ONE - SECOND**late)
    found = [(count, late)]
    for p, g in zip(parameters, slopes, strict=True):
        m, v = (shared(np.zeros(p.get_value().shape, np.float32)) for _ in range(2))
        new = FIRST * m + (ONE - FIRST) * g
        square = SECOND * v + (ONE - SECOND) * g * g
        moved = p - size * new / (pt.sqrt(square) / root + np.float32(1e-8))
        found += [(m, new), (v, square), (p, moved)]
    return [(value, late.astype("float32")) for value, late in found]


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload)
