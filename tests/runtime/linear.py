"""A program small enough to write by hand: y = w . x + b, squared error, momentum, one noise draw.

Its "graphs" are Python functions, and `evaluate` calls them, so that the runtime can be tested
without the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph.types import SCALAR, Kind, TensorType
from gradc_compiler.program.arrays import Array, Result
from gradc_compiler.program.deferred import ready
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import DataSource, Persistent, Program, Training, TrainStep
from gradc_runtime.data import Dataset, from_arrays
from gradc_runtime.session.session import Session

VECTOR = TensorType((2,))
COUNT = TensorType((), Kind.INDEX)
FIELDS = (("x", VECTOR), ("y", SCALAR))
Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Stub:
    """A function that stands for a graph; it has no nodes to look into."""

    function: Callable[[Values], dict[str, Any]]
    nodes: tuple[Any, ...] = ()
    outputs: Mapping[str, int] = field(default_factory=dict)


def evaluate(graph: Any, values: Values, batch: int, dtype: str) -> dict[str, np.ndarray]:
    """Call a function that stands for a graph."""
    found: dict[str, np.ndarray] = graph.function(values)
    return {name: np.asarray(value).astype(dtype) for name, value in found.items()}


def predict(v: Values) -> dict[str, Any]:
    """The model."""
    return {"f": v["x"] @ v["f.w"] + v["f.b"]}


def gradients(v: Values) -> dict[str, Any]:
    """Mean squared error and its derivatives; the noise stands for a draw of this step."""
    noise = 1e-3 * np.sin(float(v["step"]) + float(v["seed"]))
    error = (predict(v)["f"] - v["y"] + noise).astype(np.asarray(v["x"]).dtype)
    return {
        "loss": np.mean(error**2),
        Tagged(Role.GRADIENT, "f.w"): 2 * error @ v["x"] / len(error),
        Tagged(Role.GRADIENT, "f.b"): 2 * np.mean(error),
    }


def update(v: Values) -> dict[str, Any]:
    """One step of momentum."""
    found = gradients(v)
    result = {"loss": found["loss"], Tagged(Role.UPDATE, "step"): v["step"] + 1}
    for name in ("f.w", "f.b"):
        m = np.float32(0.5) * v[f"train.m/{name}"] + found[Tagged(Role.GRADIENT, name)]
        result[Tagged(Role.UPDATE, f"train.m/{name}")] = m
        result[Tagged(Role.UPDATE, name)] = v[name] - np.float32(0.1) * m
    return result


def losses(v: Values) -> dict[str, Any]:
    """The loss of each example."""
    return {"loss": (predict(v)["f"] - v["y"]) ** 2}


def entry(
    name: str, function: Any, reads: list[str], results: list[str], outputs: list[str]
) -> Entry:
    """An entry with nothing but a graph."""
    types = dict(FIELDS)
    arrays = [Array(name=n, role="input", type=types[n]) for n in reads]
    arrays += [Array(name=n, role="output", type=SCALAR) for n in outputs]
    return Entry(
        name=name, deferred_graph=ready(Stub(function)), kernels=(), arrays=tuple(arrays),
        results=tuple(Result(name=n, type=SCALAR, offset=0) for n in results), constants=(),
        phases=(), block=1, chunks=1, uniform_words=0, block_words=0, partial_words=0,
    )  # fmt: skip


def persistent(name: str, type: TensorType, role: str, offset: int, value: Any) -> Persistent:
    """A persistent that starts at a value."""
    graph = Stub(lambda values: {"value": value})
    return Persistent(name=name, type=type, role=role, offset=offset, initial=graph)


def program(**settings: float) -> Program:
    """The whole program, with the given training settings."""
    step = TrainStep(
        name="train", entry="train", gradients="gradients", evaluate="evaluate", loss="loss",
        reports=(), over=("f.w", "f.b"),
    )  # fmt: skip
    both = ["x", "y"]
    entries = {
        "f": entry("f", predict, ["x"], [], ["f"]),
        "train": entry("train", update, both, ["loss"], []),
        "gradients": entry(
            "gradients",
            gradients,
            both,
            ["loss", Tagged(Role.GRADIENT, "f.w"), Tagged(Role.GRADIENT, "f.b")],
            [],
        ),
        "evaluate": entry("evaluate", losses, both, [], ["loss"]),
    }
    persistents = (
        persistent("f.w", VECTOR, "parameter", 0, [0.5, -0.5]),
        persistent("f.b", SCALAR, "parameter", 2, 0.0),
        persistent("train.m/f.w", VECTOR, "optimizer", 3, [0.0, 0.0]),
        persistent("train.m/f.b", SCALAR, "optimizer", 5, 0.0),
        persistent("step", COUNT, "counter", 6, 0),
        persistent("seed", COUNT, "counter", 7, 0),
    )
    return Program(
        name="line", source="# a line\n", persistents=persistents, persistent_words=8,
        models={"f": "f"}, entries=entries,
        training=Training(data="d", steps=(step,), settings=settings),
        data=(DataSource(name="d", fields=FIELDS, function="none"),), evaluate=evaluate,
    )  # fmt: skip


def session(seed: int = 0, dtype: str = "float32", **settings: float) -> Session:
    """A session on the reference target."""
    return Session(program(**settings), "reference", dtype, seed=seed)


def examples(n: int = 50) -> Dataset:
    """Points on the plane y = 2 a - b + 3."""
    x = np.random.default_rng(0).normal(size=(n, 2))
    return from_arrays(FIELDS, {"x": x, "y": x @ [2.0, -1.0] + 3.0})
