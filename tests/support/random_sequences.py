"""Random graphs over sequences as a hypothesis strategy, and values for them.

They grow as in `tests/support/growths.py`, along time as well: recurrences in both directions, of
one or two states, whose bodies grow at random; what crosses between examples and elements.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Time
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
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.transform.differentiate import differentiate
from tests.support import growths
from tests.support.growths import LARGEST, Grower
from tests.support.random_graphs import scalar

TIMES: tuple[Time, ...] = ("t", "t", "t", "other", 3)
Growth = Callable[[Grower], Value | None]


def plant(g: Grower) -> None:
    """Inputs of examples and of times, and parameters."""
    b = g.builder
    g.pool = [b.add(Input("x0", g.shape()))]
    g.pool += [b.add(Input(f"s{k}", g.shape(), None, t)) for k, t in enumerate(("t", "t", "other"))]
    g.pool += [b.add(PersistentOp(key, g.shape())) for key in ("p", "w")]
    g.leaves = list(g.pool)


def along(g: Grower) -> Value:
    """A sequence, seen another way."""
    x, first = g.value(), g.chance()
    if x.type.time is None:
        op = g.pick((TimeBroadcast, AtLast))
        return x.builder.add(
            op(g.pick(TIMES)) if op is TimeBroadcast else op(g.pick(TIMES), first), x
        )
    return x.builder.add(g.pick((Reverse(), TimeSum(), TimeSum(), Last(first))), x)


def measured(g: Grower) -> Value:
    """How long, or how far along."""
    one = g.builder.constant(1.0)
    return one.apply("div", one, g.builder.add(g.pick((Length, TimePosition))(g.pick(TIMES))) + 1.0)


def drawn(g: Grower) -> Value:
    """Noise on every element."""
    x, b = g.value(), g.builder
    g.draws += 1
    seed, step = (b.add(PersistentOp(k, (), index=True)) for k in ("seed", "step"))
    return x * b.add(Random(g.draws, x.shape, normal=g.chance(), time=x.type.time), seed, step)


def averaged(g: Grower) -> Value | None:
    """A mean over the examples."""
    x = g.value()
    return None if x.type.time is not None else x.builder.add(BatchMean(), x)


BODY: tuple[Growth, ...] = (
    growths.unary, growths.restricted, growths.binary, growths.binary, growths.summed,
    growths.reshaped, growths.joined, growths.contracted, growths.contracted,
)  # fmt: skip


def recurrence(g: Grower) -> Value | None:
    """One or two states, each carried on from something that was grown from them all."""
    b, time, backwards = g.builder, g.pick(TIMES), g.chance()
    starts = [x for x in g.pool if x.type.time is None]
    loops = [b.new_loop() for _ in range(g.pick((1, 1, 2)))]
    before = [b.add(Previous(loop, time, backwards), g.pick(starts)) for loop in loops]
    outside = list(g.pool)
    g.pool = [x for x in outside if x.type.time in (None, time)] + before
    for _ in range(g.pick(range(5))):
        grow(g, BODY)
    made = [fits for x in before for fits in [fitted(g.pool[-1], x) + fitted(g.value(), x)]]
    for loop, state, new in zip(loops, before, made, strict=True):
        h = new.apply("tanh", new * 0.7 + state * 0.4)
        b.carries[loop] = h.id
        outside.append(h)
    g.pool = outside
    return None


def fitted(x: Value, like: Value) -> Value:
    """A value that broadcasts to the shape of another: itself or its sum."""
    wider = len(x.shape) > len(like.shape)
    pairs = zip(reversed(x.shape), reversed(like.shape), strict=False)
    if not wider and all(m in (n, 1) for m, n in pairs):
        return x
    return sum_axes(x, range(len(x.shape)))


GROWTHS: tuple[Growth, ...] = (
    *BODY, along, along, along, along, measured, drawn, averaged, growths.greatest,
    growths.indexed, recurrence, recurrence, recurrence,
)  # fmt: skip


def grow(g: Grower, growths: tuple[Growth, ...]) -> None:
    """Append one operator on values of the pool; those of different times do not meet."""
    with suppress(TypeFault):
        made = g.pick(growths)(g)
        if made is not None and prod(made.shape) <= LARGEST:
            g.pool.append(made)


@st.composite
def sequence_graphs(draw: Any, most: int = 8) -> Graph:
    """Values of examples and of sequences, a loss and its derivatives."""
    g = Grower(draw)
    plant(g)
    for _ in range(draw(st.integers(2, most))):
        grow(g, GROWTHS)
    outputs = {f"v{x.id}": x.id for x in g.pool[-2:]}
    loss = summed(g.pool[-1]) + summed(g.value()) * 0.5
    outputs["loss"] = g.builder.add(BatchMean(), loss).id
    wrt = {key: x for x in g.leaves if (key := getattr(x.node.op, "key", "")) in ("s0", "p", "w")}
    slopes = differentiate(g.builder, loss, list(wrt.values()), mean=True)
    outputs |= {f"d{key}": s.id for key, s in zip(wrt, slopes, strict=True)}
    return g.builder.graph(outputs)


def summed(x: Value) -> Value:
    """One number of each example, in which every element counts differently."""
    if x.type.time is None:
        return scalar(x)
    place = x.builder.add(TimePosition(x.type.time)) * 0.1
    return x.builder.add(TimeSum(), scalar(x) * (place + 1.0))


def sample(
    graph: Graph, batch: int, longest: int, seed: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values of inputs, with their lengths, and of persistents."""
    rng = np.random.default_rng(seed)
    inputs: dict[str, Any] = {
        f"length/{time}": rng.integers(0, longest + 1, batch) for time in ("t", "other")
    }
    persistents: dict[str, Any] = {"seed": np.array(3), "step": np.array(2)}
    for node in graph.nodes:
        match node.op:
            case Input(key=key, shape=shape, classes=classes, time=time):
                lengths = None if time is None else inputs[f"length/{time}"]
                size = (batch if lengths is None else int(lengths.sum()), *shape)
                drawn = rng.integers(0, classes, size) if classes else rng.normal(size=size)
                inputs[key] = drawn if lengths is None else Ragged(drawn, lengths)
            case PersistentOp(key=key, shape=shape, index=False):
                persistents[key] = rng.normal(size=shape)
    return inputs, persistents
