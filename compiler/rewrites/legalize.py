"""Legalisation: the graph is put into forms that kernels can compute, before it is scheduled.

Kernels make demands on how their operands lie in memory.  Where a demand is not met, a copy is put
into the graph, so that copies are fused, counted and shown like anything else that is computed:

* A contraction may read outside its operand, where zeros are meant: the operand then needs a halo
  of zeros in memory.  An elementwise kernel writes its result into such a buffer at once; any other
  value is copied into one.
* The column loop of a product must have stride 1 in the second operand.  Where it has not, the
  operand is *packed*: copied with that axis last (a weight once a step).  Where the sum is long,
  dot products along it are as fast without a copy.
* An output is a row-major copy of its own, unless it is the elementwise update of state.
* `batch_mean(x)` becomes a contraction that averages over the examples; `batch_mean(total(x))` one
  that sums over the elements of sequences as well.
* A value of a whole example that a contraction over a sequence reads is repeated for every
  element; rows that a sequence takes of one are read where it lies.

`compiler/rewrites/table.py` says what comes before and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.outputs import Role, is_of
from gradc_compiler.graph.rebuild import rebuild, rewrite_nodes, with_operands
from gradc_compiler.graph_tools.contiguous import is_contiguous
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract, Map, index
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.ops.index import Increment, Take
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeBroadcast, TimeSum
from gradc_compiler.ops.shape import transpose
from gradc_compiler.rewrites.contraction_columns import column_loop, turned_back

LONG_SUM = MACHINE.dots_terms
MANY_ROWS = MACHINE.many_rows  # of one example, from which the copy costs less whatever the sum


def legalize(graph: Graph) -> Graph:
    """The graph with the copies and forms that kernels need."""
    return rewrite_nodes(graph, _rule)


def _rule(node: Node, xs: list[Value]) -> Value | None:
    given = xs if isinstance(node.op, Elementwise) else _spread(node, xs)
    match node.op:
        case BatchMean():
            return _mean(node, given[0])
        case Contract() as op:
            op, given = _contraction(op, given)
            node = replace(node, op=op)
        case op if op.row_major:
            given = [x if is_contiguous(x.node) else x.builder.add(Copy(), x) for x in given]
    return with_operands(node, given, xs[0].builder) if xs else None


def _mean(node: Node, x: Value) -> Value:
    """The contraction that averages over the examples; a value that is the same for all is its own
    mean.

    It is a product with 1 if the numbers are few, since these would fill no vector of a loop, while
    the tile of a product adds up several examples at once.  It is one, too, if they come from the
    elements of sequences, whose rows are then the terms of the product, summed in registers.
    """
    builder = x.builder
    if not builder.is_varying(x):
        return x
    shape, loops = node.type.shape, tuple(index(j) for j in range(node.type.rank))
    through = isinstance(x.node.op, TimeSum) and not x.node.op.pair
    few = bool(shape) and (through or 1 < shape[-1] < MACHINE.vector)
    source = builder.value(x.node.inputs[0]) if through else x
    operands = (loops, ()) if few else (loops,)
    op = Contract(shape, operands, loops, shape, mean=True)
    ones = [builder.constant(1.0)] * (len(operands) - 1)
    return builder.add(op, source, *ones, name=node.name)


def _spread(node: Node, xs: list[Value]) -> list[Value]:
    """The operands of an operator over a sequence; an operand that an example has only once is
    repeated for every element.
    """
    times = [x.type.time for x in xs if x.type.time is not None]
    if not times or node.op.sequential:
        return xs
    own = isinstance(node.op, Take) and xs[1].type.time is not None  # of an example, by its owner
    return [
        x.builder.add(TimeBroadcast(times[0]), x)
        if x.type.time is None and x.builder.is_varying(x) and not (own and k == 0)
        else x
        for k, x in enumerate(xs)
    ]


def copy_outputs(graph: Graph) -> Graph:
    """Let every output be a tensor of its own, in row-major order."""
    builder, _ = rebuild(graph)
    outputs = dict(graph.outputs)
    taken: set[int] = set()
    wanted = graph.results.items()
    for name, id in sorted(wanted, key=lambda item: not is_of(Role.UPDATE, item[0])):
        value = builder.value(id)
        fresh = is_of(Role.UPDATE, name) and isinstance(value.node.op, Elementwise | Increment)
        if not fresh or id in taken:
            builder.inherit_provenance(value.node)
            outputs[name] = builder.add(Copy(), value).id
        taken.add(outputs[name])
    return builder.graph(outputs)


def _contraction(op: Contract, xs: Sequence[Value]) -> tuple[Contract, list[Value]]:
    xs, maps = list(xs), list(op.operands)
    for k in range(len(xs)):
        xs[k], maps[k] = turned_back(xs[k], maps[k])
    op = replace(op, operands=tuple(maps))
    for k, x in enumerate(xs):
        if op.reads_outside(k, x.shape) and not isinstance(x.node.op, Elementwise):
            xs[k] = x.builder.add(Copy(), x)
    if len(xs) == 2:
        for k in packing(op):
            xs[k], maps[k] = _pack(xs[k], maps[k], column_loop(op))
    return replace(op, operands=tuple(maps)), xs


def packing(op: Contract) -> list[int]:
    """The operands, by number, that must be copied so that the column loop is their last axis."""
    loop = column_loop(op)
    if loop is None or _dots(op, loop):
        return []
    return [
        k
        for k, m in enumerate(op.operands)
        if any(p.plain == loop for p in m[:-1])
        and m[-1].plain != loop
        and sum(loop in dict(p.terms) for p in m) == 1
    ]


def _dots(op: Contract, columns: int) -> bool:
    """Whether both operands are contiguous along a sum that is long enough for dot products.

    If one example has many rows, copying the matrix is faster even so.
    """
    if prod(op.shape) >= MANY_ROWS * op.extents[columns]:
        return False
    left, right = (m[-1].plain if m else None for m in op.operands)
    kept = {loop for p in op.result for loop, _ in p.terms}
    return left is not None and left == right and left not in kept and op.extents[left] >= LONG_SUM


def _pack(x: Value, m: Map, loop: int | None) -> tuple[Value, Map]:
    axis = next(j for j, p in enumerate(m) if p.plain == loop)
    order = [j for j in range(len(m)) if j != axis] + [axis]
    moved = transpose(x, order)
    return moved.builder.add(Copy(), moved), tuple(m[j] for j in order)
