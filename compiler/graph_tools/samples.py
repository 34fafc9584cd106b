"""Random inputs: the same for a seed and a name, in sequences of the same lengths for a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.graph.types import Kind, Limit, TensorType, Time
from gradc_compiler.ops.contract import Contract

Limits = Sequence[Limit]  # of the lengths, by the rows that there are
LONGEST = 8  # elements of a random sequence
NUMBERS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda draws, shape: draws.standard_normal(shape),
    "positive": lambda draws, shape: np.abs(draws.standard_normal(shape)) + 0.05,
    "shares": lambda draws, shape: draws.uniform(0.05, 0.95, shape),
}


def random_batch(
    name: str,
    type: TensorType,
    count: int,
    seed: int,
    *,
    numbers: str = "normal",
    limits: Limits = (),
) -> Batch:
    """Examples of a type: standard normal numbers, or of another kind; labels of its classes."""
    draws = np.random.default_rng([seed, *name.encode()])
    if type.time is None:
        return drawn(draws, count, type, numbers)
    lengths = random_lengths(type.time, count, seed, limits)
    return Ragged(drawn(draws, int(lengths.sum()), type, numbers), lengths)


def drawn(draws: np.random.Generator, rows: int, type: TensorType, numbers: str) -> np.ndarray:
    """So many tensors of a type, the same whatever the width of a session's numbers."""
    shape = (rows, *type.shape)
    if type.kind is Kind.INDEX:
        return draws.integers(0, type.classes or 2, shape)
    return NUMBERS[numbers](draws, shape).astype(np.float32)


def random_lengths(time: Time, count: int, seed: int, limits: Limits = ()) -> np.ndarray:
    """The lengths of a time: its own if it is a whole number, else from 1 to LONGEST, or to as many
    as there are rows for.
    """
    if isinstance(time, int):
        return np.full(count, time)
    most = min([LONGEST, *(limit.rows for limit in limits if limit.time == time)])
    return np.random.default_rng([seed, *time.encode()]).integers(min(1, most), most + 1, count)


def work_of(graph: Graph) -> int:
    """About how many multiplications a graph takes for an example."""
    total = 0
    for node in graph.nodes:
        time = node.type.time
        repeats = time if isinstance(time, int) else 1 if time is None else LONGEST
        size = prod(node.op.extents) if isinstance(node.op, Contract) else node.type.size
        total += repeats * size
    return max(total, 1)
