"""The numbers that persist between steps: what there is of them, by name.

One registry serves all graphs of a module, so that a forward pass and a training step agree on
every parameter.  How a number is first drawn is kept as text and scope, and built at the end.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import field
from typing import Any, Generic, TypeVar

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.paths import LayerNames
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.ruled import DerivativeRule
from gradc_compiler.program.program import Schedules
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Expr

S = TypeVar("S")  # the `Scope` of an expression, which is defined further up


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistentSpec:
    """A parameter, a state or a counter, and the graph that gives its first value."""

    name: str
    type: TensorType
    role: str  # "parameter", "state", "optimizer", "counter" or "schedule"
    initial: Graph  # one output, "value"
    span: Span
    declared: Declared[Any] | None = None  # as the author wrote it; None for a counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Generic[S]):
    """A persistent as it was declared, before its initial graph is built."""

    name: str
    type: TensorType
    role: str
    drawn: bool  # `~`, an initializer; else a value
    expression: Expr
    scope: S  # what the expression may read
    span: Span  # of the declaration
    place: Span  # of the author's text that made it: outside the prelude


@dataclass
class Registry(Generic[S]):
    """Everything declared so far, in order."""

    declared: dict[str, Declared[S]] = field(default_factory=dict)
    names: LayerNames = field(default_factory=LayerNames)  # of layers
    elements: int = 0  # of all parameters together
    rules: dict[Hashable, DerivativeRule] = field(default_factory=dict)  # by function and types
    schedules: dict[str, Schedules] = field(default_factory=dict)  # by prefix of the step
    tables: list[PersistentSpec] = field(default_factory=list)  # that they are read from

    def below(self, path: str, role: str = "parameter") -> list[Declared[S]]:
        """What has the name `path` or a name that begins with `path.`."""
        return [
            d
            for d in self.declared.values()
            if d.role == role and (d.name == path or d.name.startswith(path + "."))
        ]

    def parameters(self) -> list[Declared[S]]:
        """All parameters."""
        return [d for d in self.declared.values() if d.role == "parameter"]

    def add(self, declared: Declared[S]) -> None:
        """File a new persistent."""
        self.declared[declared.name] = declared
        if declared.role == "parameter":
            self.elements += declared.type.size

    def children(self, path: str) -> set[str]:
        """The names that may follow `path.`."""
        return {d.name[len(path) + 1 :].split(".")[0] for d in self.below(path) if d.name != path}
