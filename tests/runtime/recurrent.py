"""A recurrent network built by hand: an Elman cell, what it says at every step, and a sum of both
kinds of loss.

    h[t] = tanh(W h[t - 1] + U x[t] + E k[t])     k[t]: a label beside x[t]
    said[t] = V . h[t]                            a sequence, T long
    loss = (V . h[end] - y)^2 + (the sum over t of (said[t] - z[t])^2) / (T + 1)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import SCALAR, Kind, TensorType
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.machine.targets import TARGETS
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.index import Increment, Take
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.leaf import PersistentOp as Read
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import Last, Length, Previous, TimeSum
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import DataSource, Persistent, Program, Training, TrainStep
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_compiler.transform.differentiate import differentiate
from gradc_runtime.data import Dataset, from_arrays
from gradc_runtime.session.session import Session

FIELDS = (
    ("x", TensorType((2,), time="n")),
    ("k", TensorType((), Kind.INDEX, 5, "n")),
    ("z", TensorType((), time="n")),
    ("y", SCALAR),
)
SHAPES = {"net.W": (3, 3), "net.U": (3, 2), "net.E": (5, 3), "net.V": (3,)}
RATE = 0.05


def product(matrix: Value, x: Value) -> Value:
    """W x, or w . x."""
    *rows, columns = matrix.shape
    last = len(rows)
    maps = (tuple(index(i) for i in range(last + 1)), (index(last),))
    op = Contract((*rows, columns), maps, tuple(index(i) for i in range(last)), tuple(rows))
    return matrix.builder.add(op, matrix, x)


class Net:
    """A builder that has the fields, the parameters and the states of the cell."""

    def __init__(self) -> None:
        b = self.builder = Builder()
        self.fields = {n: b.add(Input(n, t.shape, t.classes, t.time)) for n, t in FIELDS}
        self.parameters = {name: b.add(Read(name, shape)) for name, shape in SHAPES.items()}
        loop = b.new_loop()
        before = b.add(Previous(loop, "n"), b.constant(0.0, (3,)))
        label = b.add(Take(), self.parameters["net.E"], self.fields["k"])
        inner = product(self.parameters["net.W"], before) + label
        inner = inner + product(self.parameters["net.U"], self.fields["x"])
        self.state = inner.apply("tanh", inner)
        b.carries[loop] = self.state.id
        self.said = product(self.parameters["net.V"], self.state)
        self.last = product(self.parameters["net.V"], b.add(Last(), self.state))

    def loss(self) -> Value:
        """Of one example."""
        b, miss = self.builder, self.said - self.fields["z"]
        count = b.add(Length("n")) + 1.0
        error = self.last - self.fields["y"]
        return error * error + b.add(TimeSum(), miss * miss) / count


def wanted(net: Net, name: str) -> dict[str, Value]:
    """What an entry gives."""
    if name == "says":
        return {"said": net.said, "last": net.last}
    loss = net.loss()
    if name == "evaluate":
        return {"loss": loss}
    found = differentiate(net.builder, loss, list(net.parameters.values()), mean=True)
    gradients = dict(zip(net.parameters, found, strict=True))
    mean = {"loss": net.builder.add(BatchMean(), loss)}
    if name == "gradients":
        return mean | {Tagged(Role.GRADIENT, key): gradient for key, gradient in gradients.items()}
    moved = {Tagged(Role.UPDATE, k): net.parameters[k] - g * RATE for k, g in gradients.items()}
    step = net.builder.add(Increment(), net.builder.add(Read("step", (), True)))
    return mean | moved | {Tagged(Role.UPDATE, "step"): step}


def offsets() -> dict[str, int]:
    """Where each persistent lies."""
    sizes = [int(np.prod(shape)) for shape in SHAPES.values()]
    return dict(zip((*SHAPES, "step"), np.cumsum([0, *sizes]).tolist(), strict=True))


def entry(name: str, target: str) -> Entry:
    """One of `says`, `train`, `gradients` and `evaluate`."""
    net = Net()
    outputs = {key: value.id for key, value in wanted(net, name).items()}
    return schedule(name, optimise(net.builder.graph(outputs)), offsets(), target=target)


def initial(shape: tuple[int, ...], value: float) -> Graph:
    """A graph of one number everywhere."""
    builder = Builder()
    return builder.graph({"value": builder.constant(value, shape).id})


def program(**settings: float) -> Program:
    """The whole program, with the given training settings."""
    count, at = TensorType((), Kind.INDEX), offsets()
    persistents = [
        Persistent(name=name, type=TensorType(shape), role="parameter", offset=at[name],
                   initial=initial(shape, 0.1 * (k + 1)))
        for k, (name, shape) in enumerate(SHAPES.items())
    ]  # fmt: skip
    persistents.append(
        Persistent(
            name="step", type=count, role="counter", offset=at["step"], initial=initial((), 0.0)
        )
    )
    step = TrainStep(
        name="train", entry="train", gradients="gradients", evaluate="evaluate", loss="loss",
        reports=(), over=tuple(SHAPES),
    )  # fmt: skip
    made = Program(
        name="recurrent", source="# a net\n", persistents=tuple(persistents),
        persistent_words=at["step"] + 1, models={"says": "says"},
        entries={},
        training=Training(data="d", steps=(step,), settings=settings),
        data=(DataSource(name="d", fields=FIELDS, function="none"),), evaluate=evaluate,
        inputs={"says": dict(FIELDS[:2])},
    )  # fmt: skip
    names = ("says", "train", "gradients", "evaluate")
    on = {t: replace(made, entries={name: entry(name, t) for name in names}) for t in TARGETS}
    return on["cpu"].with_forms(on)


def session(dtype: str = "float32", target: str = "reference") -> Session:
    """A session."""
    return Session(program(), target, dtype, threads=1)


def arrays(lengths: Any, seed: int = 0) -> dict[str, Any]:
    """Examples of these lengths."""
    rng, lengths = np.random.default_rng(seed), np.asarray(lengths, np.int64)
    rows = int(lengths.sum())
    return {
        "x": Ragged(rng.normal(size=(rows, 2)), lengths),
        "k": Ragged(rng.integers(0, 5, rows), lengths),
        "z": Ragged(rng.normal(size=rows), lengths),
        "y": rng.normal(size=len(lengths)),
    }


def examples(count: int = 50, longest: int = 9, dtype: str = "float32") -> Dataset:
    """A data set of many lengths, 0 and 1 among them."""
    lengths = np.random.default_rng(1).integers(0, longest + 1, count)
    return from_arrays(FIELDS, arrays(lengths), dtype=dtype)
