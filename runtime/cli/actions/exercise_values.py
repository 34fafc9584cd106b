"""The numbers of an exercise: what the learner's lines give, and what the chain rule gives.

A learner's file is compiled and evaluated by the reference, in float64, and nothing of it is run:
it cannot read, write or loop.  Each line is judged by itself, with the answers in place of the
others, so that one mistake counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

import numpy as np

from gradc_compiler.diagnostics.source import Source, Span
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import TensorType
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.samples import random_batch, work_of
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.pipeline import compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation, derive_steps
from gradc_compiler.study.loss_as_written import WrittenLoss, loss_as_written
from gradc_compiler.study.value_labels import adjoint_label
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Call, File, Import, Name, Tree
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.transform.unparse_expr import type_text
from gradc_runtime.cli.actions.exercise_text import (
    DerivativeLine,
    Exercise,
    lines_of,
    replaced,
)
from gradc_runtime.cli.faults import Refused

Values = Mapping[str, np.ndarray]  # of inputs [1, *shape] and parameters, by name
DERIVATIVES = ("grad", "jvp", "vjp", "hvp", "jacobian", "hessian")
LARGEST = 10**6  # multiplications of a learner's program


class Truth:
    """The loss of an exercise and its derivatives, by the chain rule."""

    def __init__(self, exercise: Exercise) -> None:
        made = compilation(exercise.source, ".", None)
        self.exercise, self.forward = exercise, made.module.forward(exercise.model)
        self.written = loss_as_written(self.forward, self.forward.results["loss"], "loss", {})
        self.wrt = {line.of: self._node(self.written, line) for line in exercise.lines.values()}

    @staticmethod
    def _node(written: WrittenLoss, line: DerivativeLine) -> int:
        found = written.named(line.of)
        assert found is not None, f"{line.name} is the derivative by a value of the exercise"
        return found

    @cached_property
    def derivation(self) -> Derivation:
        """The steps of the chain rule."""
        written = self.written
        return derive_steps(
            written.graph, written.target, written.names, [*self.wrt.values()], mean=False
        )

    @cached_property
    def graph(self) -> Graph:
        """What gives every value and every derivative, by name."""
        made = self.derivation
        outputs: dict[OutputKey, int] = {name: id for id, name in made.names.items()}
        outputs |= {adjoint_label(name): made.wrt[name] for name in self.wrt}
        return Graph(made.graph.nodes, outputs)

    @property
    def types(self) -> dict[str, TensorType]:
        """The types of the results."""
        return {str(key): self.forward[id].type for key, id in self.forward.results.items()}

    def values_at(self, seed: int) -> dict[str, np.ndarray]:
        """Random numbers for the inputs, and for the parameters as well."""
        leaves = {
            n.op.key: n for n in self.written.graph.nodes if isinstance(n.op, Input | PersistentOp)
        }
        drawn = {
            name: np.asarray(random_batch(name, node.type, 1, seed), dtype=np.float64)
            for name, node in leaves.items()
        }
        return {
            name: array if isinstance(leaves[name].op, Input) else array[0]
            for name, array in drawn.items()
        }

    def readers(self, name: str) -> list[ChainStep]:
        """The steps that send something to a value."""
        return [s for s in self.derivation.steps if any(t.of == name for t in s.terms)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a learner handed in."""

    source: Source
    lines: Mapping[str, DerivativeLine]

    @staticmethod
    def of(source: Source, exercise: Exercise) -> Attempt:
        """A file, read.

        Raises `CompileError` for its syntax, `Refused` where lines were taken out of it, or where
        it has the compiler differentiate.
        """
        tree = parse(source)
        lines = lines_of(tree)
        if missing := [name for name in exercise.lines if name not in lines]:
            raise Refused(f"{source.name} has no line {', '.join(missing)}")
        for span, word in _shortcuts(tree):
            raise Refused(f"{source.name}:{span.line}: {word}, and that is the exercise")
        return Attempt(source=source, lines=lines)

    @property
    def filled(self) -> list[str]:
        """The names of what was filled in."""
        return [name for name, line in self.lines.items() if not line.is_open]

    def program(self, truth: Truth, own: Collection[str]) -> Graph:
        """The learner's program, in which all lines but `own` are those of the answers.

        Raises `CompileError` for what does not compile, `Refused` for what is no longer this
        exercise.
        """
        exercise, types = truth.exercise, truth.types
        new = {}
        for name, answer in exercise.lines.items():
            span = self.lines[name].span
            said = span.text if name in own else answer.span.text
            new[span] = f"{said} : {type_text(types[name])}"
        text = replaced(self.source.text, new)
        module = compilation(Source(self.source.name, text), ".", None).module
        if exercise.model not in module.models:
            raise Refused(f"{self.source.name} has no model {exercise.model} any more")
        graph = module.forward(exercise.model)
        _require_same(graph, truth, self.source.name)
        return graph


def _require_same(graph: Graph, truth: Truth, name: str) -> None:
    """Refuse a program that reads or gives something else than the exercise, or is huge."""
    known = {
        n.op.key: n.type for n in truth.forward.nodes if isinstance(n.op, Input | PersistentOp)
    }
    for node in graph.nodes:
        if isinstance(node.op, Input | PersistentOp) and known.get(node.op.key) != node.type:
            raise Refused(f"{name} reads {node.op.key} : {node.type}, the exercise does not")
    if missing := [key for key in truth.types if key not in graph.results]:
        raise Refused(f"{name} gives no {', '.join(missing)} any more: restore its last line")
    if work_of(graph) > LARGEST:
        raise Refused(f"{name} computes far more than the exercise asks for")


def _shortcuts(tree: File) -> Iterator[tuple[Span, str]]:
    """Where a program has the compiler do the exercise, or reads another file."""
    waiting: list[Tree] = [tree]
    while waiting:
        part = waiting.pop()
        match part:
            case Call(function=Name(name=name)) if name in DERIVATIVES:
                yield part.span, f"{name}() differentiates"
            case Import():
                yield part.span, "an exercise is one file, and this imports another"
        waiting += children(part)


def results_at(graph: Graph, values: Values) -> dict[str, np.ndarray]:
    """What a program gives for one example, by name."""
    with np.errstate(all="ignore"):
        found = evaluate(graph, values, 1, "float64")
    varying = graph.varying
    return {
        str(key): np.asarray(array)[0] if graph.results[key] in varying else np.asarray(array)
        for key, array in found.items()
    }
