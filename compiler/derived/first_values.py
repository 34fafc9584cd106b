"""Declarations of parameters and states, each with its first value.

An expression stays as it was written where all its names mean the same in the derived program.
Otherwise (a setting of the layer, a file's own initializer) the graph that it was made into is
written out, as a definition of its own.
"""

from __future__ import annotations

from gradc_compiler.derived.kept import is_known
from gradc_compiler.derived.naming import Names
from gradc_compiler.elaborate.names.registry import Declared, PersistentSpec
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.pipeline import Compilation
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.syntax.grammar.unparse import unparse
from gradc_compiler.transform.statement_writer import StatementWriter
from gradc_compiler.transform.unparse_expr import number, type_text

LEFT_OUT = ("batch", "fold")


class Declarations:
    """All declarations by the model that they belong to, and the definitions that they need."""

    def __init__(self, made: Compilation, names: Names) -> None:
        self.made, self.names = made, names
        self.definitions: list[str] = []  # written for this program
        self.used: set[str] = set()  # names of the author's
        self.by_head: dict[str, dict[str, str]] = {}  # head -> local name -> line
        for name, spec in names.specs.items():
            head, _, local = name.partition(".")
            self.by_head.setdefault(head, {})[local] = self._line(local, spec)

    def lines(self, head: str) -> list[str]:
        """The declarations of a model, or of `train`."""
        return [*self.by_head.get(head, {}).values()]

    def local(self, head: str) -> list[str]:
        """The names that they declare."""
        return [*self.by_head.get(head, {})]

    def _line(self, local: str, spec: PersistentSpec) -> str:
        word = "param" if spec.role == "parameter" else "state"
        return f"{word} {local} : {type_text(spec.type)} {self._first_value(spec)}"

    def _first_value(self, spec: PersistentSpec) -> str:
        """`= 0`, `~ glorot_uniform`: what follows the type."""
        declared = spec.declared
        assert declared is not None, "parameters and states are declared"
        sign = "~" if declared.drawn else "="
        if self._means_the_same(declared):
            self.used |= {*names_in(declared.expression)}
            return f"{sign} {unparse(declared.expression)}"
        graph = optimise(spec.initial, LEFT_OUT)
        value = graph[graph.results["value"]]
        if isinstance(value.op, Constant) and not declared.drawn:
            return f"= {number(value.op.value)}"
        name = self.names.made(f"first{len(self.definitions)}")
        spare = {node.id: "c1" for node in graph.nodes} | {value.id: self.names.made("value")}
        writer = StatementWriter(graph, {}, self.names.prefix("v"), spare=spare)
        lines = [*writer.lines(), writer.names[value.id]]
        body = "".join(f"    {line}\n" for line in lines)
        head = f"initializer {name}" if declared.drawn else f"function {name}()"
        self.definitions.append(f"# The first value of {spec.name}.\n{head} {{\n{body}}}\n")
        return f"~ {name}" if declared.drawn else f"= {name}()"

    def _means_the_same(self, declared: Declared[Scope]) -> bool:
        """Whether every name is known beyond the body that it stands in, and means the same."""
        scope, unit = declared.scope, self.made.module.unit
        found = {name: scope.unit.find(name) for name in names_in(declared.expression)}
        return not found.keys() & scope.names.keys() and all(
            not d.is_model and is_known(d, unit) if d is not None else unit.find(name) is None
            for name, d in found.items()
        )
