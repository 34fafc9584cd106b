"""The typed graph of ONE example: append-only, single static assignment.

A `Graph` is frozen; a `Builder` appends nodes and hands out `Value`s, which overload arithmetic so
that a derivative rule reads like the formula.  `inputs` is the truth about edges (networkx would
keep one edge for `x * x`).  `span` leads every node, gradient nodes too, back to the author's
line; `origin` is the derivation ledger: which transformation made the node, from which node.

Recurrence: a `previous` node is one step behind a node that may come later and depend on it.  That
edge is no operand; it stands among the outputs as `carry/0`, by the number of the loop, so that all
that keeps the outputs keeps it.

A node is *varying* when its value differs from example to example (it depends on an input or on a
noise draw), and *uniform* otherwise; `varying` in this module decides which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.op_registry import OPS, constant_op
from gradc_compiler.graph.outputs import Carry, OutputKey
from gradc_compiler.graph.provenance import Application, Origin
from gradc_compiler.graph.remat_mark import Remat
from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass

if TYPE_CHECKING:
    from gradc_compiler.graph.op import Op

PICTURE = "gradc_compiler.explorer.svg"


_tags = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operation applied to earlier nodes."""

    id: int
    op: Op
    inputs: tuple[int, ...]  # in operand order; `x*x` names x twice
    type: TensorType
    span: Span | None = None  # where the user wrote it
    origin: Origin | None = None
    name: str | None = None  # what the author called it, for people
    remat: Remat = Remat.NO
    tag: int = field(default=-1, compare=False)  # kept when a pass copies the node
    block: Application | None = field(default=None, compare=False)  # whose body made it, for people


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, and the named ones that are wanted."""

    nodes: tuple[Node, ...]
    outputs: Mapping[OutputKey, int]

    def __getitem__(self, id: int) -> Node:
        return self.nodes[id]

    def _repr_svg_(self) -> str:
        """What a notebook shows: a picture.  `explorer` knows graphs, so it is met by name here."""
        found: str = import_module(PICTURE).graph_svg(self)
        return found

    @cached_property
    def carries(self) -> dict[int, int]:
        """For each loop, the node whose value is carried on to the next step."""
        return {key.loop: i for key, i in self.outputs.items() if isinstance(key, Carry)}

    @cached_property
    def results(self) -> dict[OutputKey, int]:
        """The outputs but for the carries: what is wanted of the graph."""
        return {key: i for key, i in self.outputs.items() if not isinstance(key, Carry)}

    @cached_property
    def users(self) -> Mapping[int, list[int]]:
        """For each node, the nodes that read it (once for each reading)."""
        result: dict[int, list[int]] = {node.id: [] for node in self.nodes}
        for node in self.nodes:
            for operand in node.inputs:
                result[operand].append(node.id)
        return result

    @cached_property
    def varying(self) -> frozenset[int]:
        """Nodes that are computed for each example: their value differs from one to the next, or
        they are marked so, as it is cheaper to compute than to keep.
        """
        result: set[int] = set()
        for node in self.nodes:
            op, anew = node.op, node.op.makes_varying or node.remat is Remat.MUST
            if anew or not (op.makes_uniform or result.isdisjoint(node.inputs)):
                result.add(node.id)
        return frozenset(result)

    def reachable(self, roots: Iterable[int]) -> set[int]:
        """The roots and all that they are computed from, in earlier steps too."""
        wanted, pending, carries = set[int](), list(roots), self.carries
        while pending:
            id = pending.pop()
            if id not in wanted:
                wanted.add(id)
                node = self.nodes[id]
                pending.extend(node.inputs)
                if node.op.carried_by in carries:  # else the loop is not closed yet
                    pending.append(carries[node.op.carried_by])
        return wanted


@dataclass
class Builder:
    """Appends nodes; the only way to make a graph."""

    nodes: list[Node] = field(default_factory=list)
    span: Span | None = None  # given to nodes added while it is set
    origin: Origin | None = None
    block: Application | None = None
    remat: Remat = Remat.NO
    varying_memo: list[bool] = field(default_factory=list)  # of the first nodes; see `is_varying`
    carries: dict[int, int] = field(default_factory=dict)  # loop -> node, once it is known
    loops: int = 0

    def is_varying(self, value: Value) -> bool:
        """Whether a value differs from example to example; each node is looked at once."""
        known = self.varying_memo
        for node in self.nodes[len(known) : value.id + 1]:
            inherits = not node.op.makes_uniform and any(known[i] for i in node.inputs)
            known.append(node.op.makes_varying or inherits)
        return known[value.id]

    def add(self, op: Op, *inputs: Value, name: str | None = None) -> Value:
        """Append `op(*inputs)`; raises `TypeFault` where the types do not fit."""
        type = op.lifted(*(x.type for x in inputs))
        node = Node(
            id=len(self.nodes),
            op=op,
            inputs=tuple(x.id for x in inputs),
            type=type,
            span=self.span,
            origin=self.origin,
            name=name,
            remat=self.remat,
            tag=next(_tags),
            block=self.block,
        )
        self.nodes.append(node)
        return Value(self, node.id)

    def inherit_provenance(self, node: Node) -> None:
        """Let nodes that are added tell the story of a node that they take the place of."""
        self.span, self.origin, self.remat = node.span, node.origin, node.remat
        self.block = node.block

    def copy(self, node: Node, inputs: Sequence[int]) -> int:
        """Append a node of another graph with operands of this one; its story is kept.

        Written out, as nodes are copied by the ten thousand and `replace` looks at every field.
        """
        id, operands = len(self.nodes), tuple(inputs)
        if node.id != id or node.inputs != operands:
            node = Node(
                id=id, op=node.op, inputs=operands, type=node.type, span=node.span,
                origin=node.origin, name=node.name, remat=node.remat, tag=node.tag,
                block=node.block,
            )  # fmt: skip
        self.nodes.append(node)
        return id

    def constant(self, value: float, shape: tuple[int, ...] = ()) -> Value:
        """Append a real constant; a shape fills a whole tensor with it."""
        return self.add(constant_op(float(value), shape))

    def value(self, id: int) -> Value:
        """The handle of a node."""
        return Value(self, id)

    def graph(self, outputs: Mapping[OutputKey, int] | Mapping[str, int]) -> Graph:
        """Freeze what has been built."""
        wanted: dict[OutputKey, int] = dict(outputs.items())
        wanted |= {Carry(loop): id for loop, id in self.carries.items()}
        return Graph(tuple(self.nodes), wanted)

    def new_loop(self) -> int:
        """The number of another loop."""
        self.loops += 1
        return self.loops - 1


@dataclass(slots=True, eq=False)  # not frozen: it is made for every node by every rewrite
class Value:
    """A node of a builder, with arithmetic that appends nodes."""

    builder: Builder
    id: int

    @property
    def node(self) -> Node:
        """The node itself."""
        return self.builder.nodes[self.id]

    @property
    def type(self) -> TensorType:
        """Its type."""
        return self.node.type

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes, for one example."""
        return self.node.type.shape

    def apply(self, name: str, *others: Value | float) -> Value:
        """Append the scalar operator `name` on this value and others; numbers become constants."""
        b = self.builder
        return b.add(OPS[name](), *(x if isinstance(x, Value) else b.constant(x) for x in others))

    def __add__(self, other: Value | float) -> Value:
        return self.apply("add", self, other)

    def __radd__(self, other: float) -> Value:
        return self.apply("add", other, self)

    def __sub__(self, other: Value | float) -> Value:
        return self.apply("sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.apply("sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.apply("mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return self.apply("mul", other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return self.apply("div", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return self.apply("div", other, self)

    def __neg__(self) -> Value:
        return self.apply("neg", self)

    def __gt__(self, other: Value | float) -> Value:
        return self.apply("gt", self, other)

    def __lt__(self, other: Value | float) -> Value:
        return self.apply("lt", self, other)

    def __ge__(self, other: Value | float) -> Value:
        return self.apply("ge", self, other)

    def __le__(self, other: Value | float) -> Value:
        return self.apply("le", self, other)
