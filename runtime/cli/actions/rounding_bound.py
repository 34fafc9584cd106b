"""How far off rounding may put the numbers of a graph, so that anything further off is wrong.

Monte Carlo arithmetic (Parker, 1997): the graph is evaluated again, each operation a few units of
the last place off at random, and how far its results then scatter is how well they are known.  So
`1 - tanh(x)^2` may be another spelling of `4 / (exp(x) + exp(-x))^2` where both have lost all their
digits, and `x + 1e-9` is not one of `x`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.graph.types import Kind
from gradc_compiler.graph_tools.evaluate import GraphEvaluator, node_values, outputs_of
from gradc_compiler.records.fast_dataclass import dataclass

UNIT = 2.0**-51  # by which an operation is off; float64 rounds by 2^-53
TIMES = 4  # it is evaluated so
SAFETY = 16  # times the scatter is what rounding may do
LEAST = 2.0**-48  # of a number: a few roundings that the scatter does not show
TINY = 1e-290  # numbers below it lose digits, or become 0
SMALL = 1e-150  # the square of what is smaller is 0
VANISHES = ("exp", "sigmoid", "pow")  # 0 only where a number is too small to be one
SUMS = ("contract", "rounded_contract", "cumsum", "batch_mean")
EXACT = {  # operators that round nothing, so that ties stay ties
    *("gt", "ge", "lt", "le", "eq", "ne", "maximum", "minimum", "max", "neg", "abs", "copy"),
    *("stop_gradient", "where", "floor", "ceil", "round", "sign", "step", "reshape", "concat"),
    *("take", "increment", "input", "persistent", "constant", "literal", "iota", "random"),
    *("previous", "end", "at_end", "reverse", "from_rows", "length", "position", "spread"),
    *("argmax", "argsort", "take_along", "ruled"),
}


@dataclass
class NoisyEvaluator(GraphEvaluator):
    """An evaluation in which each operation is a little off."""

    draws: np.random.Generator = field(default_factory=np.random.default_rng)

    def typed(self, node: Node, array: np.ndarray) -> np.ndarray:
        """The array of a node, off where it was rounded."""
        found = super().typed(node, array)
        return found if node.type.kind is not Kind.REAL or exact(node.op) else self.off(found)

    def lifted(self, node: Node, rows: np.ndarray | None) -> np.ndarray:
        """An operator meant for each element."""
        with self.noisy_operands(node):
            return super().lifted(node, rows)

    @contextmanager
    def noisy_operands(self, node: Node) -> Iterator[None]:
        """What a sum reads is off as well, by itself: its terms may cancel."""
        kept = {i: self.known[i] for i in node.inputs if node.op.name in SUMS}
        self.known |= {i: self.off(array) for i, array in kept.items()}
        yield
        self.known |= kept

    def off(self, array: np.ndarray) -> np.ndarray:
        """Each number by as much as `UNIT` of itself."""
        return array * (1 + UNIT * self.draws.uniform(-1, 1, array.shape))


def exact(op: Op) -> bool:
    """Whether an operator only moves numbers, or compares them."""
    return op.name in EXACT


def rounding(
    graph: Graph, values: Mapping[str, Any], batch: int = 1
) -> dict[OutputKey, np.ndarray]:
    """How far each output of `evaluate` may be off, number by number; `inf` where it is not known.

    `values` and the shapes are those of `evaluate`; of a sequence its rows.
    """
    runs = [noisy_results(graph, values, batch, seed) for seed in range(TIMES)]
    return {key: SAFETY * scatter([run[key] for run in runs]) for key in graph.results}


def noisy_results(
    graph: Graph, values: Mapping[str, Any], batch: int, seed: int
) -> dict[OutputKey, np.ndarray]:
    """The outputs, each operation a little off."""
    draws = np.random.default_rng(seed)
    evaluator = NoisyEvaluator(graph, values, batch, "float64", 0, draws=draws)
    with np.errstate(all="ignore"):
        for _ in evaluator.steps():
            pass
    found = outputs_of(evaluator, graph, batch)
    return {key: rows_of(value) for key, value in found.items()}


def rows_of(value: Batch) -> np.ndarray:
    """The numbers of a batch, of sequences too."""
    return np.asarray(value.values if isinstance(value, Ragged) else value)


def scatter(runs: list[np.ndarray]) -> np.ndarray:
    """The greatest distance from the first run."""
    with np.errstate(all="ignore"):
        found = np.max([np.abs(run - runs[0]) for run in runs[1:]], axis=0)
    return np.asarray(np.where(np.isfinite(found), found, np.inf))


def leaves_range(graph: Graph, values: Mapping[str, Any], batch: int = 1) -> bool:
    """Whether a value on the way is so large or small that a product of two may be no number, or
    0: then a formula that is right on paper gives another number.
    """
    with np.errstate(all="ignore"):
        for id, array in node_values(graph, values, batch, "float64"):
            size = np.abs(array[array != 0])
            lost = graph[id].op.name in VANISHES and size.size < array.size
            if lost or not np.all((size > SMALL) & (size < 1 / SMALL)):
                return True
    return False


def within(mine: np.ndarray, right: np.ndarray, known_to: np.ndarray | float = 0.0) -> np.ndarray:
    """Where numbers are as near as rounding allows, `known_to` being how far off both may be."""
    with np.errstate(all="ignore"):
        near = np.abs(mine - right) <= known_to + LEAST * np.abs(right) + TINY
    return np.asarray(near | (mine == right))
