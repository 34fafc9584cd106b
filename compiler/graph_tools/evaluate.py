"""The reference evaluator: a graph, operator by operator, in NumPy.

The oracle for every back end and every pass.  Arrays carry a leading axis over examples (length 1
where a value is uniform), so that it reads like the per-example meaning.  A sequence has a row for
each of its elements instead; an operator that is meant for each element is given rows for examples.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.loop_order import in_order
from gradc_compiler.graph.named_values import persistent_value
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.ragged import Ragged, SequenceIndex, lengths_by_time
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.ops.sequence import Length, Previous, Sequential
from gradc_compiler.records.fast_dataclass import dataclass

Array = np.ndarray


def evaluate(
    graph: Graph,
    values: Mapping[str, Any],
    batch: int = 1,
    dtype: str = "float64",
    first: int = 0,
) -> dict[OutputKey, Any]:
    """The graph's outputs: `[batch, *shape]` where varying, `shape` where uniform, `Ragged` where a
    sequence.

    `values` has an array `[batch, *shape]` for each input, `shape` for each persistent, a `Ragged`
    for each sequence, and `length/NAME` [batch] for each time that has a name.  `first` is the
    number of the first example within its batch, which random draws are keyed by.
    Raises `KeyError` naming a missing input.
    """
    evaluator = GraphEvaluator(graph, values, batch, dtype, first)
    for _ in evaluator.steps():
        pass
    return outputs_of(evaluator, graph, batch)


def outputs_of(evaluator: GraphEvaluator, graph: Graph, batch: int) -> dict[OutputKey, Any]:
    """The outputs of a graph that has been gone through."""
    varying = graph.varying
    ids = list(graph.results.values())
    result: dict[OutputKey, Any] = {}
    for name, id in graph.results.items():
        array, time = evaluator.known[id], graph[id].type.time
        if time is not None:
            result[name] = Ragged(np.array(array), evaluator.clocks[time].lengths)
        else:
            count = batch if id in varying else None
            result[name] = _output(array, count, alone=ids.count(id) == 1)
    return result


def _output(array: Array, count: int | None, *, alone: bool) -> Array:
    """A value for the caller: for `count` examples, or the one of all.  What nobody else holds is
    given without a copy.
    """
    wanted = array[0] if count is None else np.broadcast_to(array, (count, *array.shape[1:]))
    own = array.flags.owndata and wanted.flags.writeable and alone
    return wanted if own else np.array(wanted)


def node_values(
    graph: Graph, values: Mapping[str, Any], batch: int, dtype: str, first: int = 0
) -> Iterator[tuple[int, Array]]:
    """Each node's number and array, as they are computed, also where no output depends on it."""
    everything = range(len(graph.nodes))
    yield from GraphEvaluator(graph, values, batch, dtype, first, everything).steps()


@dataclass
class GraphEvaluator:
    """One evaluation: what is known so far, and the clock of each time."""

    graph: Graph
    values: Mapping[str, Any]
    batch: int
    dtype: str
    first: int
    nodes: Collection[int] | None = None  # that are computed; else those that outputs depend on

    def __post_init__(self) -> None:
        live = self.nodes
        self.live = self.graph.reachable(self.graph.results.values()) if live is None else live
        times = [self.time(node) for node in self.graph.nodes if node.id in self.live]
        lengths = lengths_by_time([t for t in times if t is not None], self.values, self.batch)
        self.clocks: dict[Time, SequenceIndex] = {t: SequenceIndex(n) for t, n in lengths.items()}
        self.known: dict[int, Array] = {}

    def time(self, node: Node) -> Time | None:
        """The time that a node is about, if any: its own, its operand's, or the one it measures."""
        own = node.op.time if isinstance(node.op, Length) else node.type.time
        operand = self.graph[node.inputs[0]].type.time if node.inputs else None
        return operand if own is None else own

    def steps(self) -> Iterator[tuple[int, Array]]:
        """Each node's number and array, in an order in which they can be computed.

        What no output depends on is left out, so that nobody has to give an input that nothing
        reads; what nobody reads any more is forgotten.
        """
        wanted = set(self.graph.outputs.values())  # carries are read by later steps
        order = [group for group in in_order(self.graph) if group[0] in self.live]
        read = [{i for id in group for i in (id, *self.graph[id].inputs)} for group in order]
        last = {i: k for k, ids in enumerate(read) for i in ids}
        for k, group in enumerate(order):
            node = self.graph[group[0]]
            loop = node.op.carried_by
            if len(group) == 1 and (loop is None or self.graph.carries[loop] != node.id):
                self.known[node.id] = self.typed(node, self.node(node))
            else:
                self.loop([self.graph[i] for i in group])
            for id in group:
                yield id, self.known[id]
            for i in read[k] - wanted:
                if last[i] == k:
                    del self.known[i]

    def typed(self, node: Node, array: Array) -> Array:
        """The array with the kind of number that its node has."""
        kind = self.dtype if node.type.kind is Kind.REAL else "int64"
        return np.asarray(array).astype(kind, copy=False)

    def node(self, node: Node) -> Array:
        """One node, for all rows at once."""
        operands = [self.known[i] for i in node.inputs]
        match node.op:
            case Input(key=key, shape=shape, time=None):
                return np.asarray(self.values[key]).reshape(self.batch, *shape)
            case Input(key=key, shape=shape):
                rows = np.asarray(self.values[key].values)
                return rows.reshape(len(rows), *shape)
            case PersistentOp(key=key, shape=shape):
                return np.asarray(persistent_value(self.values, key)).reshape(1, *shape)
            case Random() as op:
                return self.draw(op, operands)
            case Ruled():
                return operands[0]
            case Previous(time=time):
                rows = np.arange(len(self.clocks[time].owner))
                return self.step_back(node, rows)
            case Sequential() as op:
                about = self.time(node)
                assert about is not None, f"%{node.id} = {op.name} is about no time"
                return op.timed(self.clocks[about], *operands)
        return self.lifted(node, None)

    def draw(self, op: Random, operands: list[Array]) -> Array:
        """Draws for the examples of a batch, or for the rows of a time."""
        seed, step = (int(x.reshape(-1)[0]) for x in operands)
        if op.time is not None:
            clock = self.clocks[op.time]
            return op.sample(seed, step, clock.owner + self.first, clock.position)
        examples = np.arange(self.first, self.first + self.batch)
        return op.sample(seed, step, np.zeros(1, np.int64) if op.shared else examples)

    def lifted(self, node: Node, rows: Array | None) -> Array:
        """An operator meant for each element, for all rows of its time or for some of them."""
        times = [t for i in node.inputs if (t := self.graph[i].type.time) is not None]
        operands = [self.known[i] for i in node.inputs]
        if not times:
            return node.op.reference(*operands)
        clock = self.clocks[times[0]]
        owner = clock.owner if rows is None else clock.owner[rows]
        if len(owner) == 0:
            return np.zeros((0 if node.type.time is not None else 1, *node.type.shape))
        for k, i in enumerate(node.inputs):
            if self.graph[i].type.time is not None:
                operands[k] = operands[k] if rows is None else operands[k][rows]
            elif len(operands[k]) > 1:
                operands[k] = operands[k][owner]
        result = node.op.reference(*operands)
        if node.op.makes_uniform:
            return result * (len(owner) / self.batch)  # a mean of sums over time
        return np.broadcast_to(result, (len(owner), *result.shape[1:]))

    def loop(self, nodes: list[Node]) -> None:
        """The nodes of a recurrence, step by step."""
        (time,) = {node.type.time for node in nodes}
        assert time is not None, "a recurrence runs over time"
        clock = self.clocks[time]
        for node in nodes:
            shape = (len(clock.owner), *node.type.shape)
            self.known[node.id] = self.typed(node, np.zeros(shape))
        (backwards,) = {n.op.backwards for n in nodes if isinstance(n.op, Previous)}
        steps = range(clock.longest)
        for step in reversed(steps) if backwards else steps:
            rows = clock.step(step)
            for node in nodes:
                previous = isinstance(node.op, Previous)
                found = self.step_back(node, rows) if previous else self.lifted(node, rows)
                self.known[node.id][rows] = found

    def step_back(self, node: Node, rows: Array) -> Array:
        """What was carried to these rows, or the start."""
        op = node.op
        assert isinstance(op, Previous)
        clock = self.clocks[op.time]
        start = np.broadcast_to(self.known[node.inputs[0]], (self.batch, *node.type.shape))
        carried = self.known[self.graph.carries[op.loop]]
        result = self.typed(node, start[clock.owner[rows]])
        position = clock.position[rows]
        last = clock.lengths[clock.owner[rows]] - 1
        inner = position < last if op.backwards else position > 0
        result[inner] = carried[rows[inner] + (1 if op.backwards else -1)]
        return result
