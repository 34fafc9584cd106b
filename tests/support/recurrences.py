"""Networks over sequences, of every operator of time, and data of all kinds of lengths for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.index import Take
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import (
    AtLast,
    Last,
    Length,
    Previous,
    Reverse,
    TimeBroadcast,
    TimePosition,
    TimeSum,
)
from gradc_compiler.ops.sorting import ArgSort, TakeAlong
from gradc_compiler.transform.differentiate import differentiate

SIZES = {"W": (13, 13), "U": (13, 7), "start": (13,), "table": (5, 7), "seed": (), "step": ()}
KINDS = {
    "unequal": lambda rng, n, longest: rng.integers(0, longest, n),
    "equal": lambda rng, n, longest: np.full(n, longest // 2),
    "empty": lambda rng, n, longest: np.zeros(n, np.int64),
    "of one": lambda rng, n, longest: np.ones(n, np.int64),
    "one is long": lambda rng, n, longest: np.where(np.arange(n) == n // 2, 7 * longest, 1),
}


class Net:
    """A builder with the parameters of SIZES and two inputs: x over t, v of the whole example."""

    def __init__(self) -> None:
        self.b = Builder()
        self.x = self.b.add(Input("x", (7,), None, "t"))
        self.v = self.b.add(Input("v", (13,)))
        self.parameters = {
            name: self.b.add(PersistentOp(name, shape, name in ("seed", "step")))
            for name, shape in SIZES.items()
        }

    def parameter(self, name: str) -> Value:
        return self.parameters[name]

    def times(self, name: str, x: Value) -> Value:
        matrix = self.parameter(name)
        maps = ((index(0), index(1)), (index(1),))
        return self.b.add(Contract(matrix.shape, maps, (index(0),), matrix.shape[:1]), matrix, x)

    def elman(self, x: Value, backwards: bool = False) -> Value:
        """h[t] = tanh(W h[t - 1] + U x[t] + v)."""
        loop = self.b.new_loop()
        time = x.type.time
        assert time is not None
        before = self.b.add(Previous(loop, time, backwards), self.parameter("start"))
        inner = self.times("W", before) + self.times("U", x) + self.v
        h = inner.apply("tanh", inner)
        self.b.carries[loop] = h.id
        return h

    def square(self, x: Value) -> Value:
        return self.b.add(Contract(x.shape, ((index(0),), (index(0),)), (), ()), x, x)

    def loss(self, x: Value, *parameters: str) -> Graph:
        """The mean of |x|^2 and its gradients."""
        square = self.square(x)
        if square.type.time is not None:
            square = self.b.add(TimeSum(), square)
        wanted = [self.parameter(name) for name in parameters]
        found = differentiate(self.b, square, wanted, mean=True)
        outputs = {f"d{n}": g.id for n, g in zip(parameters, found, strict=True)}
        return self.b.graph({"loss": self.b.add(BatchMean(), square).id, "x": x.id, **outputs})


def forwards() -> Graph:
    net = Net()
    return net.loss(net.b.add(Last(), net.elman(net.x)), "W", "U", "start")


def every_state() -> Graph:
    net = Net()
    return net.loss(net.elman(net.x), "W", "U", "start")


def both_directions() -> Graph:
    net = Net()
    return net.loss(net.elman(net.x) * net.elman(net.x, backwards=True), "W", "U")


def stacked() -> Graph:
    net = Net()
    inner = net.elman(net.x)
    loop = net.b.new_loop()
    before = net.b.add(Previous(loop, "t"), net.b.constant(0.5, (13,)))
    outer = net.times("W", before) + inner * before
    h = outer.apply("sigmoid", outer)
    net.b.carries[loop] = h.id
    return net.loss(net.b.add(Last(), h), "W", "U", "start")


def of_every_operator() -> Graph:
    net = Net()
    b, h = net.b, net.times("U", net.x)
    place = b.add(TimePosition("t")).apply("add", b.add(TimePosition("t")), 1.0)
    mean = b.add(TimeSum(), h) / (b.add(Length("t")) + 1.0)
    mixed = (
        b.add(Reverse(), h) * place + b.add(TimeBroadcast("t"), mean) - b.add(AtLast("t"), net.v)
    )
    first = b.add(Last(first=True), mixed) + b.add(AtLast("t", first=True), net.v) * 0.5
    return net.loss(first, "U")


def in_order() -> Graph:
    """Running sums of what is sorted, and numbers of the example in the order of each step."""
    net = Net()
    b, h = net.b, net.elman(net.x)
    order = b.add(ArgSort(), h)
    sums = b.add(CumSum(0, backwards=True), b.add(TakeAlong(), h, order))
    return net.loss(sums + b.add(TakeAlong(), net.v, order), "W", "U", "start")


def embedded() -> Graph:
    net = Net()
    token = net.b.add(Input("token", (), 5, "t"))
    return net.loss(net.elman(net.b.add(Take(), net.parameter("table"), token)), "table", "W")


def two_times() -> Graph:
    net = Net()
    y = net.b.add(Input("y", (7,), None, "other"))
    read = net.b.add(Last(), net.elman(net.x))
    loop = net.b.new_loop()
    before = net.b.add(Previous(loop, "other"), read)
    inner = net.times("W", before) + net.times("U", y)
    h = inner.apply("tanh", inner)
    net.b.carries[loop] = h.id
    return net.loss(h, "W", "U", "start")


def of_fixed_length() -> Graph:
    net = Net()
    loop = net.b.new_loop()
    before = net.b.add(Previous(loop, 9), net.v)
    h = net.times("W", before).apply("tanh", net.times("W", before))
    net.b.carries[loop] = h.id
    return net.loss(h, "W")


def with_noise() -> Graph:
    net = Net()
    drawn = net.b.add(
        Random(3, (7,), normal=True, time="t"), net.parameter("seed"), net.parameter("step")
    )
    return net.loss(net.elman(net.x + drawn), "U")


def convolved() -> Graph:
    """Each element convolved with itself read outside its range: a border in every row."""
    net = Net()
    shifted = (Affine(((0, 1), (1, 1)), -1),)
    op = Contract((7, 3), (shifted, (index(1),)), (index(0),), (7,))
    doubled = net.x + net.x
    weights = net.b.add(Contract((3,), ((index(0),),), (index(0),), (3,)), net.parameter("start"))
    return net.loss(net.times("U", net.b.add(op, doubled, weights)), "U", "start")


NETS: dict[str, Callable[[], Graph]] = {
    f.__name__.replace("_", " "): f
    for f in (
        forwards, every_state, both_directions, stacked, of_every_operator, in_order, embedded,
        two_times, of_fixed_length, with_noise, convolved,
    )
}  # fmt: skip


def given(rng: np.random.Generator, kind: str, batch: int, longest: int = 40) -> dict[str, Any]:
    lengths = {
        name: np.asarray(KINDS[kind](rng, batch, longest), np.int64) for name in ("t", "other")
    }
    rng.shuffle(lengths["other"])

    def ragged(time: str, *shape: int) -> Ragged:
        return Ragged(rng.normal(size=(lengths[time].sum(), *shape)), lengths[time])

    return {
        **{f"length/{time}": n for time, n in lengths.items()},
        "x": ragged("t", 7),
        "y": ragged("other", 7),
        "token": Ragged(rng.integers(0, 5, lengths["t"].sum()), lengths["t"]),
        "v": rng.normal(size=(batch, 13)),
    }


def parameters(rng: np.random.Generator) -> dict[str, Any]:
    found = {name: 0.4 * rng.normal(size=shape) for name, shape in SIZES.items()}
    return {**found, "seed": np.array(3), "step": np.array(2)}
