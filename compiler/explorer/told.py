"""The derivation of a compiled program, which shows itself: in a terminal as `gradc derive` prints
it, in a notebook as a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from gradc_compiler.derived.step_labels import model_results
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.program.program import Program
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation, Term, derive_steps
from gradc_compiler.study.derivation_forms import derivation_markdown
from gradc_compiler.study.derivation_latex import derivation_latex
from gradc_compiler.study.derivation_numbers import Arrays, arrays_at, numbers_of
from gradc_compiler.study.derivation_text import (
    Numbers,
    author_line,
    derivation_text,
    forward_lines,
    head_lines,
    path_lines,
    running_total,
    term_text,
)
from gradc_compiler.study.loss_as_written import WrittenLoss, loss_as_written
from gradc_compiler.study.single_path import LocalSlope, single_paths
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.tell_once import Again, LoopBegins, tell_once
from gradc_compiler.study.textbook_formula import equation
from gradc_compiler.syntax.parse.parse import parse

STYLE = "border-left:3px solid #a33c1f;padding:2px 0 2px 12px;margin:8px 0"
MONO = "font-family:ui-monospace,monospace;white-space:pre-wrap"


@dataclass(frozen=True, slots=True)
class ToldDerivation:
    """A gradient as numbered steps of the chain rule, with numbers where inputs were given."""

    made: Derivation
    paths: Mapping[str, Sequence[LocalSlope]]
    numbers: Numbers

    def __str__(self) -> str:
        return derivation_text(self.made, self.paths, self.numbers)

    def __repr__(self) -> str:
        by = ", ".join(self.made.wrt)
        return f"<gradient of {self.made.of} by {by}: {len(self.made.steps)} steps>"

    def markdown(self) -> str:
        """As `gradc derive --format md` prints it."""
        return derivation_markdown(self.made, self.paths, self.numbers)

    def latex(self) -> str:
        """As `gradc derive --format latex` prints it: a page for pdflatex."""
        return derivation_latex(self.made, self.paths, self.numbers)

    def _repr_html_(self) -> str:
        """What a notebook shows; every text of a spec is text."""
        head, *rest = head_lines(self.made)
        parts = [f"<p><b>{escape(head)}</b><br>{escape(' '.join(rest))}</p>"]
        parts.append(_pre(forward_lines(self.made, self.numbers)))
        for told in tell_once(self.made):
            match told:
                case LoopBegins() as loop:
                    parts.append(f"<p><i>{escape(loop.words)}</i></p>")
                case Again():
                    parts.append(_again(told, self.numbers))
                case ChainStep():
                    parts.append(_step(told, self.numbers))
        parts.append(_pre(path_lines(self.made, self.paths, self.numbers)))
        return "".join(parts)


def _pre(lines: Iterator[str]) -> str:
    said = "\n".join(lines).strip("\n")
    return f'<div style="{MONO}">{escape(said)}</div>' if said else ""


def _step(step: ChainStep, numbers: Numbers) -> str:
    """A step as a paragraph: what is computed, where, by which rule it goes back."""
    head = f"{step.number}. {equation(step.value, step.computed)}"
    came = "" if step.incoming is None else f"{step.cotangent}{numbers.after(step.incoming)}"
    lines = [*_terms(step.terms, numbers)]
    lines += [f"nothing to {name}: {end} ends it" for name, end in step.cut.items()]
    return _block(head, author_line(step), [step_rule(step), *filter(None, [came])], lines)


def _again(told: Again, numbers: Numbers) -> str:
    """A passage that was told before."""
    pairs = ", ".join(f"{new} for {old}" for old, new in told.instead.items())
    head = f"{told.numbers}. {told.values}: {told.like}"
    return _block(head, author_line(told.steps[0]), [pairs], [*_terms(told.terms, numbers)])


def _block(head: str, place: str, quiet: Sequence[str], lines: Sequence[str]) -> str:
    said = "".join(f"<br><span style='opacity:.7'>{escape(line)}</span>" for line in quiet if line)
    out = "".join(f"<br><b>{escape(line)}</b>" for line in lines)
    place = f"<span style='opacity:.7'> {escape(place)}</span>"
    return f'<div style="{STYLE};{MONO}">{escape(head)}{place}{said}{out}</div>'


def _terms(terms: Sequence[Term], numbers: Numbers) -> Iterator[str]:
    for term in terms:
        total = running_total(term, numbers)
        yield "".join(term_text(term, numbers)) + (f", {total}" if total else "")


Given = Callable[[Mapping[str, TensorType]], Mapping[str, Any]]
"""What the values of a graph are, asked with the types of its inputs."""


def told_derivation(
    program: Program, of: str | None, wrt: Sequence[str], step: str | None, given: Given | None
) -> ToldDerivation:
    """The derivation of a step's loss, or of a model, by parameters (all, if none is named).

    Raises `KeyError` with a sentence for a name of nothing, `ValueError` for what is no number.
    """
    written = _written(program, of, step)
    type = written.graph[written.target].type
    if type.size != 1 or type.time is not None or type.kind is not Kind.REAL:
        raise ValueError(f"a gradient is that of one number, and {of} is {type}")
    mean = any(isinstance(node.op, BatchMean) for node in written.graph.nodes)
    by = _sources(program, written, wrt)
    made = derive_steps(written.graph, written.target, written.names, by, mean=mean)
    builder = Builder(list(made.graph.nodes))
    paths = single_paths(made, builder)
    found: Arrays = {}
    if given is not None:
        types = {n.op.key: n.type for n in written.graph.nodes if isinstance(n.op, Input)}
        found = arrays_at(made, builder.graph(made.graph.outputs), given(types))
    return ToldDerivation(made, paths, numbers_of(made, found))


def _written(program: Program, of: str | None, step: str | None) -> WrittenLoss:
    """What is differentiated, as its author wrote it."""
    results = model_results(parse(Source(program.name, program.source)))
    if of is None and program.training is None and len(program.models) == 1:
        (of,) = program.models
    if of is not None and of in program.models:
        graph = graph_of(program, program.models[of])
        name, id = next(iter(graph.results.items()))
        return loss_as_written(graph, id, of if str(name) == "result" else str(name), {})
    steps = [] if program.training is None else [s.name for s in program.training.steps]
    if not steps or (step or steps[0]) not in steps or of not in (None, "loss"):
        known = ", ".join([*program.models, *steps])
        raise KeyError(f"there is no {of or step or 'loss'} to differentiate; there are {known}")
    graph = graph_of(program, f"gradients/{step or steps[0]}")
    id = next(id for key, id in graph.results.items() if str(key) == "loss")
    id = graph[id].inputs[0] if isinstance(graph[id].op, BatchMean) else id
    return loss_as_written(graph, id, "loss", results)


def graph_of(program: Program, entry: str) -> Graph:
    """The graph of an entry as its author wrote it.

    Raises `KeyError` with a sentence where there is none.
    """
    graphs: Mapping[str, Graph] = program.checks.graphs if program.checks is not None else {}
    if entry not in graphs:
        raise KeyError(f"there is no graph {entry}; there are {', '.join(graphs)}")
    return graphs[entry]


def _sources(program: Program, written: WrittenLoss, wrt: Sequence[str]) -> list[int]:
    """The nodes of names or paths; every parameter if nothing is named."""
    keys = {n.op.key: n.id for n in written.graph.nodes if isinstance(n.op, PersistentOp)}
    if not wrt:
        return [keys[p.name] for p in program.parameters if p.name in keys]
    found = []
    for name in wrt:
        id = keys.get(name, written.named(name))
        if id is None:
            raise KeyError(f"there is no value {name} to differentiate by")
        found.append(id)
    return found
