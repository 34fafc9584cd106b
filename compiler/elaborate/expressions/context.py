"""The state of one elaboration, which all its graphs share, and how a new graph is begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path as FilePath

from gradc_compiler.elaborate.expressions.expressions import LANGUAGE
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.problems import DiagnosticSink
from gradc_compiler.elaborate.names.registry import Registry
from gradc_compiler.elaborate.names.scope import GraphContext, Scope
from gradc_compiler.elaborate.names.values import Definitions, StaticValue
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass
class ElaborationContext:
    """The registry and the problems of one spec."""

    unit: SourceModule
    directory: FilePath
    overrides: Mapping[str, object]
    registry: Registry[Scope] = field(default_factory=Registry)
    problems: DiagnosticSink = field(default_factory=DiagnosticSink)
    applied: dict[str, tuple[StaticValue, ...]] = field(default_factory=dict)  # models' input types
    used_overrides: set[str] = field(default_factory=set)
    known_overrides: set[str] = field(default_factory=set)  # settings of the optimizers

    def run(self, *, training: bool = False) -> GraphContext:
        """A new, empty graph."""
        return GraphContext(self.registry, self.problems, LANGUAGE, training, applied=self.applied)

    def scope(self, run: GraphContext, path: str, unit: Definitions | None = None) -> Scope:
        """The outermost scope of a graph, in the spec's own file unless another is given."""
        return Scope(run, unit or self.unit, self.registry.names.root(path))
