"""`each(layer)`: a layer for one element, applied along a leading axis.

The layer is elaborated once, for one element, in a graph of its own; that graph is then copied with
the axis put in front of everything that depends on the element.  No operator is unrolled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.spec_limits import LimitedBuilder
from gradc_compiler.elaborate.names.values import StaticValue
from gradc_compiler.graph.graph import Node, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.transform.leading_axis import NotMapped, repeated, with_axis


def apply_to_each(
    layer: StaticValue, arguments: Sequence[StaticValue], span: Span, scope: Scope
) -> StaticValue:
    """The layer's results for all elements, stacked along a new leading axis."""
    values = [to_value(a, scope, span) for a in arguments]
    size = _leading_size(values, span, scope)
    outer, since = scope.run.builder, len(scope.run.builder.nodes)
    run = scope.run.apart(LimitedBuilder(span=outer.span, block=outer.block))
    inner = replace(scope, run=run)
    elements = [
        run.builder.add(Input(f"element{k}", v.shape[1:], v.type.classes, v.type.time))
        for k, v in enumerate(values)
    ]
    result = inner.call(layer, elements, span)
    require_sound(result)
    if run.updates:
        raise scope.fault("E0315", "each cannot map a layer that updates its state", span)
    scope.run.applications = run.applications
    lift = Batcher(scope, run.builder, size, dict(enumerate(values)))
    if isinstance(result, tuple):
        mapped: StaticValue = tuple(lift.result(to_value(part, inner, span)) for part in result)
    else:
        mapped = lift.result(to_value(result, inner, span))
    scope.run.note_use("each", span, since, values, mapped)
    return mapped


def _leading_size(values: Sequence[Value], span: Span, scope: Scope) -> int:
    """How many elements all of these have along their first axis."""
    sizes = {v.shape[0] for v in values if v.shape}
    if len(sizes) != 1 or not all(v.shape for v in values):
        types = " and ".join(str(v.type) for v in values)
        raise scope.fault("E0303", f"each needs one leading axis of equal size, got {types}", span)
    return sizes.pop()


class Batcher:
    """Copies an element's graph, with the axis of all elements in front where it is needed."""

    def __init__(
        self, scope: Scope, inner: LimitedBuilder, count: int, given: dict[int, Value]
    ) -> None:
        self.scope, self.count = scope, count
        self.lifted: set[int] = set()
        self.copies: list[Value] = []
        builder = scope.run.builder
        before, block = builder.span, builder.block
        for node in inner.nodes:
            builder.span, builder.block = node.span, node.block
            if node.id in given:
                self.lifted.add(node.id)
                self.copies.append(given[node.id])
            else:
                self.copies.append(self._copy(node))
        builder.span, builder.block = before, block

    def result(self, value: Value) -> Value:
        """A value of the element's graph for all elements."""
        copy = self.copies[value.id]
        return copy if value.id in self.lifted else repeated(copy, self.count)

    def _copy(self, node: Node) -> Value:
        operands = [self.copies[i] for i in node.inputs]
        flags = [i in self.lifted for i in node.inputs]
        if isinstance(node.op, Previous):
            raise self._fault(node, "a recurrence")
        if isinstance(node.op, PersistentOp):
            return self.scope.run.persistent(node.op.key, node.type, index=node.op.index)
        if not any(flags) and not (isinstance(node.op, Random) and not node.op.shared):
            return self._add(node, node.op, operands)
        self.lifted.add(node.id)
        try:
            return with_axis(self.scope.run.builder, node, operands, flags, self.count)
        except NotMapped as missing:
            raise self._fault(node, missing.what) from None

    def _add(self, node: Node, op: Op, operands: list[Value]) -> Value:
        return self.scope.run.builder.add(op, *operands, name=node.name)

    def _fault(self, node: Node, what: str) -> SpecError:
        assert node.span is not None, "every node of a body has a span"
        return self.scope.fault("E0315", f"each cannot map {what}", node.span)
