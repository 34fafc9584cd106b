"""A spec in every way there is: each part of gradc against another, and all of them must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import runtime.cpu.build  # noqa: F401  (so that no copy of this process has to load LLVM)
from compiler.derived import print_program
from compiler.pipeline import OPTIONAL, Compilation, compilation, switched
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


def compiled(text: str) -> Compilation:
    return compilation(Source("random.nn", text), Path("."), {})


def start_of(made: Compilation) -> Results:
    """First values, of states too, from the reference, so that nothing is built for them."""
    session = Session(made.program, "reference", "float64", 1, seed=3)
    return {name: view.copy() for name, view in session.memory.views.items()}


def faults(text: str, seed: int = 0) -> list[str]:
    """Every disagreement about a spec, a line each."""
    made = compiled(text)
    start = start_of(made)
    failed = [check for check in checks(made, start, seed) if not check.holds]
    lines = [f"{c.what} / {c.against}: {c.difference:.3g} at {c.worst}" for c in failed]
    return [*lines, *of_barriers(made), *of_format(text), *of_derived(made, start, seed)]


def checks(made: Compilation, start: Results, seed: int) -> Iterator[Check]:
    """What `gradc verify` compares; of code without passes and of float32, gradients only.

    What passes change is seen on the reference as well as on kernels; so kernels that no pass has
    touched, of which each operator needs its own, are built for half of the specs.
    """
    trial = partial(Trial, start=start, examples=EXAMPLES, seed=seed)
    first = trial(program=made.program, target="reference")
    yield from gradients(made, replace(first, examples=3))
    reference = first.results()
    one, two = (trial(program=made.program, threads=n).results() for n in (1, 2))
    both = partial(values_and_updates, moves(made, trial(program=made.program)))
    yield from both("kernels", "reference", one, reference, DOUBLE)
    yield compare("2 threads", "1 thread, to the bit", two, one, 0.0, exactly=True)
    without = switched(made, OPTIONAL).program
    for target in ("reference", "cpu")[: 1 + seed % 2]:
        bare = of_gradients(trial(program=without, target=target))
        wanted = {name: reference[name] for name in bare}
        yield compare(f"no passes, {target}", "reference", bare, wanted, DOUBLE)
    if seed % 4 == 0:
        narrow, again = (
            of_gradients(trial(program=made.program, dtype="float32", threads=n)) for n in (1, 2)
        )
        yield compare("float32", "float64", narrow, {n: one[n] for n in narrow}, SINGLE)
        yield compare("float32, 2 threads", "1 thread, to the bit", again, narrow, 0, exactly=True)


def of_gradients(trial: Trial) -> Results:
    """The loss and the gradients of each step, for which forward passes are run too."""
    assert trial.program.training is not None, "every random spec trains"
    session, found = trial.session(), {}
    for step in trial.program.training.steps:
        found |= trial.once(session, step.gradients)
    return found


def of_barriers(made: Compilation) -> Iterator[str]:
    """Instructions that touch the same words on two threads, with no barrier between."""
    for name, entry in made.program.entries.items():
        for phase in entry.phases:
            for one, other in () if phase.examples else unguarded(entry, phase):
                yield f"{name}: no barrier between {one} and {other}"


def of_format(text: str) -> Iterator[str]:
    """The formatter, which asserts that the tree stays, changes nothing when applied again."""
    formatted = format_source(Source("random.nn", text))
    if format_source(Source("random.nn", formatted)) != formatted:
        yield "the formatter changes what it has made"


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
