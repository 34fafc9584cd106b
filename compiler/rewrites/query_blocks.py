"""Attention in blocks of its queries' rows, whose weights are not kept for the derivative.

    y = softmax(q k') v   becomes   y[i : i + n] = softmax(q[i : i + n] k') v, block by block

As written, attention on T positions has several values of T x T numbers a head, and the derivative
reads them.  In blocks there are n x T of each at a time, so that memory is linear in T; masks and
the draws of dropout, too, are computed for a block, and again where they are read again.  Of a
block the derivative keeps what softmax found of each row (its greatest score and its sum), and
computes the weights again from the product on (Dao et al., "FlashAttention", 2022): the members of
a region are marked for `remat.py`, their statistics are marked to be kept.

Within a region no row depends on another, so the numbers of a block are the same as without blocks.
The derivatives of keys and values are sums over rows; they add up the sums of blocks, which is
another order of the same terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.remat_mark import Remat
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.shape import Concat, Reshape, broadcast, slice_axis
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.score_regions import ScoreRegion, loop_along, score_regions
from gradc_compiler.rewrites.split_long_sums import kept_loops, piece

Block = tuple[int, int]
"""The first row, and how many."""
Shape = tuple[int, ...]


def attend_in_blocks(graph: Graph) -> Graph:
    """The graph with each attention on many positions in blocks."""
    regions = list(score_regions(graph))
    return _Rewriting(graph, regions).rewritten() if regions else graph


@dataclass
class _Rewriting:
    """A graph that is being written again, with some regions in blocks.

    The values that leave a region may lead to values that the region reads again: those of its
    derivative.  What comes before is the *forward half* of the region, what comes after is its
    second half; each is written in blocks by itself.
    """

    graph: Graph
    regions: Sequence[ScoreRegion]
    builder: Builder = field(default_factory=Builder)
    now: dict[int, Value] = field(default_factory=dict)  # the value that replaces a node
    blocks: dict[tuple[int, Block], Value] = field(default_factory=dict)  # the same, of some rows
    slices: dict[tuple[int, int, Block], Value] = field(default_factory=dict)
    owner: dict[int, ScoreRegion] = field(default_factory=dict)
    half: list[int] = field(default_factory=list)

    def rewritten(self) -> Graph:
        """The graph in blocks."""
        for region in self.regions:
            self.owner |= dict.fromkeys([*region.axes, *region.exits], region)
        self.half = _halves(self.graph, self.owner)
        for node in self.graph.nodes:
            if node.id not in self.owner:
                self.require(node.id)
        outputs = {name: self.require(id).id for name, id in self.graph.outputs.items()}
        return self.builder.graph(outputs)

    def require(self, id: int) -> Value:
        """The value that replaces a node, which is written now if it has not been."""
        if id not in self.now:
            node = self.graph[id]
            if (region := self.owner.get(id)) is not None:
                self.write_half(region, self.half[id])
            else:
                inputs = [self.require(i).id for i in node.inputs]
                self.now[id] = self.builder.value(self.builder.copy(node, inputs))
        return self.now[id]

    def write_half(self, region: ScoreRegion, half: int) -> None:
        """Half of a region, block after block, and then its values as a whole."""
        ids = sorted(i for i in (*region.axes, *region.exits) if self.half[i] == half)
        members = [self.graph[id] for id in ids]
        for node in members:
            for i in node.inputs:
                if i not in region.axes:
                    self.require(i)
        parts: dict[int, list[Value]] = {id: [] for id in ids}
        for block in blocks_of(region.rows):
            for node in members:
                self.builder.inherit_provenance(node)
                self.builder.remat = self.mark(region, node)
                part = self.part(region, node, block)
                if parts[node.id] and _sums_rows(region, node):
                    self.builder.remat = Remat.NEVER  # a total at a time, not all of its terms
                    part = parts[node.id].pop() + part
                parts[node.id].append(part)
                self.blocks[node.id, block] = part
        for node in members:
            self.builder.inherit_provenance(node)
            if whole := self.whole(region, node, parts[node.id]):
                self.now[node.id] = whole

    def mark(self, region: ScoreRegion, node: Node) -> Remat:
        """How a member is marked: scores are computed again, the statistics of rows are kept."""
        if node.id not in region.axes:
            return node.remat
        return Remat.MUST if region.is_large(node) else Remat.NEVER

    def part(self, region: ScoreRegion, node: Node, block: Block) -> Value:
        """Some rows of a member; or of an exit, the sum over them."""
        first, count = block
        operands = [self.operand(region, node, k, block) for k in range(len(node.inputs))]
        match node.op:
            case Contract() as op:
                new = _part_of_sum(op, self.loop(region, node), block, region, node.inputs)
                return self.builder.add(new, *operands, name=node.name)
            case Reshape(shape=shape):
                axis = region.axes[node.id]
                rows = Reshape((*shape[:axis], count, *shape[axis + 1 :]))
                return self.builder.add(rows, *operands, name=node.name)
            case Random() as op:
                drawn = op.rows(region.axes[node.id], first, count)
                return self.builder.add(drawn, *operands, name=node.name)
        return self.builder.add(node.op, *operands, name=node.name)

    def loop(self, region: ScoreRegion, node: Node) -> int:
        """The loop of a sum that goes over rows."""
        if node.id in region.exits:
            return region.exits[node.id]
        loop = loop_along(node, region.axes[node.id])
        assert loop is not None, "a member has its rows along one axis"
        return loop

    def operand(self, region: ScoreRegion, node: Node, k: int, block: Block) -> Value:
        """What a block reads: the same rows of a member, those rows of another value, or all of
        it.
        """
        id = node.inputs[k]
        if id in region.axes:
            return self.blocks[id, block]
        if not isinstance(node.op, Elementwise):
            return self.now[id]  # a sum reads the rows that it wants
        x = self.graph[id]
        axis = region.axes[node.id] - (node.type.rank - x.type.rank)
        if axis >= 0 and self.is_mask(x):
            return self.mask(x, axis, block, node.type.shape)
        return self.sliced(id, axis, block)

    def sliced(self, id: int, axis: int, block: Block) -> Value:
        """Some rows of a value from outside."""
        x, key = self.now[id], (id, axis, block)
        if axis < 0 or x.shape[axis] == 1:
            return x
        if key not in self.slices:
            self.slices[key] = slice_axis(x, axis, *block)
        return self.slices[key]

    def is_mask(self, node: Node) -> bool:
        """Whether a value is the same for all examples, and elementwise of far fewer numbers."""
        read = sum(self.graph[i].type.size for i in node.inputs)
        few = read * MACHINE.vector <= node.type.size
        return isinstance(node.op, Elementwise) and few and node.id not in self.graph.varying

    def mask(self, node: Node, axis: int, block: Block, whole: Shape) -> Value:
        """Some rows of a mask, which has a number for each pair of positions: computed anew for
        each reader, over its index space, so that its kernel has them and nobody stores them.
        """
        above, rank = axis - node.type.rank, len(whole)
        rows = (*whole[: rank + above], block[1], *whole[rank + above + 1 :])
        parts = [self.sliced(i, self.graph[i].type.rank + above, block) for i in node.inputs]
        self.builder.remat, before = Remat.MUST, self.builder.remat
        part = self.builder.add(node.op, broadcast(parts[0], rows), *parts[1:], name=node.name)
        self.builder.remat = before
        return part

    def whole(self, region: ScoreRegion, node: Node, parts: Sequence[Value]) -> Value | None:
        """The blocks one after another, or their sum; None if nothing reads the whole."""
        if _sums_rows(region, node):
            return parts[0]
        if node.id in region.axes:
            axis, wanted = region.axes[node.id], not region.is_large(node)
            return self.builder.add(Concat(axis), *parts) if wanted else None
        op, loop = node.op, region.exits[node.id]
        assert isinstance(op, Contract), "an exit is a product"
        axis = next(a for a, p in enumerate(op.result) if p.plain == loop)
        return self.builder.add(Concat(axis), *parts)


def blocks_of(rows: int) -> Iterator[Block]:
    """The blocks of so many rows, the last of which may be short."""
    for first in range(0, rows, MACHINE.query_rows):
        yield first, min(MACHINE.query_rows, rows - first)


def _sums_rows(region: ScoreRegion, node: Node) -> bool:
    """Whether a node is an exit that adds up rows."""
    return isinstance(node.op, Contract) and region.exits.get(node.id) not in (
        None,
        *kept_loops(node.op),
    )


def _halves(graph: Graph, owner: Mapping[int, ScoreRegion]) -> list[int]:
    """For each node, how often a path that leads to it has left a region."""
    half = list[int]()
    for node in graph.nodes:
        region, most = owner.get(node.id), 0
        for i in node.inputs:
            of = owner.get(i)
            left = of is not None and (of is not region or i in of.exits)
            most = max(most, half[i] + left)
        half.append(most)
    return half


def _part_of_sum(
    op: Contract, loop: int, block: Block, region: ScoreRegion, inputs: Sequence[int]
) -> Contract:
    """The sum over a block of rows, of members and results that begin with the block's first
    row.
    """
    first, count = block
    part = piece(op, loop, first, count)
    operands = tuple(
        own if id in region.axes else moved
        for id, own, moved in zip(inputs, op.operands, part.operands, strict=True)
    )
    shape = tuple(count if p.plain == loop else n for p, n in zip(op.result, op.shape, strict=True))
    return replace(part, operands=operands, result=op.result, shape=shape)
