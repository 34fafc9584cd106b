"""Long sums as sums of sums: no term goes through more than a few hundred additions in a row.

    y = sum over k of x[k]  becomes  p[q] = sum over i of x[q * n + i],  y = sum over q of p[q]

See Note [How long a chain of additions is] in `compiler/machine/addition_chains.py`.  A sum is cut
here if its number of terms is known when it is compiled.  A product of two operands is left alone,
as the kernels of the library cut its sum themselves.  A mean over examples first adds up each
example's own terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.machine.addition_chains import AGAIN, IN_A_ROW, LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract, Map, index
from gradc_compiler.ops.elementwise import add as Add
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.ops.shape import sum_axes


def cut_long_sums(graph: Graph) -> Graph:
    """Rewrite every sum that is longer than LONG."""
    candidates = {node.id for node in graph.nodes if _is_candidate(graph, node)}
    candidates -= set(_averaged(graph))
    return rewrite_nodes(graph, _cut, asked=candidates)


def _is_candidate(graph: Graph, node: Node) -> bool:
    match node.op:
        case TimeSum(pair=pair):
            return not pair
        case Contract():
            return len(node.op.operands) not in (0, 2)
        case op:
            return op.terms(*(graph[i].type for i in node.inputs)) > LONG


def _averaged(graph: Graph) -> Iterator[int]:
    """Sums over time that only a mean reads; the mean adds up the elements of all sequences at
    once.
    """
    users, wanted = graph.users, set(graph.outputs.values())
    for node in graph.nodes:
        readers = [graph[u].op for u in users[node.id]]
        only = bool(readers) and all(isinstance(op, BatchMean) for op in readers)
        if isinstance(node.op, TimeSum) and only and node.id not in wanted:
            yield node.id


def _cut(node: Node, xs: Sequence[Value]) -> Value | None:
    """The values that replace a node; None if its sum is short."""
    match node.op:
        case TimeSum():
            return long_total(xs[0])
        case Contract(mean=True) as op:
            return _mean(op, xs)
        case Contract(mean=False) as op:
            of_means = any(x.node.op.makes_uniform for x in xs)
            return _sum(op, xs, AGAIN if of_means else LONG)
        case op if op.terms(*(x.type for x in xs)) > LONG:
            return sum_axes(xs[0].builder.add(op.paired(), *xs), [0])
    return None


def _mean(op: Contract, xs: Sequence[Value]) -> Value | None:
    """A mean over rows of sums: the sums are made first if they are long or go through memory."""
    terms, kept = _terms(op), kept_loops(op)
    innermost = takewhile(lambda loop: loop in kept, reversed(range(len(op.extents))))
    in_memory = prod(op.extents[loop] for loop in innermost) >= MACHINE.vector
    timed, builder = any(x.type.time is not None for x in xs), xs[0].builder
    if terms <= (1 if in_memory else IN_A_ROW) and not (timed and in_memory):
        return None
    single = replace(op, mean=False)
    y = _sum(single, xs, AGAIN) or builder.add(single, *xs)
    y = y.builder.add(TimeSum(), y) if timed else y
    return builder.add(BatchMean(), y)


def long_total(x: Value) -> Value | None:
    """A sum over time, unless it is short for certain."""
    if isinstance(x.type.time, int) and x.type.time <= LONG:
        return None
    return sum_axes(x.builder.add(TimeSum(pair=True), x), [0])


def _sum(op: Contract, xs: Sequence[Value], most: int = LONG) -> Value | None:
    """A sum in two steps, or None if it has no more than so many terms."""
    if _terms(op) <= most:
        return None
    kept, inside = kept_loops(op), 1
    for loop in reversed(range(len(op.extents))):
        if loop in kept:
            continue
        extent = op.extents[loop]
        if inside * extent > IN_A_ROW:
            return _cut_at(op, xs, loop, max(1, IN_A_ROW // inside))
        inside *= extent
    raise AssertionError("a long sum has a loop to be cut")


def _cut_at(op: Contract, xs: Sequence[Value], loop: int, most: int) -> Value:
    """The loop to cut into blocks of at most so many iterations; the loops before it are left for a
    second sum.
    """
    extent = op.extents[loop]
    size = next((n for n in range(most, most // 2, -1) if extent % n == 0), most)
    blocks = extent // size
    outer = [j for j in range(loop) if j not in kept_loops(op)]
    total = with_axes(split(op, loop, blocks, size), xs, [*outer, loop])
    if extent % size:
        rest = piece(op, loop, blocks * size, extent % size)
        short = None if outer else _sum(rest, xs, AGAIN) or total.builder.add(rest, *xs)
        total = total.builder.add(Add(), total, short or with_axes(rest, xs, outer))
    return total


def with_axes(op: Contract, xs: Sequence[Value], loops: Sequence[int]) -> Value:
    """The sums for each iteration of some loops, and then the sum of these."""
    extents = tuple(op.extents[j] for j in loops)
    result = (*(index(j) for j in loops), *op.result)
    sums = xs[0].builder.add(replace(op, result=result, shape=extents + op.shape), *xs)
    shape, first = sums.shape, len(loops)
    places = tuple(index(j) for j in range(len(shape)))
    last = Contract(shape, (places,), places[first:], op.shape)
    return _sum(last, [sums], AGAIN) or sums.builder.add(last, sums)


def split(op: Contract, loop: int, blocks: int, size: int) -> Contract:
    """The same contraction with one of its loops as two: over blocks, and over the terms of a
    block.
    """

    def moved(m: Map) -> Map:
        return tuple(replace(p, terms=tuple(t for term in p.terms for t in parts(term))) for p in m)

    def parts(term: tuple[int, int]) -> list[tuple[int, int]]:
        j, coefficient = term
        if j == loop:
            return [(loop, coefficient * size), (loop + 1, coefficient)]
        return [(j + (j > loop), coefficient)]

    extents = (*op.extents[:loop], blocks, size, *op.extents[loop + 1 :])
    return replace(
        op, extents=extents, operands=tuple(map(moved, op.operands)), result=moved(op.result)
    )


def piece(op: Contract, loop: int, start: int, extent: int) -> Contract:
    """The same contraction with only the iterations from `start` on of a loop."""

    def moved(m: Map) -> Map:
        return tuple(replace(p, offset=p.offset + start * dict(p.terms).get(loop, 0)) for p in m)

    extents = (*op.extents[:loop], extent, *op.extents[loop + 1 :])
    operands = tuple(map(moved, op.operands))
    return replace(op, extents=extents, operands=operands, result=moved(op.result))


def kept_loops(op: Contract) -> set[int]:
    """The loops that move the result."""
    return {loop for p in op.result for loop, _ in p.terms}


def _terms(op: Contract) -> int:
    """The terms of a number of the result."""
    kept = kept_loops(op)
    return prod(n for j, n in enumerate(op.extents) if j not in kept)
