"""Whether the values of two programs are equal: by the laws of real numbers, as expressions, and by
their numbers, of which rounding must explain every difference (`rounding_bound.py`).

There is no tolerance to be chosen: numbers may differ as far as either program's own roundings can
put them, which differs from value to value and from input to input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.outputs import Carry, OutputKey
from gradc_compiler.graph_tools.evaluate import GraphEvaluator
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.real_form import RealForms
from gradc_runtime.cli.actions.rounding_bound import rounding, within

Pair = tuple[int, int]  # a node of one graph, and one of another
POINTED = 1e-6  # of the largest number of a tensor: far above rounding; nothing is decided by it


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPoint:
    """NodeNumbers for inputs and parameters, of so many examples, and what is told of them."""

    values: Mapping[str, Any]
    batch: int = field(default=1)
    told: str = field(default="")


def same_expressions(mine: Graph, right: Graph, pairs: Sequence[Pair]) -> set[Pair]:
    """The pairs that are the same mathematics; of recurrences nobody knows.  Where the right one is
    about a single example, a mean over the batch is that of one.
    """
    if any(node.op.carried_by is not None for node in (*mine.nodes, *right.nodes)):
        return set()
    if not any(isinstance(node.op, BatchMean) for node in right.nodes):
        mine = of_one_example(mine)
    forms = RealForms()
    own, true = forms.numbers(mine), forms.numbers(right)
    return {(a, b) for a, b in pairs if own[a] == true[b]}


def of_one_example(graph: Graph) -> Graph:
    """The graph without means over a batch."""

    def alone(node: Node) -> Node:
        return replace(node, op=OPS["copy"]()) if isinstance(node.op, BatchMean) else node

    return Graph(tuple(map(alone, graph.nodes)), graph.outputs)


class NodeNumbers:
    """The numbers of some nodes of a graph at a point, and how far rounding may put them."""

    def __init__(self, graph: Graph, nodes: Sequence[int], point: SharedPoint) -> None:
        self.graph, self.nodes, self.point = graph, {*nodes}, point

    @cached_property
    def arrays(self) -> dict[int, np.ndarray]:
        """Every node's numbers."""
        point = self.point
        evaluator = GraphEvaluator(self.asked, point.values, point.batch, "float64", 0)
        found = evaluator.steps()
        return {id: self._shaped(id, array) for id, array in found if id in self.nodes}

    @cached_property
    def asked(self) -> Graph:
        """The graph that gives these nodes, and needs what they are computed from alone."""
        outputs = self.graph.outputs.items()
        wanted: dict[OutputKey, int] = {key: id for key, id in outputs if isinstance(key, Carry)}
        wanted |= {str(id): id for id in self.nodes}
        return Graph(self.graph.nodes, wanted)

    def _shaped(self, id: int, array: np.ndarray) -> np.ndarray:
        """The numbers of one example; of several with an axis of them; of sequences the rows."""
        batch = self.point.batch
        if self.graph[id].type.time is not None:
            return np.asarray(array)
        if batch == 1 or id not in self.graph.varying:
            return np.asarray(array[0])
        return np.broadcast_to(array, (batch, *array.shape[1:]))

    @cached_property
    def off(self) -> dict[int, np.ndarray]:
        """How far off each may be."""
        found = rounding(self.asked, self.point.values, self.point.batch)
        lone = {id for id in self.nodes if self._is_lone(id)}
        return {id: found[str(id)][0] if id in lone else found[str(id)] for id in self.nodes}

    def by_example(self, id: int) -> np.ndarray:
        """A node's numbers with an axis of examples in front; of sequences all rows as one."""
        array = self.arrays[id]
        return array if self._has_examples(id) else array[None]

    def of_example(self, id: int, example: int) -> np.ndarray:
        """A node's numbers in one example; of sequences all rows."""
        return np.asarray(self.by_example(id)[example if self._has_examples(id) else 0])

    def _has_examples(self, id: int) -> bool:
        alone = self.graph[id].type.time is None
        return self.point.batch > 1 and alone and id in self.graph.varying

    def _is_lone(self, id: int) -> bool:
        """Whether outputs have an axis of one example, which is not shown."""
        one = self.point.batch == 1 and self.graph[id].type.time is None
        return one and id in self.graph.varying


def differing(mine: NodeNumbers, right: NodeNumbers, pairs: Sequence[Pair]) -> Iterator[Pair]:
    """The pairs whose numbers differ by more than rounding."""
    for a, b in pairs:
        if near(mine.arrays[a], right.arrays[b]):
            continue
        if not near(mine.arrays[a], right.arrays[b], mine.off[a], right.off[b]):
            yield a, b


def near(
    mine: np.ndarray,
    right: np.ndarray,
    mine_off: np.ndarray | float = 0.0,
    right_off: np.ndarray | float = 0.0,
) -> bool:
    """Whether numbers are equal but for rounding; one that stands for many counts as all."""
    return any(
        bool((within(wide, right, off + right_off) | (np.isnan(wide) & np.isnan(right))).all())
        for wide, off in zip(
            spread(mine, right.shape),
            spread(np.broadcast_to(mine_off, mine.shape), right.shape),
            strict=True,
        )
    )


def spread(mine: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The ways in which numbers can have a shape: repeated in front, behind, or behind an axis of
    examples or of time, or laid out anew.
    """
    ones = (1,) * max(0, len(shape) - mine.ndim)
    behind, within = mine.shape + ones, mine.shape[:1] + ones + mine.shape[1:]  # of each example
    for shaped in map(mine.reshape, (mine.shape, behind, within)):
        try:
            yield np.broadcast_to(shaped, shape)
        except ValueError:
            continue
    if mine.size == int(np.prod(shape)):
        yield mine.reshape(shape)


def alike(mine: np.ndarray, right: np.ndarray) -> bool:
    """Whether numbers differ so little that a difference which is known began elsewhere."""
    most = POINTED * float(np.max(np.abs(right), initial=0.0))
    return any(
        np.allclose(wide, right, rtol=POINTED, atol=most) for wide in spread(mine, right.shape)
    )
