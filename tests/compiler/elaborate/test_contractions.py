"""Contractions as they are written: every form of index against loops in plain Python.

The forward pass and the derivative by an input are held against sums over all indices, one after
another, of which nothing in the compiler is a part.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session

SHAPES = {"x": (4, 3), "z": (3,), "W": (3, 4, 2), "v": (4,), "c": (2, 3)}
VALUES = "iota(6) / 4 - 1"
Position = tuple[dict[str, int], int]  # coefficient of each index, and the offset


@dataclass(frozen=True)
class Written:
    """A contraction: sizes of its indices, what it multiplies, and its result's axes."""

    sizes: dict[str, int]
    factors: list[tuple[str, list[Position]]]
    axes: list[tuple[Position, int]]

    def __str__(self) -> str:
        axes = ", ".join(f"{text(position)} < {size}" for position, size in self.axes)
        factors = " * ".join(f"{n}[{', '.join(map(text, places))}]" for n, places in self.factors)
        return f"contract({axes} : {factors})"

    def value(self, tensors: dict[str, np.ndarray], seed: np.ndarray | None = None) -> np.ndarray:
        """The sum for one example; with a seed, the derivative of (seed * sum) by `x`."""
        found = np.zeros([size for _, size in self.axes] if seed is None else tensors["x"].shape)
        for chosen in product(*map(range, self.sizes.values())):
            loops = dict(zip(self.sizes, chosen, strict=True))
            to = tuple(at(position, loops) for position, _ in self.axes)
            if not inside(to, tuple(size for _, size in self.axes)):
                continue
            read = [(name, tuple(at(p, loops) for p in places)) for name, places in self.factors]
            terms = [
                float(tensors[n][place]) if inside(place, tensors[n].shape) else 0.0
                for n, place in read
            ]
            if seed is None:
                found[to] += prod(terms)
                continue
            for i, (name, place) in enumerate(read):
                if name == "x" and inside(place, found.shape):
                    found[place] += seed[to] * prod(terms[:i] + terms[i + 1 :])
        return found


def drawn(draws: random.Random, others: int) -> Written:
    """A contraction that reads something: not all of it lies outside."""
    ones = {name: np.ones(shape) for name, shape in SHAPES.items()}
    while not (one := any_drawn(draws, others)).value(ones).any():
        pass
    return one


def text(position: Position) -> str:
    terms = [f"{c}*{name}" if c != 1 else name for name, c in position[0].items()]
    return " + ".join([*terms, str(position[1])] if position[1] else terms)


def at(position: Position, loops: dict[str, int]) -> int:
    return sum(c * loops[name] for name, c in position[0].items()) + position[1]


def inside(place: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(0 <= p < n for p, n in zip(place, shape, strict=True))


def any_drawn(draws: random.Random, others: int) -> Written:
    """`x` and so many other factors; indices alone, shifted, scaled, reversed, added, twice."""
    names = "ijkl"[: draws.randint(1, 4)]
    sizes = {name: draws.randint(1, 4) for name in names}

    def position(size: int) -> Position:
        alone = [name for name in names if sizes[name] == size]
        if alone and draws.random() < 0.5:
            return {draws.choice(alone): 1}, 0
        terms = {draws.choice(names): draws.choice([1, 2, -1, -2])}
        if draws.random() < 0.4:
            terms.setdefault(draws.choice(names), draws.choice([1, -1, 3]))
        return terms, draws.choice([-1, 1, 2, 3])  # never an index alone, which claims a size

    chosen = ["x", *(draws.choice([*SHAPES]) for _ in range(others))]
    factors = [(name, [position(n) for n in SHAPES[name]]) for name in chosen]
    axes: list[tuple[Position, int]] = [(({name: 1}, 0), sizes[name]) for name in names]
    if draws.random() < 0.3:
        axes[0] = (({names[0]: 2, names[-1]: 1}, 1), 5)
    known = {n for _, places in factors for terms, off in places for n in terms if not off}
    summed = [i for i, name in enumerate(names) if name in known and draws.random() < 0.6]
    kept = [axis for i, axis in enumerate(axes) if i not in summed]
    return Written(sizes, factors, kept if defines_all(kept, known, names) else axes_of(sizes))


def defines_all(axes: list[tuple[Position, int]], known: set[str], names: str) -> bool:
    """Whether every index gets its size from an axis that it indexes alone."""
    alone = {name for (terms, off), _ in axes for name in terms if len(terms) == 1 and not off}
    return set(names) <= alone | known


def axes_of(sizes: dict[str, int]) -> list[tuple[Position, int]]:
    return [(({name: 1}, 0), size) for name, size in sizes.items()]


def spec(written: list[Written]) -> str:
    """A model with all of them as parts, and the derivative of their sum by x."""
    lines = "".join(f"    y{i} = {one}\n" for i, one in enumerate(written))
    total = " + ".join(f"sum(sin(y{i}))" for i in range(len(written)))
    parts = ", ".join(f"y{i}" for i in range(len(written)))
    return (
        "model f(x : [4, 3], z : [3]) {\n    param W : [3, 4, 2] ~ normal(0, 1)\n"
        f"    param v : [4] ~ normal(0, 1)\n    c = reshape({VALUES}, [2, 3])\n"
        f"{lines}    ({parts}, grad({total}, x))\n}}\n"
    )


@pytest.mark.parametrize("number", range(8))
def test_every_form_of_index(number: int) -> None:
    draws = random.Random(number)
    written = [drawn(draws, others) for others in (0, 1, 2, 2, 3, 4)]
    program, rng = compile_source(spec(written)), np.random.default_rng(number)
    given = {name: rng.normal(size=(3, *SHAPES[name])) for name in "xz"}
    ways = [("reference", 1), *([("cpu", 1), ("cpu", 2)] if number < 2 else [])]
    for target, threads in ways:
        session = Session(program, target, "float64", threads, seed=1)
        shared = {name: session.parameters[f"f.{name}"] for name in "Wv"}
        shared["c"] = (np.arange(6) / 4 - 1).reshape(2, 3)
        *values, slope = session.run("f", **given).values()
        for example in range(3):
            tensors = {**shared, **{name: batch[example] for name, batch in given.items()}}
            wanted = np.zeros(SHAPES["x"])
            for one, value in zip(written, values, strict=True):
                known = one.value(tensors)
                np.testing.assert_allclose(value[example], known, 1e-10, 1e-10, err_msg=str(one))
                wanted += one.value(tensors, np.cos(known))
            np.testing.assert_allclose(slope[example], wanted, 1e-9, 1e-9, err_msg=spec(written))
