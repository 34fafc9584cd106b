"""A unit of nodes as loop nests, in terms of places.

One function a family: pointwise units, reductions (a maximum, or a contraction of one operand) with
their prologue, and the gathers, which have source of their own (`emit/gather.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.graph.graph import Graph, Node
from compiler.ops.contract import Contract, Map, index
from compiler.ops.elementwise import Elementwise
from compiler.ops.index import Increment
from compiler.ops.leaf import Constant
from compiler.ops.random import Random
from compiler.ops.reduce import Max
from compiler.schedule.layout import Place, covers, row_major
from compiler.schedule.nest import RANGE, Access, Loop, Nest, Store, merge_loops, order_loops


@dataclass(frozen=True, slots=True)
class Domain:
    """The index space of a unit: `shape` read at affine positions of `extents`, per example or
    once.
    """

    shape: tuple[int, ...]
    extents: tuple[int, ...]
    positions: Map
    examples: bool

    def access(self, place: Place, shape: Sequence[int]) -> Access:
        """A value of `shape`, broadcast to the domain's, as the loops move over it."""
        lead = len(self.shape) - len(shape)
        moves, offset = [0] * len(self.extents), place.offset
        for axis, (n, stride) in enumerate(zip(shape, place.strides, strict=True)):
            if n == 1 and self.shape[lead + axis] != 1:
                continue
            position = self.positions[lead + axis]
            offset += position.offset * stride
            for loop, coefficient in position.terms:
                moves[loop] += coefficient * stride
        if self.examples:
            moves.insert(0, place.example)
        return Access(storage=place.storage, offset=offset, moves=tuple(moves), index=place.index)

    def loops(self, reduced: Sequence[int] = (), over_examples: bool = False) -> tuple[Loop, ...]:
        """Loop headers; `reduced` counts the extents."""
        inner = tuple(Loop(extent=n, reduces=j in reduced) for j, n in enumerate(self.extents))
        return (Loop(extent=RANGE, reduces=over_examples), *inner) if self.examples else inner


def identity(shape: tuple[int, ...], examples: bool) -> Domain:
    """Every element of a shape."""
    return Domain(shape, shape, tuple(index(j) for j in range(len(shape))), examples)


def pointwise_nest(
    graph: Graph,
    nodes: Sequence[int],
    stored: Mapping[int, Place],
    places: Mapping[int, Place],
    examples: bool,
) -> Nest:
    """Elementwise nodes over one shape; `stored` are those that others read, and where they go."""
    domain = identity(graph[nodes[0]].type.shape, examples)
    body = _Statements(graph, domain, places, set(nodes))
    for id in nodes:
        body.add(graph[id])
    stores = tuple(
        (variable(graph[id]), domain.access(place, graph[id].type.shape), Store.SET)
        for id, place in stored.items()
    )
    return merge_loops(
        Nest(
            loops=domain.loops(),
            loads=tuple(body.loads),
            statements=tuple(body.lines),
            stores=stores,
            positional=body.positional,
        )
    )


def reduction_nest(
    graph: Graph,
    nodes: Sequence[int],
    target: Place,
    places: Mapping[int, Place],
    examples: bool,
) -> tuple[Nest, bool]:
    """A maximum or one-operand contraction with its prologue; and whether Y is zeroed first."""
    node = graph[nodes[-1]]
    source = graph[node.inputs[0]]
    op = _as_contract(node, source)
    mean = isinstance(node.op, Contract) and node.op.mean
    domain = Domain(source.type.shape, op.extents, op.operands[0], examples)
    result = Domain(node.type.shape, op.extents, op.result, examples)
    y = result.access(target, node.type.shape)
    body = _Statements(graph, domain, places, set(nodes[:-1]))
    for id in nodes[:-1]:
        body.add(graph[id])
    value = body.read(source)
    plain = all(p.plain is not None for p in op.result) and covers(op)
    inner = y.moves[1:] if examples else y.moves
    summed = [j for j, move in enumerate(inner) if move == 0 and op.extents[j] != 1]
    nest = Nest(
        loops=domain.loops(summed, over_examples=mean),
        loads=tuple(body.loads),
        statements=tuple(body.lines),
        stores=((value, y, Store.ADD),),
        positional=body.positional,
    )
    return _choose_store(nest, isinstance(node.op, Max), mean, plain)


def _choose_store(nest: Nest, maximum: bool, partial: bool, plain: bool) -> tuple[Nest, bool]:
    """Sum in a register where the innermost loop sums, in memory where it does not."""
    ((value, y, _),) = nest.stores
    if not any(loop.reduces for loop in nest.loops):
        store = Store.SET if plain and not partial else Store.ADD
        return merge_loops(
            replace(nest, stores=((value, y, store),))
        ), store is Store.ADD and not partial
    last = max((j for j, loop in enumerate(nest.loops) if loop.extent != 1), default=0)
    if maximum or nest.loops[last].reduces:
        order = sorted(range(len(nest.loops)), key=lambda j: nest.loops[j].reduces)
        store = Store.MAX if maximum else Store.SUM_ADD if partial or not plain else Store.SUM
        nest = order_loops(replace(nest, stores=((value, y, store),)), order)
        return merge_loops(nest), store is Store.SUM_ADD and not partial
    return merge_loops(nest), not partial


def _as_contract(node: Node, source: Node) -> Contract:
    """A maximum's loops, written as a contraction's."""
    if isinstance(node.op, Contract):
        return node.op
    assert isinstance(node.op, Max)
    loops = tuple(index(j) for j in range(source.type.rank))
    kept = tuple(p for j, p in enumerate(loops) if j not in node.op.axes)
    return Contract(source.type.shape, (loops,), kept, node.type.shape)


def variable(node: Node) -> str:
    """What holds a node's value in a kernel: `n12` a whole number, `v12` a real one."""
    return f"n{node.id}" if isinstance(node.op, Increment) else f"v{node.id}"


class _Statements:
    """Three-address statements of a unit, and the loads they need."""

    def __init__(
        self, graph: Graph, domain: Domain, places: Mapping[int, Place], inside: set[int]
    ) -> None:
        self.graph, self.domain, self.places, self.inside = graph, domain, places, inside
        self.loads: list[tuple[str, Access]] = []
        self.lines: list[str] = []
        self.positional = False
        self._known: set[str] = set()

    def add(self, node: Node) -> None:
        """The statement that computes a node."""
        match node.op:
            case Random() as op:
                self.lines.append(f"v{node.id} = {self._draw(node, op)}")
            case Increment():
                count = self.read(self.graph[node.inputs[0]], raw=True)
                self.lines.append(f"{variable(node)} = {count} + 1")
            case Elementwise() as op:
                operands = [self.read(self.graph[i]) for i in node.inputs]
                self.lines.append(f"v{node.id} = {op.text.format(*operands)}")

    def read(self, node: Node, raw: bool = False) -> str:
        """The variable or literal that holds an operand's element."""
        if isinstance(node.op, Constant):
            return f"real({_written(node.op.value)})"
        if node.id in self.inside:
            name = variable(node)
            return f"real({name})" if name.startswith("n") and not raw else name
        name = f"{'n' if raw else 'v'}{node.id}"
        if name not in self._known:
            self._known.add(name)
            access = self.domain.access(self.places[node.id], node.type.shape)
            self.loads.append((name, access))
        return name

    def _draw(self, node: Node, op: Random) -> str:
        self.positional = True
        seed, step = (self.read(self.graph[i], raw=True) for i in node.inputs)
        first = 1 if self.domain.examples else 0
        terms = [
            f"i{first + j} * {s}" if s != 1 else f"i{first + j}"
            for j, s in enumerate(row_major(op.shape))
        ]
        example = "0" if op.shared or not self.domain.examples else "first + i0"
        kind = "normal" if op.normal else "uniform"
        return f"philox_{kind}({seed}, {step}, {example}, {op.node}, {' + '.join(terms) or '0'})"


def _written(number: float) -> str:
    """A number as source: what Python prints as a name is written as a sum that has its value."""
    named = {"inf": "1e999", "-inf": "-1e999", "nan": "1e999 - 1e999"}
    return named.get(repr(number), repr(number))
