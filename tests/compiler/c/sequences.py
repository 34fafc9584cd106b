"""Entries on sequences in C: inputs of random lengths, as C takes them and as a session does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType, Time
from tests.compiler.c.emitting import Array, Emitted

LONGEST = 9  # elements


class Sequences:
    """So many examples with sequences of random lengths, among them one without elements."""

    def __init__(self, made: Emitted, count: int, seed: int = 0, least: int = 0) -> None:
        self.made, self.count = made, count
        self.rng = np.random.default_rng(seed)
        self.lengths: dict[Time, Array] = {}
        for time in made.entry.times:
            if isinstance(time, int):
                self.lengths[time] = np.full(count, time, np.int32)
                continue
            most = min([LONGEST, *(x.rows for x in made.entry.limits if x.time == time)])
            drawn = self.rng.integers(max(least, 1), most + 1, count).astype(np.int32)
            drawn[-1] = least
            self.lengths[time] = drawn
        arrays = [array for array in made.entry.arrays if array.role == "input"]
        self.inputs = {str(array.name): self.drawn(array.type) for array in arrays}
        self.types = {str(array.name): array.type for array in arrays}

    def rows(self, type: TensorType) -> int:
        """The examples, or the elements of all of them."""
        return self.count if type.time is None else int(self.lengths[type.time].sum())

    def drawn(self, type: TensorType) -> Array:
        """Random numbers for every row."""
        shape = (self.rows(type), *type.shape)
        if type.kind is Kind.INDEX:
            found = self.rng.integers(0, type.classes or 2, shape)
            return found.astype(self.made.dtype_of(type))
        return self.rng.standard_normal(shape).astype(self.made.dtype)

    @property
    def given(self) -> list[Array]:
        """The inputs and lengths as C takes them."""
        own = [self.lengths[time] for time in self.made.entry.times if isinstance(time, str)]
        return [*self.inputs.values(), *own]

    @property
    def of_session(self) -> Mapping[str, Any]:
        """The inputs as a session takes them."""
        return {name: self.split(values, self.types[name]) for name, values in self.inputs.items()}

    def split(self, values: Array, type: TensorType) -> Any:
        """Of sequences, the elements of each example."""
        if type.time is None:
            return values
        return np.split(values, np.cumsum(self.lengths[type.time])[:-1])

    def run(self) -> dict[str, Array]:
        """A model's outputs: of sequences the elements of all, one after another."""
        arrays = [a for a in self.made.entry.arrays if a.role == "output"]
        types = {str(a.name): a.type for a in arrays}
        found = {
            name: np.full((self.rows(type), *type.shape), -7, self.made.dtype_of(type))
            for name, type in types.items()
        }
        code = self.made.call("run", self.made.memory, *self.given, *found.values(), self.count)
        assert code == 0, code
        return found

    def step(self) -> list[float]:
        """One step; its loss and reports."""
        made = self.made
        own = made.memory, made.state, *self.given, *made.results
        assert made.call("step", *own, self.count) == 0
        return [float(result) for result in made.results]


def joined(values: Any) -> Array:
    """What a session gives, with the elements of all sequences one after another."""
    return np.concatenate(values) if isinstance(values, list) else np.asarray(values)
