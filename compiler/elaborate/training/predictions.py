"""What a step's loss compares with the fields of its data: its predictions.

`cross_entropy(net(x), label)` says that `net(x)` has a score for each class of `label`, and
`(price(sqft) - paid)^2` that `price(sqft)` is an estimate of `paid`.  So a trained network can
answer in terms of its data, and be measured by more than its loss.  Only comparisons that the loss
depends on count, and of several with one field the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradc_compiler.elaborate.names.scope import Use
from gradc_compiler.graph.graph import Builder, Node, Value
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.index import Take
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.program.program import Meaning
from gradc_compiler.records.fast_dataclass import dataclass

COMPARED = {  # functions of the prelude: of a prediction and a target
    "cross_entropy": Meaning.SCORES,
    "bce_logits": Meaning.LOGIT,
    "bce": Meaning.PROBABILITY,
    "squared_error": Meaning.NUMBERS,
    "mean_squared_error": Meaning.NUMBERS,
    "absolute_error": Meaning.NUMBERS,
    "huber": Meaning.NUMBERS,
}
SAME = ("copy", "stop_gradient")  # the numbers of the operand
COUNTERS = ("seed", "step")
Found = tuple[str, Meaning, int]  # a field, what the prediction says of it, and its node


@dataclass(frozen=True)
class Comparisons:
    """Finds where a loss compares a value with a field of the data."""

    nodes: Sequence[Node]
    reached: frozenset[int]  # all that the loss is computed from

    def of_uses(self, uses: Sequence[Use]) -> Iterator[Found]:
        """The comparisons made by a function of the prelude, such as `cross_entropy`."""
        for use in uses:
            meaning = COMPARED.get(use.name)
            if meaning is None or len(use.inputs) < 2 or use.result not in self.reached:
                continue
            predicted, target = use.inputs[:2]
            field = None if target is None else self.field(target)
            if field is not None and predicted is not None:
                yield field, meaning, predicted

    def written_out(self) -> Iterator[Found]:
        """The comparisons written out: `prediction - field`, and `log(prediction[label])`."""
        for id in sorted(self.reached):
            node = self.nodes[id]
            if node.op.name == "sub":
                yield from self._difference(*node.inputs)
            elif node.op.name == "log" and isinstance(self._given(node).op, Take):
                table, index = self._given(node).inputs
                if (field := self.field(index)) is not None and self.nodes[table].type.rank == 1:
                    yield field, Meaning.PROBABILITIES, table

    def _given(self, node: Node) -> Node:
        return self.nodes[self.source(node.inputs[0])]

    def _difference(self, left: int, right: int) -> Iterator[Found]:
        for target, predicted in ((right, left), (left, right)):
            field, type = self.field(target), self.nodes[target].type
            fits = type.shape == self.nodes[predicted].type.shape and type.kind is Kind.REAL
            if field is not None and fits:
                yield field, Meaning.NUMBERS, predicted

    def field(self, id: int) -> str | None:
        """The field that a node has the numbers of."""
        op = self.nodes[self.source(id)].op
        return op.key if isinstance(op, Input) else None

    def source(self, id: int) -> int:
        """Where the numbers of a node come from unchanged, perhaps in another shape."""
        while self._keeps_numbers(self.nodes[id]):
            id = self.nodes[id].inputs[0]
        return id

    def _keeps_numbers(self, node: Node) -> bool:
        if node.op.name == "mul":
            factor = self.nodes[node.inputs[1]].op
            return isinstance(factor, Constant) and factor.value == 1
        return isinstance(node.op, Reshape) or node.op.name in SAME


def predictions(
    builder: Builder, loss: Value | None, uses: Sequence[Use]
) -> Mapping[str, tuple[Meaning, Value]]:
    """For each field, by name: the value that a loss compares it with, and its meaning."""
    if loss is None:
        return {}
    graph = builder.graph({})
    seen = Comparisons(builder.nodes, frozenset(graph.reachable([loss.id])))
    found = dict[str, tuple[Meaning, Value]]()
    for field, meaning, id in (*seen.of_uses(uses), *seen.written_out()):
        value = Value(builder, id)
        below = (builder.nodes[k].op for k in graph.reachable([id]))
        learnt = any(isinstance(op, PersistentOp) and op.key not in COUNTERS for op in below)
        if field not in found and learnt and builder.is_varying(value):
            found[field] = meaning, value
    return found
