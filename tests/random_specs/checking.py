"""A spec in every way there is: each part of gradc against another, and all of them must agree."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compiler.derived import print_program
from compiler.graph.text import print_graph
from compiler.pipeline import OPTIONAL, Compilation, compilation
from compiler.source import Source
from compiler.syntax.format import format_source
from runtime.cli.actions.moves import moves
from runtime.cli.actions.trial import Trial
from runtime.cli.actions.verify import Check, compare, gradients, values_and_updates
from runtime.comparing import Results
from runtime.session import Session
from tests.barriers import unguarded

EXAMPLES = 5
DOUBLE, SINGLE = 1e-9, 2e-3


def compiled(text: str, without: Collection[str] = ()) -> Compilation:
    return compilation(Source("random.nn", text), Path("."), {}, without)


def start_of(made: Compilation) -> Results:
    """First values, of states too, from the reference, so that nothing is built for them."""
    session = Session(made.program, "reference", "float64", 1, seed=3)
    return {name: view.copy() for name, view in session.memory.views.items()}


def faults(text: str, seed: int = 0) -> list[str]:
    """Every disagreement about a spec, a line each."""
    made = compiled(text)
    start = start_of(made)
    failed = [check for check in checks(text, made, start, seed) if not check.holds]
    lines = [f"{c.what} / {c.against}: {c.difference:.3g} at {c.worst}" for c in failed]
    return [*lines, *of_barriers(made), *of_format(text, made), *of_derived(made, start, seed)]


def checks(text: str, made: Compilation, start: Results, seed: int) -> Iterator[Check]:
    """What `gradc verify` compares; of code without passes, values only."""
    trial = partial(Trial, start=start, examples=EXAMPLES, seed=seed)
    first = trial(program=made.program, target="reference")
    yield from gradients(made, replace(first, examples=3))
    reference = first.results()
    one, two = (trial(program=made.program, threads=n).results() for n in (1, 2))
    both = partial(values_and_updates, moves(made, trial(program=made.program)))
    yield from both("kernels", "reference", one, reference, DOUBLE)
    yield compare("2 threads", "1 thread, to the bit", two, one, 0.0, exactly=True)
    bare = values(trial(program=compiled(text, OPTIONAL).program))
    yield compare("no passes", "reference", bare, {n: reference[n] for n in bare}, DOUBLE)
    if seed % 4 == 0:
        narrow, again = (
            values(trial(program=made.program, dtype="float32", threads=n)) for n in (1, 2)
        )
        yield compare("float32", "float64", narrow, {n: one[n] for n in narrow}, SINGLE)
        yield compare("float32, 2 threads", "1 thread, to the bit", again, narrow, 0, exactly=True)


def values(trial: Trial) -> Results:
    """What forward passes and gradients give, without an update."""
    session, found = trial.session(), {}
    for entry in trial.entries(updates=False):
        if not entry.startswith("evaluate/"):
            found |= trial.once(session, entry)
    return found


def of_barriers(made: Compilation) -> Iterator[str]:
    """Instructions that touch the same words on two threads, with no barrier between."""
    for name, entry in made.program.entries.items():
        for phase in entry.phases:
            for one, other in () if phase.examples else unguarded(entry, phase):
                yield f"{name}: no barrier between {one} and {other}"


def of_format(text: str, made: Compilation) -> Iterator[str]:
    """The formatter changes no meaning, and nothing when it is applied again."""
    formatted = format_source(Source("random.nn", text))
    if format_source(Source("random.nn", formatted)) != formatted:
        yield "the formatter changes what it has made"
    again = compiled(formatted)
    for name, graph in made.graphs.items():
        if print_graph(again.graphs[name]) != print_graph(graph):
            yield f"the formatter changes the meaning of {name}"


def of_derived(made: Compilation, start: Results, seed: int) -> Iterator[str]:
    """The derived program, printed and read, takes the same steps on the CPU."""
    derived = compiled(print_program(made))
    found, wanted = (losses(program, start, seed) for program in (derived, made))
    for name, value in wanted.items():
        if name not in found:
            yield f"the derived program has no {name}"
        elif not np.allclose(found[name], value, rtol=1e-7, atol=1e-9, equal_nan=True):
            yield f"the derived program's {name} is {found[name]} instead of {value}"


def losses(made: Compilation, start: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The losses of each step of training, one after another, on the CPU."""
    trial = Trial(program=made.program, start=start, examples=EXAMPLES, seed=seed)
    session, found = trial.session(), {}
    assert made.program.training is not None, "every random spec trains"
    for turn in range(2):
        for step in made.program.training.steps:
            results = trial.once(session, step.entry)
            losses = [value for name, value in results.items() if name.endswith("loss")]
            found[f"loss of {step.name}, turn {turn}"] = losses[0]
    return found
