"""How one derivative comes about: the steps whose rules send it something, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.derivation import ChainStep, Derivation
from gradc_compiler.study.derivation_numbers import numbers_of
from gradc_compiler.study.derivation_text import (
    Numbers,
    author_line,
    running_total,
    term_text,
)
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.textbook_formula import equation, symbols
from gradc_compiler.study.value_labels import adjoint_label
from gradc_runtime.cli.actions.output import counted
from gradc_runtime.cli.actions.why_paths import derived_at
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.state import suggestion


def made_by(
    made: Compilation, session: Any, inputs: Mapping[str, str], given: Mapping[str, Any]
) -> Iterator[str]:
    """The steps that make a derivative, by its name or that of the value: `d_c11`, `c11`.

    Raises `Refused` where no step makes it.
    """
    derived, found = derived_at(made, session, inputs, given)
    texts, asked = numbers_of(derived, found), given["made"]
    of = {adjoint_label(t.of): t.of for step in derived.steps for t in step.terms}
    name = asked if asked in of else adjoint_label(asked)
    if name not in of:
        known = dict.fromkeys(of)
        raise Refused(f"no step makes {asked}{suggestion(name, known)}")
    steps = [s for s in derived.steps if any(t.of == of[name] for t in s.terms)]
    yield f"{name} is made by {counted(len(steps), 'step')} of {len(derived.steps)}"
    for step in steps:
        yield from step_lines(step, of[name], texts)
    yield from used_by(derived, name)


def step_lines(step: ChainStep, x: str, texts: Numbers) -> Iterator[str]:
    """One step: the author's line, the rule, what comes in, and what it sends to x."""
    yield f"    step {step.number}, of {equation(step.value, step.computed)}"
    if place := author_line(step):
        yield f"        {place}"
    yield f"        rule  {step_rule(step)}"
    if step.incoming is not None:
        yield f"        in    {step.cotangent}{texts.after(step.incoming)}"
    for term in step.terms:
        if term.of == x:
            yield f"        out   {''.join(term_text(term, texts))}"
            if total := running_total(term, texts):
                yield f"              {total}"


def used_by(derived: Derivation, name: str) -> Iterator[str]:
    """Which steps read the derivative: what changes if it is changed."""
    readers = [
        (step, term)
        for step in derived.steps
        for term in step.terms
        if name in symbols(term.formula)
    ]
    if readers:
        sent = ", ".join(dict.fromkeys(adjoint_label(term.of) for _, term in readers))
        yield f"    from it: {sent}, and what is made of those"
    yield "    change it in `gradc show SPEC --stage joint`, and hold that against the true one:"
    yield "    gradc derive SPEC --check FILE; gradc train FILE trains with it"
