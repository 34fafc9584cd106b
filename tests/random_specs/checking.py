"""A spec in every way there is: each part of gradc against another, and all of them must agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import gradc_runtime.cpu.codegen.build_kernel  # noqa: F401  (no copy of this process loads LLVM)
from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import OPTIONAL, Compilation, compilation, switched
from gradc_compiler.syntax.pretty.format_source import format_source
from gradc_runtime.certificates.distances import Results
from gradc_runtime.certificates.update_moves import room
from gradc_runtime.cli.actions.moves import moves
from gradc_runtime.cli.actions.verify import Check, compare, gradients, values_and_updates
from gradc_runtime.session.session import Session
from tests.random_specs.conditioning import part_of, sensitivity
from tests.random_specs.trials import Ranged, sizes_of
from tests.support.barriers import unguarded

FEW = 3  # examples for finite differences
SHORT = 8  # what is longer than this multiplies the rounding of float32 beyond all bounds
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
    trial = trial_of(made, text, seed)
    failed = [check for check in checks(made, trial) if not check.holds]
    lines = [f"{c.what} / {c.against}: {c.difference:.3g} at {c.worst}" for c in failed]
    return [*lines, *of_barriers(made, trial.examples), *of_format(text), *of_derived(made, trial)]


def trial_of(made: Compilation, text: str, seed: int) -> Ranged:
    """A trial on one thread, of as many examples as the text of a spec says."""
    examples, least, longest = sizes_of(text)
    return Ranged(
        program=made.program, start=start_of(made), examples=examples, seed=seed,
        least=least, longest=longest,
    )  # fmt: skip


def checks(made: Compilation, trial: Ranged) -> Iterator[Check]:
    """What `gradc verify` compares; of code without passes and of float32, gradients only."""
    few = replace(trial, examples=FEW, longest=min(trial.longest, SHORT), target="reference")
    yield from gradients(made, few)
    reference = replace(trial, target="reference").results()
    one, two = (replace(trial, threads=n).results() for n in (1, 2))
    yield from of_kernels(made, trial, one, reference)
    yield compare("2 threads", "1 thread, to the bit", two, one, 0.0, exactly=True)
    yield from of_passes(made, trial, reference)
    if trial.seed % 4 == 0:
        yield from of_width(trial, one)


def of_kernels(made: Compilation, trial: Ranged, one: Results, wanted: Results) -> Iterator[Check]:
    """Kernels give what the reference does, as far as the program itself is stable."""
    steps = partial(moves, made, trial)
    for check in values_and_updates(steps, "kernels", "reference", one, wanted, DOUBLE):
        if check.holds:
            yield check
            continue
        updates = check.what.endswith("updates")
        rooms = dict(sensitivity(trial, wanted))
        for key, more in (room(steps(), one, wanted) if updates else {}).items():
            rooms[key] = rooms[key] + more
        part = part_of(wanted, updates=updates)
        yield compare(check.what, check.against, one, part, DOUBLE, rooms)


def of_passes(made: Compilation, trial: Ranged, reference: Results) -> Iterator[Check]:
    """No pass changes a value.

    It would be seen on the reference as well as on kernels; so kernels that no pass has touched, of
    which each operator needs its own, are built for half of the specs.
    """
    bare = replace(trial, program=switched(made, OPTIONAL).program)
    for target in ("reference", "cpu")[: 1 + trial.seed % 2]:
        found = of_gradients(replace(bare, target=target))
        wanted = {name: reference[name] for name in found}
        yield compare(f"no passes, {target}", "reference", found, wanted, DOUBLE)


def of_width(trial: Ranged, wide: Results) -> Iterator[Check]:
    """In float32."""
    narrow, again = (of_gradients(replace(trial, dtype="float32", threads=n)) for n in (1, 2))
    if trial.longest <= SHORT:
        yield compare("float32", "float64", narrow, {n: wide[n] for n in narrow}, SINGLE)
    yield compare("float32, 2 threads", "1 thread, to the bit", again, narrow, 0, exactly=True)


def of_gradients(trial: Ranged) -> Results:
    """The loss and the gradients of each step, for which forward passes are run too."""
    assert trial.program.training is not None, "every random spec trains"
    session = trial.session()
    found: dict[str, Any] = {}
    for step in trial.program.training.steps:
        found |= trial.once(session, step.gradients)
    return found


def of_barriers(made: Compilation, examples: int) -> Iterator[str]:
    """What two of three threads may do on the same words, with no barrier between."""
    for name, entry in made.program.entries.items():
        for one, other in unguarded(entry, examples, 2, 3):
            yield f"{name}: no barrier between {one} and {other}"


def of_format(text: str) -> Iterator[str]:
    """The formatter, which asserts that the tree stays, changes nothing when applied again."""
    formatted = format_source(Source("random.nn", text))
    if format_source(Source("random.nn", formatted)) != formatted:
        yield "the formatter changes what it has made"


def of_derived(made: Compilation, trial: Ranged) -> Iterator[str]:
    """The derived program, printed and read, takes the same steps on the CPU.

    Of the same data: where a table is read that nothing uses, only the spec limits the lengths.
    """
    limits = [limit.rows for entry in made.program.entries.values() for limit in entry.limits]
    trial = replace(trial, longest=min([trial.longest, *limits]))
    derived = replace(trial, program=compiled(print_program(made)).program)
    found, wanted = (losses(one) for one in (derived, trial))
    for name, value in wanted.items():
        if name not in found:
            yield f"the derived program has no {name}"
        elif not np.allclose(found[name], value, rtol=1e-7, atol=1e-9, equal_nan=True):
            yield f"the derived program's {name} is {found[name]} instead of {value}"


def losses(trial: Ranged) -> dict[str, Any]:
    """The losses of each step of training, one after another, on the CPU."""
    session, found = trial.session(), {}
    assert trial.program.training is not None, "every random spec trains"
    for turn in range(2):
        for step in trial.program.training.steps:
            results = trial.once(session, step.entry)
            losses = [value for name, value in results.items() if str(name).endswith("loss")]
            found[f"loss of {step.name}, turn {turn}"] = losses[0]
    return found
