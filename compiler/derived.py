"""The derived program is a program: a spec's loss and gradient, printed as a `.nn` file.

The file parses, type-checks, compiles and trains like one written by hand: a student can save a
gradient, edit it, run it, and see what breaks.  A spec with one step becomes a model that returns
the loss and the gradients, and a `train` that descends along them.  With several steps the
parameters stand in one model and each step is written out in `train`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.elaborate.registry import PersistentSpec
from compiler.expressions import Statements, input_text, type_text
from compiler.graph.graph import Graph
from compiler.ops.leaf import Input
from compiler.passes import optimise
from compiler.pipeline import Compilation
from compiler.syntax.tree import (
    Data,
    Declaration,
    Definition,
    Setting,
    Statement,
    Step,
    Train,
    Using,
)

HEAD = "# The loss and its gradient as one program: edit it, and run it like any other.\n"
NO_TRAIN = "# This file has no `train`, so there is nothing to differentiate.\n"
LEFT_OUT = ("batch", "fold")  # so that means and masks stay formulas
KEPT = ("optimizer", "schedule", "initializer")
PLAIN = re.compile(  # a first value that means the same anywhere
    r"(~ [a-z_]+(\([\d., eE+-]*\))?|= -?[\d._]+(e-?\d+)?)$"
)


@dataclass(frozen=True, slots=True)
class Derived:
    """One step: its gradient graph, its data's fields, and the clauses that stay as they were."""

    name: str
    graph: Graph
    fields: tuple[str, ...]
    clauses: str

    def gradients(self) -> dict[str, int]:
        """Parameter -> node of its gradient."""
        heads = {k: i for k, i in self.graph.outputs.items() if k.startswith("gradient/")}
        return {k.removeprefix("gradient/"): i for k, i in heads.items()}


def print_program(made: Compilation) -> str:
    """The text of the derived program of a compiled spec."""
    train = next((d for d in made.tree.declarations if isinstance(d, Train)), None)
    if train is None or made.module.train is None:
        return NO_TRAIN
    data = next(
        d for d in made.tree.declarations if isinstance(d, Data) and d.name == train.data.name
    )
    specs = {p.name: p for p in made.module.persistents() if p.role in ("parameter", "state")}
    steps = [
        Derived(
            step.name,
            optimise(made.graphs[f"gradients/{step.name}"], without=LEFT_OUT),
            tuple(f.name for f in data.fields),
            _clauses(train.body, step.name),
        )
        for step in made.module.train.steps
    ]
    body = _one_step(steps[0], specs) if len(steps) == 1 else _several(steps, specs)
    model, inside = body
    block = "\n".join(f"    {line}" if line else "" for line in inside)
    kept = "".join(f"{d.span.text}\n\n" for d in made.tree.declarations if _is_kept(d))
    rest = f"{data.span.text}\n\ntrain on {train.data.name} {{\n{block}\n}}\n"
    return f"{HEAD}\n{kept}{model}\n{rest}"


def _is_kept(declaration: Declaration) -> bool:
    """Whether a definition is named by what stays as the author wrote it."""
    return isinstance(declaration, Definition) and declaration.kind in KEPT


def _clauses(body: Sequence[Statement], step: str) -> str:
    """`using` and settings as the author wrote them."""
    inside = [s for s in body if isinstance(s, Step) and s.name == step]
    return "\n".join(
        s.span.text for s in (inside[0].body if inside else body) if isinstance(s, Using | Setting)
    )


def _one_step(step: Derived, specs: Mapping[str, PersistentSpec]) -> tuple[str, list[str]]:
    heads = {name.split(".")[0] for name in specs}
    taken = {*step.fields, *(str(n.type.time) for n in step.graph.nodes)}
    alone = len(heads) == 1 and not any(name.partition(".")[2] in taken for name in specs)
    model = heads.pop() if alone else "joint"
    prefix = f"{model}." if model != "joint" else ""
    local = {name: name.removeprefix(prefix) for name in specs}
    statements = Statements(step.graph, local)
    lines = [*_declarations(specs, local), *statements.lines()]
    inputs = [n.op.key for n in step.graph.nodes if isinstance(n.op, Input)]
    typed = [input_text(n) for n in step.graph.nodes if isinstance(n.op, Input)]
    found = step.gradients()
    names = ["loss", *(f"g{k}" for k in range(len(found)))]
    nodes = [step.graph.outputs["loss"], *found.values()]
    outputs = ", ".join(
        f"{n} : {type_text(step.graph[i].type)}" for n, i in zip(names, nodes, strict=True)
    )
    lines += [f"# g{k} is dloss/d({name})" for k, name in enumerate(found)]
    lines.append(f"({', '.join(statements.names[i] for i in nodes)})")
    text = f"model {model}({', '.join(typed)}) -> ({outputs}) {{\n" + _indented(lines) + "}\n"
    inside = [
        f"{', '.join(names)} = {model}({', '.join(inputs)})",
        *_descend({f"{model}.{local[name]}": f"g{k}" for k, name in enumerate(found)}),
        *step.clauses.splitlines(),
        "report loss = loss",
    ]
    return text, inside


def _several(
    steps: Sequence[Derived], specs: Mapping[str, PersistentSpec]
) -> tuple[str, list[str]]:
    """All parameters in a model `joint`, bound to w0, w1, ... in `train`."""
    own = {name: name for name in specs}
    lines = [*_declarations(specs, own), f"({', '.join(specs)})"]
    types = ", ".join(f"w{k} : {type_text(p.type)}" for k, p in enumerate(specs.values()))
    model = f"model joint() -> ({types}) {{\n" + _indented(lines) + "}\n"
    weights = {name: f"w{k}" for k, name in enumerate(specs)}
    inside = [f"{', '.join(weights.values())} = joint()"]
    for step in steps:
        statements = Statements(step.graph, weights)
        body = statements.lines()
        found = step.gradients()
        body += _descend({f"joint.{name}": statements.names[i] for name, i in found.items()})
        body += [
            *step.clauses.splitlines(),
            f"report loss = {statements.names[step.graph.outputs['loss']]}",
        ]
        inside += [f"step {step.name} {{", *(f"    {line}" for line in body), "}"]
    return model, inside


def _declarations(specs: Mapping[str, PersistentSpec], local: Mapping[str, str]) -> Iterator[str]:
    for name, spec in specs.items():
        word = "param" if spec.role == "parameter" else "state"
        initial = spec.initial_text if PLAIN.match(spec.initial_text) else "= 0"
        if word == "state" and initial.startswith("~"):
            initial = "= 0"
        yield f"{word} {local[name]} : {type_text(spec.type)} {initial}"


def _descend(pairs: Mapping[str, str]) -> list[str]:
    items = [f"{parameter} along {direction}" for parameter, direction in pairs.items()]
    return (
        [f"descend {items[0]},", *(f"        {i}," for i in items[1:-1]), f"        {items[-1]}"]
        if items[1:]
        else [f"descend {items[0]}"]
    )


def _indented(lines: Sequence[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)
