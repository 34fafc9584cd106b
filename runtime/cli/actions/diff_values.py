"""Numbers of two graphs at the same inputs, and a smallest input at which they differ.

Both are evaluated by the reference in float64: one example, and then several, which may see one
another, at random inputs; then one at inputs of every size, at 0 and at ties.  They differ where
rounding does not explain it, and not only at a point where the first jumps: there a convention
decides.  Numbers that agree are no proof, but two different functions that agree at random points
are improbable (Schwartz, 1980; Zippel, 1979).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.graph_tools.evaluate import evaluate, node_values
from gradc_compiler.graph_tools.samples import random_batch, work_of
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.same_graph import equal_outputs
from gradc_runtime.cli.actions.counter_example import smallest
from gradc_runtime.cli.actions.diff_sides import GraphPair
from gradc_runtime.cli.actions.equal_values import alike
from gradc_runtime.cli.actions.exercise_equal import BESIDE, STEPS
from gradc_runtime.cli.actions.rounding_bound import leaves_range, rounding, rows_of, within
from gradc_runtime.cli.actions.wide_points import Point, beside, wide_points
from gradc_runtime.data.arrays.checked import check_inputs

Flat = Mapping[str, np.ndarray]  # of inputs their rows, of what persists the tensor
Sides = tuple[np.ndarray, np.ndarray]
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

    @property
    def fixed(self) -> set[str]:
        """What no other number is put in for: labels, and what is counted or averaged."""
        labels = {name for name, type in self.types.items() if type.kind is Kind.INDEX}
        return labels | (self.own - {*self.first.parameters})

    def apart(self, key: OutputKey, flat: Flat, *, both: bool) -> bool:
        """Whether an output differs, and not only at a point where it jumps."""
        return self.differs(key, flat, both=both) and not self._jumps(key, flat)

    def differs(self, key: OutputKey, flat: Flat, pair: Sides | None = None, *, both: bool) -> bool:
        """Whether an output is another number on both sides, and a number on one; with `both`, and
        for large inputs, on both.  `pair` is what both give, where it is known.
        """
        graphs = [only(graph, key) for graph in (self.pair.a, self.pair.b)]
        a, b = pair or [self.results(graph, flat)[key] for graph in graphs]
        finite, other, large = np.isfinite(a), np.isfinite(b), Point(values=flat).large
        counts = finite & other if large or both else finite | other
        if a.shape != b.shape or (within(a, b) | ~counts).all():
            return a.shape != b.shape
        if large and any(leaves_range(g, self.values(flat), self.count) for g in graphs):
            return False
        known_to = sum(rounding(graph, self.values(flat), self.count)[key] for graph in graphs)
        return not (within(a, b, known_to) | ~counts).all()

    def _jumps(self, key: OutputKey, flat: Flat) -> bool:
        """Whether the first side jumps at a point beside which both are equal."""
        graph = only(self.pair.a, key)
        here = self.results(graph, flat)[key]
        heights = []
        for step in STEPS:
            points = [beside(flat, self.fixed, seed, step) for seed in BESIDE]
            if any(self.differs(key, point, both=True) for point in points):
                return False
            there = [self.results(graph, point)[key] for point in points]
            heights.append(max(float(np.max(np.abs(x - here), initial=0)) for x in there))
        return heights[1] > 0.5 * heights[0] > 0


def only(graph: Graph, key: OutputKey) -> Graph:
    """A graph that gives one of its outputs; its recurrences stay closed."""
    results = set(graph.results) - {key}
    return Graph(graph.nodes, {k: id for k, id in graph.outputs.items() if k not in results})


def differences(
    pair: GraphPair, keys: Collection[OutputKey], first: Start, seed: int
) -> dict[OutputKey, Witness]:
    """The outputs `keys` that differ, each with a smallest input that shows it.  Those that are
    equal by the laws of real numbers are tried at random inputs only.
    """
    keys = {*keys}
    proven = equal_outputs(pair.a_less, pair.b_less, real=True)
    found: dict[OutputKey, Witness] = {}
    for trial, flat, both in _trials(pair, first, seed):
        wanted = keys - found.keys() - (proven if both else set())
        if not wanted:
            continue
        a, b = (trial.results(graph, flat) for graph in (pair.a, pair.b))
        for key in wanted:
            sides = a[key], b[key]
            if trial.differs(key, flat, sides, both=both) and trial.apart(key, flat, both=both):
                found[key] = _witness(trial, key, flat)
    return {key: found[key] for key in pair.a.results if key in found}


def _trials(pair: GraphPair, first: Start, seed: int) -> Iterator[tuple[DiffTrial, Flat, bool]]:
    """Random inputs of one example and of several, then as many of every size as work allows, where
    only what is a number on both sides counts: a quotient of two zeros is none.
    """
    trials = [DiffTrial(pair, first, count, seed + k) for k, count in enumerate(COUNTS)]
    yield from ((trial, trial.start, False) for trial in trials)
    points = [*wide_points(trials[0].start, trials[0].fixed)]
    stride = 1 + len(points) * (work_of(pair.a) + work_of(pair.b)) // WORK
    yield from ((trials[0], point.values, True) for point in points[::stride])


def _witness(trial: DiffTrial, key: OutputKey, flat: Flat) -> Witness:
    """The smallest that is found within some work."""
    work = trial.count * (work_of(trial.pair.a) + work_of(trial.pair.b))
    tries = max(20, min(400, WORK // work))
    both = trial.differs(key, flat, both=True)
    at = smallest(lambda flat: trial.apart(key, flat, both=both), flat, trial.fixed, tries)
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
        if name in found[1] and not alike(array, found[1][name][1]):
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
