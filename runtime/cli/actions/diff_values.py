"""Numbers of two graphs at the same random inputs, and a smallest input at which they differ.

Both are evaluated by the reference in float64: one example, and then several, which may see one
another.  Numbers that agree are no proof, but two different functions that agree at random points
are improbable (Schwartz, 1980; Zippel, 1979).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.graph_tools.evaluate import evaluate, node_values
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.check_derivation import agree
from gradc_runtime.cli.actions.counter_example import smallest
from gradc_runtime.cli.actions.diff_sides import GraphPair
from gradc_runtime.cli.actions.samples import random_batch, work_of
from gradc_runtime.data.arrays.checked import check_inputs

Flat = Mapping[str, np.ndarray]  # of inputs their rows, of what persists the tensor
COUNTS = (1, 1, 1, 3)  # examples of each trial
WORK = 4 * 10**8  # multiplications that a search for a smallest input may take
SPREAD = 0.3  # of parameters around their first values


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """An input at which an output differs."""

    inputs: Mapping[str, np.ndarray]
    parameters: Mapping[str, np.ndarray]
    a: np.ndarray
    b: np.ndarray
    began: tuple[str, int, int] | None  # the first named value that differs, and its lines


@dataclass(frozen=True, slots=True)
class Start:
    """What persists, by the names of the first side, and which of it are parameters."""

    values: Mapping[str, Any]
    parameters: Collection[str]


class DiffTrial:
    """Random values for a pair of graphs, of so many examples."""

    def __init__(self, pair: GraphPair, first: Start, count: int, seed: int) -> None:
        self.pair, self.count, self.first = pair, count, first
        nodes = (*pair.a.nodes, *pair.b.nodes)
        self.types = {n.op.key: n.type for n in nodes if isinstance(n.op, Input)}
        limits = (*limits_of(pair.a), *limits_of(pair.b))
        drawn = {
            name: random_batch(name, type, count, seed, limits=limits)
            for name, type in self.types.items()
        }
        self.lengths = {n: b.lengths for n, b in drawn.items() if isinstance(b, Ragged)}
        own = {n.op.key: n.type for n in nodes if isinstance(n.op, PersistentOp)}
        self.own = {name for name, type in own.items() if type.kind is Kind.REAL and type.size}
        self.start: Flat = {
            **{name: np.asarray(rows_of(batch), np.float64) for name, batch in drawn.items()},
            **{name: self._near(name, own[name], seed) for name in sorted(self.own)},
        }

    def _near(self, name: str, type: TensorType, seed: int) -> np.ndarray:
        """A parameter somewhere near its first value; what is counted or averaged stays."""
        first = np.asarray(self.first.values[name], np.float64)
        if name not in self.first.parameters:
            return first
        draws = np.random.default_rng([seed, *name.encode()])
        return np.asarray(first + SPREAD * draws.standard_normal(type.shape))

    def values(self, flat: Flat) -> Mapping[str, Any]:
        """The values as `evaluate` takes them."""
        given = {
            name: Ragged(flat[name], self.lengths[name]) if name in self.lengths else flat[name]
            for name in self.types
        }
        batches = check_inputs(given, self.types, "float64")
        persistents = {**self.first.values, **{name: flat[name] for name in self.own}}
        return values_by_name(persistents, batches)

    def results(self, graph: Graph, flat: Flat) -> Mapping[OutputKey, np.ndarray]:
        """The outputs of one side."""
        with np.errstate(all="ignore"):
            found = evaluate(graph, self.values(flat), self.count, "float64")
        return {key: np.asarray(rows_of(value)) for key, value in found.items()}

    def apart(self, key: OutputKey, flat: Flat) -> bool:
        """Whether an output is another number on both sides, and a number on one."""
        with np.errstate(all="ignore"):
            a = self.results(only(self.pair.a, key), flat)[key]
            b = self.results(only(self.pair.b, key), flat)[key]
        return bool(np.isfinite(a).all() or np.isfinite(b).all()) and differ(a, b)


def rows_of(value: Batch) -> np.ndarray:
    """The numbers of a batch, of sequences too."""
    return np.asarray(value.values if isinstance(value, Ragged) else value)


def only(graph: Graph, key: OutputKey) -> Graph:
    """A graph that gives one of its outputs; its recurrences stay closed."""
    results = set(graph.results) - {key}
    return Graph(graph.nodes, {k: id for k, id in graph.outputs.items() if k not in results})


def differ(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether numbers are apart by more than rounding; NaN on both sides is equal."""
    if a.shape != b.shape:
        return True
    both = ~(np.isnan(a) & np.isnan(b))
    return not agree(np.where(both, a, 0), np.where(both, b, 0))


def differences(
    pair: GraphPair, keys: Collection[OutputKey], first: Start, seed: int
) -> dict[OutputKey, Witness]:
    """The outputs `keys` that differ, each with a smallest input that shows it."""
    keys = {*keys}
    found: dict[OutputKey, Witness] = {}
    for number, count in enumerate(COUNTS):
        trial = DiffTrial(pair, first, count, seed + number)
        a, b = (trial.results(graph, trial.start) for graph in (pair.a, pair.b))
        for key in keys - found.keys():
            if differ(a[key], b[key]):
                found[key] = _witness(trial, key)
    return {key: found[key] for key in pair.a.results if key in found}


def _witness(trial: DiffTrial, key: OutputKey) -> Witness:
    """The smallest that is found within some work."""
    labels = {name for name, type in trial.types.items() if type.kind is Kind.INDEX}
    work = trial.count * (work_of(trial.pair.a) + work_of(trial.pair.b))
    tries = max(20, min(400, WORK // work))
    at = smallest(lambda flat: trial.apart(key, flat), trial.start, labels, tries)
    a, b = (trial.results(only(g, key), at)[key] for g in (trial.pair.a, trial.pair.b))
    return Witness(
        inputs={name: at[name] for name in trial.types},
        parameters={name: at[name] for name in at if name in trial.first.parameters},
        a=a,
        b=b,
        began=_where_it_began(trial, key, at),
    )


def _where_it_began(trial: DiffTrial, key: OutputKey, at: Flat) -> tuple[str, int, int] | None:
    """The first value that both authors call by one name and that differs."""
    found = [dict(_named(trial, graph, key, at)) for graph in (trial.pair.a, trial.pair.b)]
    for name, (line, array) in found[0].items():
        if name in found[1] and differ(array, found[1][name][1]):
            return name, line, found[1][name][0]
    return None


def _named(
    trial: DiffTrial, graph: Graph, key: OutputKey, at: Flat
) -> Iterator[tuple[str, tuple[int, np.ndarray]]]:
    """Each value that the author named, with its line and its numbers."""
    reached = graph.reachable([graph.outputs[key]])
    with np.errstate(all="ignore"):
        arrays = dict(node_values(graph, trial.values(at), trial.count, "float64"))
    for node in graph.nodes:
        if node.name and node.id in reached and node.span is not None:
            yield node.name, (node.span.line, arrays[node.id])
