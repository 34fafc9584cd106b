"""Random inputs: the same for a seed and a name, in sequences of the same lengths for a time."""

from __future__ import annotations

import numpy as np

from compiler.graph.ragged import Batch, Ragged
from compiler.graph.types import Kind, TensorType, Time

LONGEST = 8  # elements of a random sequence


def random_batch(name: str, type: TensorType, count: int, seed: int) -> Batch:
    """Examples of a type: standard normal numbers, or labels of its classes."""
    draws = np.random.default_rng([seed, *name.encode()])
    if type.time is None:
        return drawn(draws, count, type)
    lengths = random_lengths(type.time, count, seed)
    return Ragged(drawn(draws, int(lengths.sum()), type), lengths)


def drawn(draws: np.random.Generator, rows: int, type: TensorType) -> np.ndarray:
    """So many tensors of a type, the same whatever the width of a session's numbers."""
    shape = (rows, *type.shape)
    if type.kind is Kind.INDEX:
        return draws.integers(0, type.classes or 2, shape)
    return draws.standard_normal(shape).astype(np.float32)


def random_lengths(time: Time, count: int, seed: int) -> np.ndarray:
    """The lengths of a time: its own if it is a whole number, else from 1 to LONGEST."""
    if isinstance(time, int):
        return np.full(count, time)
    return np.random.default_rng([seed, *time.encode()]).integers(1, LONGEST + 1, count)
