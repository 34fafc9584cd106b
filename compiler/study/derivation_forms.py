"""A derivation as Markdown, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradc_compiler.study.derivation import ChainStep, Derivation, Term
from gradc_compiler.study.derivation_text import (
    NONE,
    Numbers,
    author_line,
    forward_lines,
    head_lines,
    path_lines,
    running_total,
    term_text,
)
from gradc_compiler.study.single_path import LocalSlope
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.tell_once import Again, LoopBegins, tell_once
from gradc_compiler.study.textbook_formula import equation, text
from gradc_compiler.study.value_labels import adjoint_label

Paths = Mapping[str, Sequence[LocalSlope]]


def derivation_markdown(made: Derivation, paths: Paths, numbers: Numbers = NONE) -> str:
    """The whole derivation, formulas as code."""
    head, *rest = head_lines(made)
    lines = [f"# {head}", "", *rest, "", "## Forward", "", "```text"]
    lines += [*forward_lines(made, numbers), "```", "", "## Backward", ""]
    lines += [f"`{adjoint_label(made.of)} = 1`", ""]
    for told in tell_once(made):
        match told:
            case LoopBegins() as loop:
                lines += [f"*{loop.words}*", ""]
            case Again():
                lines += [*_again(told, numbers), ""]
            case ChainStep():
                lines += [*_step(told, numbers), ""]
    if paths:
        lines += ["## The same as one product", "", "```text", *path_lines(made, paths, numbers)]
        lines += ["```"]
    return "\n".join(lines).rstrip() + "\n"


def _step(step: ChainStep, numbers: Numbers) -> Iterator[str]:
    yield f"**{step.number}.** `{equation(step.value, step.computed)}` ({_code(author_line(step))})"
    yield ""
    yield f"- rule: {_code(step_rule(step))}"
    if step.incoming is not None:
        yield f"- in: `{step.cotangent}{numbers.after(step.incoming)}`"
    yield from _terms(step.terms, numbers)
    for name, end in step.cut.items():
        yield f"- nothing to `{name}`: `{end}` lets no derivative through"


def _again(told: Again, numbers: Numbers) -> Iterator[str]:
    yield f"**{told.numbers}.** `{told.values}`: {told.like} ({_code(author_line(told.steps[0]))})"
    yield ""
    if told.instead:
        yield f"- with {', '.join(f'`{b}` for `{a}`' for a, b in told.instead.items())}"
    yield from _terms(told.terms, numbers)


def _terms(terms: Sequence[Term], numbers: Numbers) -> Iterator[str]:
    for term in terms:
        total = running_total(term, numbers)
        yield f"- out: `{''.join(term_text(term, numbers))}`" + (f", `{total}`" if total else "")


def _code(said: str) -> str:
    """Between as many backquotes as it takes."""
    return f"`` {said} ``" if "`" in said else f"`{said}`"


def derivation_data(made: Derivation, paths: Paths, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The same for programs: every step by itself, formulas in the language of `gradc derive`."""
    return {
        "of": made.of,
        "wrt": [*made.wrt],
        "zero": sorted(made.zero),
        "steps": [_step_data(step, values) for step in made.steps],
        "gradient": {name: values.get(node) for name, node in made.wrt.items()},
        "paths": {
            x: [{"of": s.y, "by": s.x, "slope": text(s.formula), "number": values.get(s.node)}
                for s in slopes]
            for x, slopes in paths.items()
        },
    }  # fmt: skip


def _step_data(step: ChainStep, values: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "number": step.number,
        "value": step.value,
        "computed": equation(step.value, step.computed),
        "operator": step.node.op.name,
        "rule": step_rule(step),
        "place": None if step.span is None else str(step.span),
        "written": None if step.span is None else step.span.text,
        "cotangent": step.cotangent,
        "incoming": None if step.incoming is None else values.get(step.incoming),
        "recurrence": step.loop is not None,
        "cut": dict(step.cut),
        "terms": [
            {
                "to": adjoint_label(term.of),
                "formula": equation(adjoint_label(term.of), term.formula),
                "adds": term.adds,
                "number": values.get(term.sent if len(term.sent) > 1 else term.sent[0]),
                "so_far": values.get(term.total),
            }
            for term in step.terms
        ],
    }
