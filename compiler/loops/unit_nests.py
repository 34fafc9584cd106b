"""Fusion groups as loop nests on views of buffers.

There is one function for each family: elementwise groups, and reductions (a maximum, a sum over
time, or a contraction of any number of operands, with elementwise nodes fused in front of a single
operand).  Gathers have kernels written by hand (`compiler/printing/cpu_gather.py`), and products of
two operands are kernels of the library (`compiler/select/lower.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradc_compiler.fusion.stages import Region
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.loops.ir import LoopNest, MemAccess, Store, Variable
from gradc_compiler.loops.scalar_code import IterationSpace, ScalarCode, identity, variable
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.rewrites.conv.match import covers


def pointwise_nest(
    graph: Graph,
    nodes: Sequence[int],
    stored: Mapping[int, BufferView],
    places: Mapping[int, BufferView],
    region: Region,
) -> LoopNest:
    """Elementwise nodes over one shape; `stored` are those that others read, and where they go."""
    domain = identity(graph[nodes[0]].type.shape, region)
    body = ScalarCode(graph, domain, places, set(nodes))
    for id in nodes:
        body.add(graph[id])
    stores = tuple(
        (variable(graph[id]), domain.access(place, graph[id].type.shape), Store.SET)
        for id, place in stored.items()
    )
    return LoopNest(
        loops=domain.loops(),
        loads=tuple(body.loads),
        statements=tuple(body.statements),
        stores=stores,
        positional=body.positional,
    )


def reduction_nest(
    graph: Graph,
    nodes: Sequence[int],
    target: BufferView,
    places: Mapping[int, BufferView],
    region: Region,
) -> LoopNest:
    """A maximum, a sum over time or a contraction, with what is fused in front of its operand.

    A mean over examples adds to the sums of other tiles.  A result adds to zeros if the loops do
    not reach each of its words exactly once.
    """
    node = graph[nodes[-1]]
    op = _as_contract(node, graph[node.inputs[0]])
    domain, *others = (
        IterationSpace(graph[i].type.shape, op.extents, m, region)
        for i, m in zip(node.inputs, op.operands, strict=True)
    )
    body = ScalarCode(graph, domain, places, set(nodes[:-1]))
    for id in nodes[:-1]:
        body.add(graph[id])
    value = body.product(node.inputs, (domain, *others))
    y = _result(node, op, target, body, region)
    inner = y.moves[1:] if region.phase.examples else y.moves
    summed = [j for j, move in enumerate(inner) if move == 0 and op.extents[j] != 1]
    paired = isinstance(node.op, TimeSum) and node.op.pair
    single = (value, y, _store(node, op, region))
    return LoopNest(
        loops=domain.loops(summed, over_rows=op.mean and region.phase.examples),
        loads=tuple(body.loads),
        statements=tuple(body.statements),
        stores=_pair(value, y, target.strides[0]) if paired else (single,),
        positional=body.positional,
    )


def _result(
    node: Node, op: Contract, target: BufferView, body: ScalarCode, region: Region
) -> MemAccess:
    """Where a term is added: a sum over time goes to the row's owner, the example."""
    owner = body.row("owner") if isinstance(node.op, TimeSum) else None
    if isinstance(node.op, TimeSum) and node.op.pair:
        target = replace(target, strides=target.strides[1:])
    return IterationSpace(op.shape, op.extents, op.result, region).access(target, op.shape, owner)


def _store(node: Node, op: Contract, region: Region) -> Store:
    """How terms reach the result: by a register, unless they add to what is there."""
    if isinstance(node.op, Max):
        return Store.MAX
    plain = all(p.plain is not None for p in op.result) and covers(op)
    adds = isinstance(node.op, TimeSum) or (op.mean and region.phase.examples)
    return Store.SUM if plain and not adds else Store.SUM_ADD


def _pair(
    value: Variable, y: MemAccess, words: int
) -> tuple[tuple[Variable, MemAccess, Store], ...]:
    """The stores of a sum that keeps what rounding has lost of it, so many words behind the sum;
    that one is stored first.
    """
    lost = replace(y, offset=y.offset + words)
    return (value, lost, Store.LOST), (value, y, Store.PAIR)


def _as_contract(node: Node, source: Node) -> Contract:
    """The loops of a maximum or of a sum over time, written as a contraction's."""
    if isinstance(node.op, Contract):
        return node.op
    loops = tuple(index(j) for j in range(source.type.rank))
    axes = node.op.axes if isinstance(node.op, Max) else ()
    kept = tuple(p for j, p in enumerate(loops) if j not in axes)
    shape = source.type.shape if isinstance(node.op, TimeSum) else node.type.shape
    return Contract(source.type.shape, (loops,), kept, shape)
