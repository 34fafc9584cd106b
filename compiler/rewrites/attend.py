"""Attention and its derivative become operators for which a GPU has a kernel that stores no score.

    softmax(f(q k')) v  ->  y, and of each row its greatest score and its sum

They are found by what they do (`find_attention.py`, `find_slopes.py`).  Whoever else reads scores
or weights has to come after y: that is the derivative, which computes them again from the two
statistics of rows.
"""

from __future__ import annotations

from dataclasses import field

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.ops.contract import Affine, Contract, Map, index
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.find_attention import FoundAttention, FoundSums, attentions, kept
from gradc_compiler.rewrites.find_slopes import RowDot, slopes_of


def attend(graph: Graph) -> Graph:
    """The graph with each attention that fits as one operator, and its derivative as two."""
    found = list(attentions(graph))
    return _Attending(graph, found).rewritten() if found else graph


@dataclass
class _Attending:
    """A graph that is being written again; what an operator makes is written when it is read."""

    graph: Graph
    found: list[FoundAttention]
    builder: Builder = field(default_factory=Builder)
    now: dict[int, Value] = field(default_factory=dict)  # the value that replaces a node
    made: dict[int, FoundSums] = field(default_factory=dict)  # by what it makes
    dots: dict[int, tuple[RowDot, FoundAttention]] = field(default_factory=dict)
    vectors: dict[int, Value] = field(default_factory=dict)  # by the first that they make

    def rewritten(self) -> Graph:
        """The graph."""
        for attention in self.found:
            self.made |= dict.fromkeys(attention.sums.makes, attention.sums)
            if slopes := slopes_of(self.graph, attention):
                for sums in slopes.sums:
                    self.made |= dict.fromkeys(sums.makes, sums)
                self.dots |= {dot.node: (dot, attention) for dot in slopes.dots}
        for node in self.graph.nodes:
            self.require(node.id)
        outputs = {name: self.require(id).id for name, id in self.graph.outputs.items()}
        return self.builder.graph(outputs)

    def require(self, id: int) -> Value:
        """The value that replaces a node, which is written now if it has not been."""
        if id not in self.now:
            node = self.graph[id]
            reshaped = isinstance(node.op, Reshape) and id not in self.made
            source = node.inputs[0] if reshaped else id
            if source in self.made:  # a reshape is another view of the same words
                self.now[id] = self.view(self.made[source], node, self.made[source].makes[source])
            elif id in self.dots:
                self.now[id] = self.dot(node, *self.dots[id])
            else:
                inputs = [self.require(i).id for i in node.inputs]
                self.now[id] = self.builder.value(self.builder.copy(node, inputs))
        return self.now[id]

    def vector(self, sums: FoundSums) -> Value:
        """All that an operator makes."""
        if sums.first not in self.vectors:
            operands = [self.require(i) for i in sums.inputs]
            self.builder.inherit_provenance(self.graph[sums.first])
            self.vectors[sums.first] = self.builder.add(sums.op, *operands)
        return self.vectors[sums.first]

    def view(
        self, sums: FoundSums, node: Node, first: int, shape: tuple[int, ...] | None = None
    ) -> Value:
        """The words of a vector from the first on, in a node's shape or another."""
        vector = self.vector(sums)
        shape = node.type.shape if shape is None else shape
        self.builder.inherit_provenance(node)
        strides = [1] * len(shape)
        for axis in reversed(range(len(shape) - 1)):
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        source: Map = (Affine(tuple(enumerate(strides)), first),)
        op = Contract(shape, (source,), _every(len(shape)), shape)
        return self.builder.add(op, vector, name=node.name)

    def dot(self, node: Node, dot: RowDot, attention: FoundAttention) -> Value:
        """The sum over j of w' w of each row, as that of g y, and what follows."""
        g = self.require(dot.slope)
        y = self.view(attention.sums, attention.y, 0, g.shape)
        others = [[self.require(i) for i in inputs] for _, inputs in dot.chain]
        self.builder.inherit_provenance(node)
        sums, shape = attention.sums.op.sums[0].op, attention.sums.op.shape
        axes, pairs = dot.axes, [p.plain for p in sums.operands[0]]
        loops = [loop for loop in pairs if loop in axes]
        loops += [loop for loop in axes if loop not in loops]  # what is summed is innermost
        result = tuple(index(loops.index(n)) if n in loops else Affine() for n in pairs)
        source: Map = tuple(index(loops.index(n)) for n in axes)
        extents = tuple(y.shape[axes.index(n)] for n in loops)
        total = Contract(extents, (source,), result, kept(shape, attention.columns))
        value = self.builder.add(total, g * y)
        for (op, _), own in zip(dot.chain, others, strict=True):
            value = self.builder.add(op, value, *own)
        return value


def _every(rank: int) -> Map:
    """A loop for each axis."""
    return tuple(index(axis) for axis in range(rank))
