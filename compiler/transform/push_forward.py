"""Forward-mode differentiation as a graph-to-graph transformation.

Takes a typed graph in the making, the values that move and how they move (their tangents), and
appends the nodes that compute how others move with them: dy = (dy/dx) dx.  The walk goes the way
the graph was built; each operator's rule (`Op.jvp`) gives the terms that dy is the sum of.  What is
appended has rules itself, so tangents can be differentiated again, in either direction: forward
over reverse is the derivative of a gradient along a direction.  Runs inside `elaborate`, for
`jvp(e, x, v)`.  Background: Griewank & Walther, "Evaluating Derivatives", 2008, ch. 2 and 3.

Names: `y` an operator's result, `x` its operands, `dx` and `dy` their tangents: graph values, never
numbers.  A tangent has the type of its value; what has none does not move.

Nothing here is about examples: each one's values move with its own tangents, and where a value is
shared by all of them, so is its tangent.  `batch_mean` of what moves is the mean of tangents.

A recurrence p = previous(start), h = f(p), with h carried back, moves along a recurrence of the
same direction: dp = previous(dstart), and dh is carried back.  Within the body of a cell p is a
value of its own: what it becomes is not known yet, and it moves only if it is asked to.

Conventions are those of `differentiate`, whose rules and masks are used: Note [Cut tangents].
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from gradc_compiler.graph.graph import Builder, Node, Value
from gradc_compiler.graph.op import NoDerivative
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.sequence import Previous, TimeBroadcast
from gradc_compiler.ops.shape import broadcast
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.active_path import path_between
from gradc_compiler.transform.cotangent_masks import below, may_be_infinite, selected
from gradc_compiler.transform.missing_rule import without_rule
from gradc_compiler.transform.tangent_masks import TangentMasks
from gradc_compiler.transform.value_ranges import Bounds


def push_forward(
    builder: Builder, ys: Sequence[Value], xs: Sequence[Value], dxs: Sequence[Value]
) -> list[Value]:
    """The tangent of every y, each of y's type, where each x moves along its dx.

    An x that is made of another moves along its own dx as well as with the other, so that the
    tangent of y is the sum over xs of (dy/dx) dx.  Zeros where y does not depend on any.
    Raises `CompileError` at the author's line where an operator has no rule.
    """
    graph, moves = builder.graph({}), dict[int, Value]()
    for x, dx in zip(xs, dxs, strict=True):
        moves[x.id] = moves[x.id] + dx if x.id in moves else dx
    active = path_between(graph, moves, [y.id for y in ys])
    before = builder.span, builder.origin, builder.block
    masks = TangentMasks(builder, active)
    walk = _ForwardWalk(builder, masks, Bounds(builder), graph.carries.keys())
    for node in graph.nodes:
        if node.id in active:
            walk.reach(node, moves.get(node.id))
    walk.close(graph.carries)
    builder.span, builder.origin, builder.block = before
    return [as_moves(y, walk.tangent.get(y.id) or builder.constant(0.0, y.shape)) for y in ys]


@dataclass
class _ForwardWalk:
    """The tangents so far."""

    builder: Builder
    masks: TangentMasks
    bounds: Bounds
    closed: Collection[int]  # loops of which it is known what they carry
    tangent: dict[int, Value] = field(default_factory=dict)
    loops: dict[int, int] = field(default_factory=dict)  # `previous` -> loop of its tangent
    wild: dict[int, bool] = field(default_factory=dict)  # may be infinite; True: far from a cut too

    def reach(self, node: Node, given: Value | None) -> None:
        """The tangent of one value: what its operands' make of it, and what is given."""
        dy = self._of_operands(node)
        if dy is not None:
            dy = as_moves(self.builder.value(node.id), dy)
            self.masks.reach(node)
        if given is not None:
            dy = given if dy is None else dy + given
            self.masks.open(node)
        if dy is not None:
            self.tangent[node.id] = dy

    def _of_operands(self, node: Node) -> Value | None:
        y, xs = self.builder.value(node.id), [self.builder.value(i) for i in node.inputs]
        dxs = [self.tangent.get(x.id) for x in xs]
        moved = next(filter(None, dxs), None)
        self.builder.span, self.builder.block = node.span, node.block
        tag = None if moved is None else moved.node.tag
        self.builder.origin = Origin(f"jvp of {node.op.name}", node.tag, tag)
        if isinstance(node.op, Previous) and (moved is not None or node.op.loop in self.closed):
            return self._a_step_before(node, moved)
        if moved is None:
            return None
        dxs = [None if dx is None else self._masked(y, k, xs, dx) for k, dx in enumerate(dxs)]
        terms = self._selected(y, xs, _rule(dxs, y, xs))
        self._note_wild(y, xs, dxs)
        found = [term for term in terms if term is not None]
        return sum(found[1:], start=found[0]) if found else None

    def _a_step_before(self, node: Node, start: Value | None) -> Value:
        before = node.op
        assert isinstance(before, Previous), "a recurrence"
        op = Previous(self.builder.new_loop(), before.time, before.backwards)
        self.loops[node.id] = op.loop
        return self.builder.add(op, start or self.builder.constant(0.0, node.type.shape))

    def _masked(self, y: Value, k: int, xs: Sequence[Value], dx: Value) -> Value:
        """A tangent that a factor made of comparisons is 0 for, set to 0 if it may be infinite."""
        product = y.node.op.name == "mul"
        if xs[k].id not in self.wild or not (product or isinstance(y.node.op, Contract)):
            return dx
        if not (product or self.wild[xs[k].id]):
            return dx
        mine = below(None, y, k, xs)
        return dx if mine is None else dx.apply("where", mine.mask, dx, 0.0)

    def _selected(
        self, y: Value, xs: Sequence[Value], terms: Sequence[Value | None]
    ) -> list[Value | None]:
        """The terms of an elementwise rule, each 0 where its tangent was cut and a slope may be
        infinite.
        """
        if not isinstance(y.node.op, Elementwise) or len(terms) != len(xs):
            return [*terms]
        cuts = [self.masks.cuts.get(x.id) for x in xs]
        return [
            term and selected(cuts[k], self.bounds, y, k, xs, term) for k, term in enumerate(terms)
        ]

    def _note_wild(self, y: Value, xs: Sequence[Value], dxs: Sequence[Value | None]) -> None:
        flows = [k for k, dx in enumerate(dxs) if dx is not None]
        known = [self.wild[xs[k].id] for k in flows if xs[k].id in self.wild]
        far = any(may_be_infinite(self.bounds, y, k, xs, far=True) for k in flows)
        if known or far or any(may_be_infinite(self.bounds, y, k, xs, far=False) for k in flows):
            self.wild[y.id] = far or any(known)

    def close(self, carries: Mapping[int, int]) -> None:
        """Let each recurrence of tangents carry on the tangent of what its own carries."""
        for number, loop in self.loops.items():
            node = self.builder.nodes[number]
            carried = self.builder.value(carries[_loop_of(node)])
            dy = self.tangent.get(carried.id) or self.builder.constant(0.0, carried.shape)
            self.builder.carries[loop] = as_moves(carried, dy).id
        self.masks.close(carries)


def as_moves(y: Value, dy: Value) -> Value:
    """A tangent of y's own shape and time, where fewer numbers stand for all of them."""
    dy = broadcast(dy, y.shape)
    if y.type.time is None or dy.type.time is not None:
        return dy
    return dy.builder.add(TimeBroadcast(y.type.time), dy)


def _loop_of(node: Node) -> int:
    assert isinstance(node.op, Previous), "a recurrence"
    return node.op.loop


def _rule(dxs: Sequence[Value | None], y: Value, xs: Sequence[Value]) -> Sequence[Value | None]:
    try:
        found: Sequence[Value | None] = y.node.op.jvp(dxs, y, *xs)
    except NoDerivative as missing:
        raise without_rule(missing, y.node.span) from None
    return found
