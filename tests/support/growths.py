"""The ways in which a random graph grows by an operator.

Every operand of a function with a restricted domain is first brought into it, and what jumps
(comparisons, floor) reads leaves only, so that rounding cannot change a result by much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any

from hypothesis import strategies as st

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.ops.contract import Affine, Contract, Map
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import BatchMean, Max
from gradc_compiler.ops.shape import Concat, reshape, sum_axes

SIZES = (1, 2, 3, 5)
LARGEST = 150  # elements of one example's tensor
MOST_PRODUCTS = 20_000  # of one contraction
SMOOTH = ("tanh", "sigmoid", "erf", "sin", "cos", "neg", "copy", "abs", "stop_gradient")
BINARY = ("add", "sub", "mul", "maximum", "minimum", "add", "mul")
JUMPING = ("gt", "ge", "lt", "le", "eq", "ne")


@dataclass
class Grower:
    """A builder, the values so far, and the source of choices."""

    draw: Callable[..., Any]
    builder: Builder = field(default_factory=Builder)
    pool: list[Value] = field(default_factory=list)
    leaves: list[Value] = field(default_factory=list)
    draws: int = 0

    def pick(self, choices: Iterable[Any]) -> Any:
        """One of some choices."""
        return self.draw(st.sampled_from(list(choices)))

    def value(self) -> Value:
        """A value, rather a late one than an early one."""
        return self.pool[-1 - self.draw(st.integers(0, len(self.pool) - 1))]

    def chance(self) -> bool:
        """Heads or tails."""
        return self.draw(st.booleans())

    def shape(self) -> tuple[int, ...]:
        """A small shape of rank 0 to 3."""
        return tuple(self.draw(st.lists(st.sampled_from(SIZES), max_size=3)))


def unary(g: Grower) -> Value:
    x = g.value()
    return x.apply(g.pick(SMOOTH), x)


def restricted(g: Grower) -> Value:
    """A function of a positive number, or one that must be kept from growing."""
    x = g.value()
    positive, small = x.apply("abs", x) + 0.5, x.apply("tanh", x)
    name = g.pick(("log", "sqrt", "log1p", "div", "pow", "exp", "expm1"))
    if name in ("exp", "expm1"):
        return x.apply(name, small)
    if name == "div":
        return small / positive
    return x.apply("pow", positive, small) if name == "pow" else x.apply(name, positive)


def binary(g: Grower) -> Value | None:
    a, b = g.value(), fitting(g, g.value())
    return a.apply(g.pick(BINARY), a, b) if broadcasts(a.shape, b.shape) else None


def fitting(g: Grower, b: Value) -> Value:
    """Some other value, or its sum, which fits anything."""
    return b if g.chance() else sum_axes(b, range(len(b.shape)))


def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    pairs = zip(reversed(a), reversed(b), strict=False)
    return all(m == n or 1 in (m, n) for m, n in pairs)


def jump(g: Grower) -> Value | None:
    """A comparison of leaves, perhaps as a choice between values."""
    a, b = g.pick(g.leaves), g.pick(g.leaves)
    if not broadcasts(a.shape, b.shape):
        return None
    c = a.apply(g.pick(JUMPING), a, b) if g.chance() else a.apply(g.pick(("sign", "floor")), a)
    x = g.value()
    return c.apply("where", c, x, 0.5) if broadcasts(c.shape, x.shape) else c


def summed(g: Grower) -> Value:
    x = g.value()
    axes = [j for j in range(len(x.shape)) if g.chance()]
    return sum_axes(x, axes, keep=g.chance())


def greatest(g: Grower) -> Value | None:
    x = g.value()
    axes = tuple(j for j in range(len(x.shape)) if g.chance())
    return x.builder.add(Max(axes), x) if axes else None


def reshaped(g: Grower) -> Value:
    x = g.value()
    return reshape(x, g.pick([(x.type.size,), (1, x.type.size), x.shape[::-1], (*x.shape, 1)]))


def joined(g: Grower) -> Value | None:
    x = g.value()
    if not x.shape:
        return None
    axis = g.draw(st.integers(0, len(x.shape) - 1))
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    able = [
        v
        for v in g.pool
        if len(v.shape) == len(x.shape) and v.shape[:axis] + v.shape[axis + 1 :] == rest
    ]
    return x.builder.add(Concat(axis), x, *(g.pick(able) for _ in range(g.pick((1, 2)))))


def indexed(g: Grower) -> Value | None:
    """Rows by a label, or rows summed at a label."""
    x = g.value()
    if not x.shape:
        return None
    shape = (x.shape[0],) if g.chance() else ()
    key = f"label{x.shape[0]}{'s' if shape else ''}"
    label = next((n for n in g.builder.nodes if getattr(n.op, "key", "") == key), None)
    index = g.builder.value(label.id) if label else g.builder.add(Input(key, shape, x.shape[0]))
    if shape and g.chance():
        return x.builder.add(Scatter(g.pick(SIZES)), x, index)
    return x.builder.add(Take(), x, index)


def averaged(g: Grower) -> Value:
    x = g.value()
    return x.builder.add(BatchMean(), x)


def drawn(g: Grower) -> Value:
    """A random draw, scaled by a value of its shape."""
    x, b = g.value(), g.builder
    g.draws += 1
    seed, step = (b.add(PersistentOp(k, (), index=True)) for k in ("seed", "step"))
    op = Random(g.draws, x.shape, normal=g.chance(), shared=g.chance())
    return x * b.add(op, seed, step)


def contracted(g: Grower) -> Value | None:
    """One to four values at affine positions; axes of equal sizes may share a loop."""
    xs = [g.value() for _ in range(g.pick((1, 2, 2, 3, 4)))]
    extents: list[int] = []
    maps = tuple(read(g, x.shape, extents) for x in xs)
    if prod(extents) > MOST_PRODUCTS:
        return None
    result, shape = [], []
    for loop in g.draw(st.permutations(range(len(extents)))):
        if g.chance() and prod(shape) * extents[loop] <= LARGEST:
            step, shift = g.pick((1, 1, 1, 2, -1)), g.pick((0, 0, 0, 1, -1))
            low = min(0, step * (extents[loop] - 1))
            result.append(Affine(((loop, step),), shift - low))
            shape.append(max(1, abs(step) * (extents[loop] - 1) + 1 + shift))
    op = Contract(tuple(extents), maps, tuple(result), tuple(shape))
    return xs[0].builder.add(op, *xs)


def read(g: Grower, shape: tuple[int, ...], extents: list[int]) -> Map:
    """A position for each axis; new loops are added to `extents`."""
    positions = []
    for n in shape:
        same = [j for j, m in enumerate(extents) if m == n]
        kind = g.pick(("plain", "plain", "shared", "window", "fixed", "reversed", "shifted"))
        if kind == "shared" and same:
            positions.append(Affine(((g.pick(same), 1),)))
        elif kind == "window" and n > 2:
            extents += [n - 1, 2]
            positions.append(Affine(((len(extents) - 2, 1), (len(extents) - 1, 1))))
        elif kind == "fixed":
            positions.append(Affine((), g.draw(st.integers(0, n - 1))))
        else:
            extents.append(n)
            step, shift = (-1, n - 1) if kind == "reversed" else (1, g.pick((-1, 0, 1)))
            positions.append(Affine(((len(extents) - 1, step),), shift))
    return tuple(positions)


GROWTHS = (
    unary,
    unary,
    restricted,
    binary,
    binary,
    binary,
    jump,
    summed,
    greatest,
    reshaped,
    joined,
    indexed,
    averaged,
    drawn,
    contracted,
    contracted,
    contracted,
)
