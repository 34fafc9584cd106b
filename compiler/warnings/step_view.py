"""A step of the training as warnings look at it: what the author wrote, and what it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from gradc_compiler.diagnostics.source import Label, Span
from gradc_compiler.elaborate import Module
from gradc_compiler.elaborate.models.module import StepInfo
from gradc_compiler.elaborate.names.scope import Use
from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.outputs import OutputKey, Role, is_of
from gradc_compiler.ops.leaf import Constant, PersistentOp
from gradc_compiler.ops.sequence import Length, TimePosition
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.value_ranges import Bounds, Known

COUNTERS = ("seed", "step")
SAME = ("copy", "stop_gradient")  # the numbers of the operand
SELECTING = ("where", "maximum", "minimum")  # cut the cotangent of what they do not take


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWarning:
    """What there is to say of a place."""

    span: Span
    message: str
    label: str = ""
    secondary: tuple[Label, ...] = ()
    hint: str | None = None


def varies(node: Node) -> bool:
    """Whether a node brings in numbers that differ between examples or steps."""
    match node.op:
        case PersistentOp(key=key):
            return key not in COUNTERS
        case Length() | TimePosition():
            return True
        case _:
            return node.op.makes_varying


@dataclass(frozen=True)
class Look:
    """A step, and what is found out about it when it is first asked for."""

    module: Module
    step: StepInfo

    @cached_property
    def graph(self) -> Graph:
        """Loss, reports and gradients of one example."""
        return self.module.training(self.step.name)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Where the author applies the prelude."""
        return self.module.steps[self.step.name].uses

    @cached_property
    def made_by(self) -> dict[int, Use]:
        """For each node of the prelude's, what made it."""
        return {id: use for use in self.uses for id in use.made}

    @cached_property
    def results(self) -> dict[int, Use]:
        """What the prelude gave."""
        return {use.result: use for use in self.uses if use.result is not None}

    @cached_property
    def _bounds(self) -> Bounds:
        return Bounds(Builder(nodes=list(self.graph.nodes)))

    @cached_property
    def reached(self) -> set[int]:
        """All that the loss is computed from."""
        return self.graph.reachable([self.graph.outputs["loss"]])

    @cached_property
    def shown(self) -> dict[OutputKey, int]:
        """The loss and the reports."""
        results = self.graph.results
        shown = {n for n in results if n == "loss" or is_of(Role.REPORT, n)}
        return {n: i for n, i in results.items() if n in shown}

    def bounds(self, id: int) -> Known:
        """What is known of a node's numbers."""
        return self._bounds.of(Value(self._bounds.builder, id))

    def own(self, ids: set[int]) -> Iterator[tuple[Node, Span]]:
        """Those of the nodes that the author wrote himself: none of the prelude or a derivative."""
        for id in sorted(ids - self.made_by.keys()):
            node = self.graph[id]
            if node.origin is None and node.span is not None:
                yield node, node.span

    def source(self, id: int) -> int:
        """Where the numbers of a node come from unchanged, perhaps in another shape."""
        while self._keeps_numbers(self.graph[id]):
            id = self.graph[id].inputs[0]
        return id

    def _keeps_numbers(self, node: Node) -> bool:
        """Whether a node has the numbers of its first operand: a place times 1 is a real number."""
        if node.op.name == "mul":
            factor = self.graph[node.inputs[1]].op
            return isinstance(factor, Constant) and factor.value == 1
        return isinstance(node.op, Reshape) or node.op.name in SAME

    @cached_property
    def moved(self) -> set[int]:
        """The nodes that have a slope by a parameter of this step."""
        found: set[int] = set()
        for _ in range(2 if self.graph.carries else 1):  # again for what a recurrence carries
            for node in self.graph.nodes:
                if self._is_moved(node, found):
                    found.add(node.id)
        return found

    def _is_moved(self, node: Node, moved: set[int]) -> bool:
        if isinstance(node.op, PersistentOp):
            return node.op.key in self.step.over
        if (node.op.kink or "").startswith("0 everywhere"):
            return False
        inputs = node.inputs[1:] if node.op.name == "where" else node.inputs
        loop = node.op.carried_by
        carried = self.graph.carries.get(loop) if loop is not None else None
        return any(i in moved for i in inputs) or carried in moved

    @cached_property
    def exposed(self) -> set[int]:
        """The nodes that a cotangent reaches which nothing has cut on its way."""
        found, pending = set[int](), [self.graph.outputs["loss"]]
        while pending:
            id = pending.pop()
            if id in found or id not in self.moved:
                continue
            found.add(id)
            node = self.graph[id]
            pending += () if node.op.name in SELECTING else node.inputs
            if node.op.carried_by in self.graph.carries:
                pending.append(self.graph.carries[node.op.carried_by])
        return found
