"""Dense and convolutional networks in Keras, on JAX: `train_on_batch`, and the model called.

A model is compiled as `fit` would compile it; there is no way to several steps in one call that
takes the same batch.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"
from typing import Any

import jax
import keras
import numpy as np
from keras import layers
from layers import Convolution, Dense, Layer, Pool
from workloads import Workload

VERSION = keras.__version__
LOSSES = {"cross_entropy": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}


def load(threads: int) -> None:
    """The number of threads was given by the processes' cores."""


def covers(workload: Workload, variant: str) -> bool:
    """Where Keras has every layer under its own name, with its own padding."""
    known = all(isinstance(x, Dense | Pool) or is_plain(x) for x in workload.layers())
    return known and workload.loss in LOSSES and workload.optimizer in ("adam", "sgd")


def is_plain(layer: Layer) -> bool:
    """A convolution of a square kernel, whose padding Keras can say."""
    return isinstance(layer, Convolution)


class Run:
    """One workload."""

    steps = 1

    def __init__(self, workload: Workload) -> None:
        data, values = workload.data(), iter(workload.start())
        self.x, self.y = data["x"], data["y"]
        self.model = keras.Sequential([keras.Input(workload.image), *stages(workload)])
        weights = [turned(next(values)) for layer in workload.layers() for _ in layer.shapes()]
        self.model.set_weights(weights)
        rates = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
        optimizer = rates[workload.optimizer](
            workload.rate, **({"epsilon": 1e-8} if workload.optimizer == "adam" else {})
        )
        self.model.compile(optimizer, LOSSES[workload.loss])
        self.called = jax.jit(
            lambda trained, rest, x: self.model.stateless_call(trained, rest, x)[0]
        )

    def step(self) -> Any:
        """One step."""
        return self.model.train_on_batch(self.x, self.y)

    advance = step

    def infer(self) -> Any:
        """The compiled model called, without the work of `predict` around it."""
        trained = [v.value for v in self.model.trainable_variables]
        rest = [v.value for v in self.model.non_trainable_variables]
        return self.called(trained, rest, self.x)

    def wait(self, token: Any) -> None:
        """`train_on_batch` gives a number of Python, so it has waited."""
        jax.block_until_ready(token)

    def loss(self, token: Any) -> float:
        """Of the last step alone: a metric of Keras is a mean over steps since it was reset."""
        return float(token)

    def numbers(self, token: Any) -> np.ndarray:
        """The output."""
        return np.asarray(token)


def stages(workload: Workload) -> list[Any]:
    """The network, layer by layer."""
    found: list[Any] = []
    images = len(workload.image) == 3
    for layer in workload.layers():
        match layer:
            case Pool():
                found.append(layers.MaxPooling2D(2))
            case Convolution():
                rows, columns = layer.padding
                found.append(layers.ZeroPadding2D((rows, columns)))
                found.append(
                    layers.Conv2D(
                        layer.filters, layer.kernel, layer.stride, activation=layer.after or None
                    )
                )
            case Dense():
                if images:
                    found.append(layers.Flatten())
                    images = False
                found.append(layers.Dense(layer.units, activation=layer.after or None))
    return found


def turned(value: np.ndarray) -> np.ndarray:
    """A matrix [units, n] as [n, units], a kernel [filters, h, w, c] as [h, w, c, filters]."""
    return np.moveaxis(value, 0, -1) if value.ndim > 1 else value


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload)
