"""What `gradc verify` does: one table in which every part of gradc is checked against another.

    gradients       the derivative's graph against central differences of the loss, in float64
    kernels         native code on 1 and 2 threads against the reference, in float64
    threads         native code on 2 threads against 1: equal to the bit
    float32         native code in float32 against float64
    passes          optimised native code against code that no pass has touched

Updates stand by themselves, because Adam divides a gradient by its size and so shows the relative
error of the smallest: of a sum that is 0 but for rounding, as of the last bias of a critic.

Differences are relative to the largest number of the tensor they are in, or to a thousandth of the
largest of all tensors where that is more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.passes import PASSES
from compiler.pipeline import Compilation
from runtime.cli.actions.comparing import Results, difference, gradient_error
from runtime.cli.actions.output import console, say, table, write_json
from runtime.cli.actions.request import Request, session_with_weights
from runtime.cli.actions.trial import AFTER, Trial
from runtime.cli.faults import FAULT

OF_GRADIENTS = 1e-6
DOUBLE, SINGLE = (1e-11, 1e-7), (2e-4, 2e-3)  # bounds of values and of updates, by width
FEW = 3  # examples for finite differences, each of which takes two evaluations a parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line: the greatest difference, which must not exceed the bound."""

    what: str
    against: str
    difference: float
    bound: float
    worst: str  # where the greatest difference is

    @property
    def holds(self) -> bool:
        """Whether it is within the bound; NaN is not."""
        return self.difference <= self.bound


def verify(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the table; 1 if a bound is exceeded."""
    request = Request.of(spec, given)
    made, session, _ = session_with_weights(request, given["weights"], dtype="float64")
    start = {name: view.copy() for name, view in session.memory.views.items()}
    bare = Request(spec=spec, without=(*PASSES, "fusion", "straight")).compile()
    found = []
    for check in checks(made, bare, start, given["examples"], given["seed"]):
        found.append(check)
        if not check.holds:
            say(f"{check.what}: {check.difference:.3g} at {check.worst}")
    show(found, as_json=given["as_json"])
    return 0 if all(check.holds for check in found) else FAULT


def checks(
    made: Compilation, bare: Compilation, start: Results, count: int, seed: int
) -> Iterator[Check]:
    """All lines, as they are computed."""

    def trial(of: Compilation = made, **where: Any) -> Results:
        return Trial(program=of.program, start=start, examples=count, seed=seed, **where).results()

    yield from gradients(made, start, seed)
    reference = trial(target="reference")
    one = trial(threads=1)
    two = trial(threads=2)
    yield from values_and_updates("kernels, 1 thread", "reference", one, reference, DOUBLE)
    yield from values_and_updates("kernels, 2 threads", "reference", two, reference, DOUBLE)
    yield compare("2 threads", "1 thread, to the bit", two, one, 0.0, exactly=True)
    single, double = trial(threads=1, dtype="float32"), trial(threads=2, dtype="float32")
    yield compare("2 threads, float32", "1 thread, to the bit", double, single, 0.0, exactly=True)
    yield from values_and_updates("float32", "float64", single, one, SINGLE)
    yield from values_and_updates("no passes", "all passes", trial(bare, threads=1), one, DOUBLE)


def values_and_updates(
    what: str, against: str, found: Results, wanted: Results, bounds: tuple[float, float]
) -> Iterator[Check]:
    """A line for values, and one for what persists after updates, if anything does."""
    for after, bound in zip((False, True), bounds, strict=True):
        chosen = {name: array for name, array in wanted.items() if name.endswith(AFTER) == after}
        if chosen:
            yield compare(f"{what}, updates" if after else what, against, found, chosen, bound)


def gradients(made: Compilation, start: Results, seed: int) -> Iterator[Check]:
    """A line for each step of the train block."""
    for step in made.program.training.steps if made.program.training else ():
        trial = Trial(
            program=made.program, start=start, examples=FEW, seed=seed, target="reference"
        )
        error, worst = gradient_error(trial.session(), step, trial.inputs(step.gradients), seed)
        what = "gradient" if step.name == "train" else f"gradient of {step.name}"
        yield Check(
            what=what,
            against="finite differences",
            difference=error,
            bound=OF_GRADIENTS,
            worst=worst,
        )


def compare(
    what: str, against: str, found: Results, wanted: Results, bound: float, *, exactly: bool = False
) -> Check:
    """A line for two sets of results."""
    error, worst = difference(found, wanted, exactly=exactly)
    return Check(what=what, against=against, difference=error, bound=bound, worst=worst)


def show(found: list[Check], *, as_json: bool) -> None:
    """The table."""
    if as_json:
        names = ("what", "against", "difference", "bound", "worst", "holds")
        write_json([{name: getattr(check, name) for name in names} for check in found])
        return
    rows = [
        (c.what, c.against, f"{c.difference:.2g}", f"{c.bound:g}", "ok" if c.holds else "FAILS")
        for c in found
    ]
    columns = ["what", "against", "difference", "bound", ""]
    console().print(table(columns, rows, right="difference bound"))
