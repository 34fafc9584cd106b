"""What there is to see of a gradient, as plain data: values, steps of the chain rule, blocks.

Everything is read off a `Derivation`, so the page shows what `gradc derive` tells, in the same
words.  A value is known by its number, its place in the order in which values are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.explorer.blocks import block_tree
from gradc_compiler.explorer.short_formula import short_formula
from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation, Term
from gradc_compiler.study.derivation_text import author_line, before_text
from gradc_compiler.study.forward_values import looked_back
from gradc_compiler.study.read_back import FormulaReader
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.textbook_formula import Letter, equation, symbols, text
from gradc_compiler.study.value_labels import adjoint_label

KINDS: Mapping[type, str] = {Input: "input", PersistentOp: "parameter", Random: "drawn"}


@dataclass(frozen=True, slots=True)
class Shown:
    """The values of a derivation by number, and the number of each of their nodes."""

    made: Derivation
    nodes: list[int]  # of a value, the node that has it first
    numbers: Mapping[int, int]  # node -> value
    by_name: Mapping[str, int]
    reader: FormulaReader

    @staticmethod
    def of(made: Derivation) -> Shown:
        """In order; a value that is only reshaped is one."""
        nodes: list[int] = []
        numbers: dict[int, int] = {}
        by_name: dict[str, int] = {}
        for id, name in sorted(made.names.items()):
            if name not in by_name:
                by_name[name] = len(nodes)
                nodes.append(id)
            numbers[id] = by_name[name]
        letters = {id: Letter(name) for id, name in made.names.items()}
        return Shown(made, nodes, numbers, by_name, FormulaReader(made.graph, letters))


def view_of(made: Derivation) -> dict[str, Any]:
    """Values, steps and blocks; no numbers, which come from a run."""
    shown = Shown.of(made)
    graph = made.graph
    paths = {k: node.op.key for k, id in enumerate(shown.nodes)
             if isinstance((node := graph[id]).op, PersistentOp)}  # fmt: skip
    tree, called = block_tree([graph[id].block for id in shown.nodes], paths)
    return {
        "of": made.of,
        "loss": shown.by_name[made.of],
        "wrt": [shown.by_name[name] for name in made.wrt],
        "values": [{**_value(shown, k), "layer": called.get(k)} for k in range(len(shown.nodes))],
        "steps": [_step(shown, step) for step in made.steps],
        "blocks": tree,
    }


def _value(shown: Shown, number: int) -> dict[str, Any]:
    """One value: what it is called, how it is computed, where that is written."""
    node = shown.made.graph[shown.nodes[number]]
    name = shown.made.names[node.id]
    return {
        "name": name,
        "adjoint": adjoint_label(name),
        "kind": _kind(shown, node),
        "operator": node.op.name,
        "type": str(node.type),
        **_formula(shown, node),
        "reads": sorted({*_read(shown, node)} - {number}),
        "carried": _carried(shown, node),
        "place": place_of(node.span),
    }


def _kind(shown: Shown, node: Node) -> str:
    if node.id == shown.made.loss:
        return "loss"
    if isinstance(node.op, PersistentOp) and node.type.kind is Kind.INDEX:
        return "counter"
    return KINDS.get(type(node.op), "value")


def _formula(shown: Shown, node: Node) -> dict[str, str]:
    """How a value is computed, and in few words; nothing for an input or a parameter."""
    if isinstance(node.op, Input | PersistentOp):
        return {"formula": "", "short": "", "equation": ""}
    left = shown.made.names[node.id]
    if isinstance(node.op, Previous):
        said = before_text(looked_back(node, shown.reader))
        return {"formula": said, "short": said, "equation": f"{left} = {said}"}
    formula = shown.reader.written_out(node)
    return {
        "formula": text(formula),
        "short": short_formula(formula),
        "equation": equation(left, formula),
    }


def _read(shown: Shown, node: Node) -> Iterator[int]:
    """The values that a node reads; what has no name is looked through."""
    pending = [*node.inputs]
    while pending:
        id = pending.pop()
        if id in shown.numbers:
            yield shown.numbers[id]
        elif not isinstance(shown.made.graph[id].op, Constant):
            pending += shown.made.graph[id].inputs


def _carried(shown: Shown, node: Node) -> int | None:
    """What a recurrence looks back at."""
    if not isinstance(node.op, Previous):
        return None
    return shown.numbers.get(shown.made.graph.carries.get(node.op.loop, -1))


def place_of(span: Span | None) -> list[int] | None:
    """First line and column, last line and column after it; from 1, in code points."""
    if span is None:
        return None
    end = Span(source=span.source, start=span.end, end=span.end)
    return [span.line, span.column, end.line, end.column]


def _step(shown: Shown, step: ChainStep) -> dict[str, Any]:
    """One step: what comes in, by which rule, and what goes out."""
    return {
        "number": step.number,
        "value": shown.by_name[step.value],
        "computed": equation(step.value, step.computed),
        "rule": step_rule(step),
        "written": author_line(step),
        "loop": step.loop is not None,
        "carried": step.incoming is None,
        "cut": dict(step.cut),
        "terms": [_term(shown, step, term) for term in step.terms],
    }


def _term(shown: Shown, step: ChainStep, term: Term) -> dict[str, Any]:
    """What a step sends to one value."""
    read = {shown.by_name[s] for s in symbols(term.formula) if s in shown.by_name}
    return {
        "to": shown.by_name[term.of],
        "formula": text(term.formula),
        "short": short_formula(term.formula),
        "equation": equation(adjoint_label(term.of), term.formula, str, "+=" if term.adds else "="),
        "adds": term.adds,
        "summed": term.summed,
        "reads": sorted(read),
        "operators": [*_operators(shown, step, term)],
    }


def _operators(shown: Shown, step: ChainStep, term: Term) -> Iterator[str]:
    """The operators of the gradient that make a term of the cotangent and of values, in order."""
    graph, known = shown.made.graph, {*shown.made.names, step.incoming}
    made, pending = set[int](), [id for id in term.sent if id not in known]
    while pending:
        id = pending.pop()
        if id not in made and not isinstance(graph[id].op, Constant):
            made.add(id)
            pending += [i for i in graph[id].inputs if i not in known]
    yield from (f"{graph[id].op.name} : {graph[id].type}" for id in sorted(made))
