"""What `gradc verify` does: one table in which every part of gradc is checked against another.

    gradients       the derivative's graph against central differences of the loss, in float64
    kernels         native code on 1 and 2 threads against the reference, in float64
    threads         native code on 2 threads against 1: equal to the bit
    float32         native code in float32 against float64
    inexact         rewrites that change more than the order of a sum, which are named, against the
                    exact form, both in float32: all that are used together, then each without the
                    others, unless the program is so large that this would take long
    on a GPU        if it is asked for: its kernels against the reference
    by Numba        if it is asked for: the kernels that Numba compiles against our own
    bf16, tf32      products of rounded operands, where asked for: see `rounded_trial.py`
    passes          optimised native code against code that no pass has touched

Updates stand by themselves, because Adam divides a gradient by its size and so shows the relative
error of the smallest.  Of a sum that is 0 but for rounding, as of the last bias of a critic, it
makes anything; so an update has as much room as the difference between its gradients makes
(`moves`), and only what goes beyond that counts.

Differences are relative to the largest number of the tensor they are in, or to a thousandth of the
largest of all tensors where that is more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph_tools.samples import NUMBERS, work_of
from gradc_compiler.pipeline import OPTIONAL, Compilation, precision_of, switched
from gradc_compiler.program.program import Program
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import INEXACT
from gradc_compiler.transform.round_operands import ROUNDINGS
from gradc_runtime.certificates import certificate
from gradc_runtime.certificates.distances import AfterUpdate, Results, Tensors, difference
from gradc_runtime.certificates.update_moves import Moves, room
from gradc_runtime.cli.actions.moves import moves
from gradc_runtime.cli.actions.output import console, say, table, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.rounded_trial import roundings
from gradc_runtime.cli.actions.slopes import gradient_error
from gradc_runtime.cli.actions.trial import Trial, inexact
from gradc_runtime.cli.actions.with_weights import session_with_weights
from gradc_runtime.cli.faults import FAULT
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.aligned_memory import keep_freed_memory

OF_GRADIENTS = 1e-6
DOUBLE, SINGLE = 1e-11, 2e-4  # bounds by width
WORK = 4e9  # multiplications in one update of all examples
NODES = 10_000  # of the graphs that are compiled anew to measure inexact rewrites one by one
FEW = 3  # examples for finite differences, each of which takes two evaluations a parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line: the greatest difference, which must not exceed the bound."""

    what: str
    against: str
    difference: float | None  # None: not measured, as it would take long
    bound: float
    worst: str = ""  # where the greatest difference is

    @property
    def holds(self) -> bool:
        """Whether nothing measured exceeds the bound; NaN does."""
        return self.difference is None or self.difference <= self.bound

    @property
    def row(self) -> tuple[str, ...]:
        """The line for people."""
        if self.difference is None:
            return self.what, self.against, "-", f"{self.bound:g}", "too large to be measured"
        found = "ok" if self.holds else "FAILS"
        return self.what, self.against, f"{self.difference:.2g}", f"{self.bound:g}", found


def verify(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the table; 1 if a bound is exceeded."""
    keep_freed_memory()
    request = Request.of(spec, given)
    plain = replace(request, precision="float32", target=None)
    made, session, _ = session_with_weights(plain, given, dtype="float64")
    start = session.memory.views
    others = Others(request, made, numba=given["numba"], cuda=given["target"] == "cuda")
    found = []
    for check in checks(made, others, start, given["examples"], given["seed"]):
        found.append(check)
        if not check.holds:
            say(f"{check.what}: {check.difference:.3g} at {check.worst}")
    show(found, as_json=given["as_json"])
    if made.program.training is not None:
        say(f"certificate: {certificate_of(request, made.program)}")
    return 0 if all(check.holds for check in found) else FAULT


@dataclass(frozen=True, slots=True)
class Others:
    """The same spec, compiled otherwise."""

    request: Request
    made: Compilation
    numba: bool = False  # whether Numba compiles the kernels once more
    cuda: bool = False  # whether a GPU runs its own

    def rounded(self) -> Program | None:
        """In a precision of rounded numbers, if one is asked for."""
        asked = self.request.precision or precision_of(self.made.module)
        return self.made.program.of_precision(asked) if asked in ROUNDINGS else None

    def bare(self) -> Program:
        """Touched by no pass."""
        return switched(self.made, OPTIONAL).program

    def alone(self, name: str) -> Program:
        """With one inexact rewrite only."""
        off = (*self.request.without, *(other for other in INEXACT if other != name))
        return switched(self.made, off).program


def certificate_of(request: Request, program: Program) -> str:
    """What the first run of the program on this machine found, if there was one."""
    session = replace(request, target="cpu", dtype=request.dtype or "float32").session(program)
    batch = resolve(session.training.settings, **request.settings).batch
    found = certificate.load(certificate.key_for(session, batch))
    return found.line if found is not None else "none yet; the first run on this machine makes it"


def checks(
    made: Compilation, others: Others, start: Tensors, count: int, seed: int
) -> Iterator[Check]:
    """All lines, as they are computed."""

    first, reference = finite_trial(made, start, min(count, affordable(made)), seed)

    def trial(of: Program = made.program, **where: Any) -> Results:
        return replace(first, program=of, **{"target": "cpu", **where}).results()

    yield from gradients(made, replace(first, examples=min(FEW, first.examples)))
    both = partial(values_and_updates, cache(lambda: moves(made, replace(first, target="cpu"))))
    one = trial(threads=1)
    yield from both("kernels, 1 thread", "reference", one, reference, DOUBLE)
    if others.cuda:
        yield from both("kernels of a GPU", "reference", trial(target="cuda"), reference, DOUBLE)
    two = trial(threads=2)
    yield from both("kernels, 2 threads", "reference", two, reference, DOUBLE)
    del reference  # what has been compared may be gigabytes
    yield compare("2 threads", "1 thread, to the bit", two, one, 0.0, exactly=True)
    del two
    single, double = trial(threads=1, dtype="float32"), trial(threads=2, dtype="float32")
    yield compare("2 threads, float32", "1 thread, to the bit", double, single, 0.0, exactly=True)
    del double
    yield from both("float32", "float64", single, one, SINGLE)
    if names := inexact(made.program):
        exact = trial(made.program.exact or made.program, threads=1, dtype="float32")
        yield from both(", ".join(names), "exact form, float32", single, exact, SINGLE)
        if len(names) > 1:
            yield from one_by_one(made, others, names, replace(first, dtype="float32"), exact)
    if (rounded := others.rounded()) is not None:
        second = replace(first, program=rounded)
        for what, against, (off, worst), bound in roundings(second, single):
            yield Check(what=what, against=against, difference=off, bound=bound, worst=worst)
    del single
    if others.numba:
        again = trial(threads=1, target="numba")
        yield from both("kernels by Numba", "kernels, 1 thread", again, one, DOUBLE)
    yield from both("no passes", "all passes", trial(others.bare(), threads=1), one, DOUBLE)


def one_by_one(
    made: Compilation, others: Others, names: Collection[str], first: Trial, exact: Results
) -> Iterator[Check]:
    """A line for the values under each inexact rewrite by itself."""
    size = sum(len(made.graphs[entry].nodes) for entry in first.entries(updates=False))
    for name in names:
        what, against = f"{name} alone", "exact form, float32"
        if size * len(names) > NODES:
            yield Check(what=what, against=against, difference=None, bound=SINGLE)
            continue
        trial = replace(first, program=others.alone(name), target="cpu")
        found = trial.values(trial.session())
        yield compare(what, against, found, {key: exact[key] for key in found}, SINGLE)


def values_and_updates(
    steps: Callable[[], list[Moves]],
    what: str, against: str, found: Results, wanted: Results, bound: float,
) -> Iterator[Check]:  # fmt: skip
    """A line for values, and one for what persists after updates, if anything does.

    How much room these have is asked only where they need it.
    """
    values: Results = {k: a for k, a in wanted.items() if not isinstance(k, AfterUpdate)}
    updated: Results = {k: a for k, a in wanted.items() if isinstance(k, AfterUpdate)}
    if values:
        yield compare(what, against, found, values, bound)
    if updated:
        check = compare(f"{what}, updates", against, found, updated, bound)
        if not check.holds:
            rooms = room(steps(), found, wanted)
            check = compare(check.what, against, found, updated, bound, rooms)
        yield check


def affordable(made: Compilation) -> int:
    """How many examples the reference evaluator can do within so much work, 1 at least."""
    training = made.program.training
    entries = [s.entry for s in training.steps] if training else made.program.models.values()
    return max(1, int(WORK / max(1, sum(work_of(made.graphs[name]) for name in entries))))


def finite_trial(made: Compilation, start: Tensors, count: int, seed: int) -> tuple[Trial, Results]:
    """What the reference makes of random inputs of the first kind of which everything is finite; of
    standard normal numbers where none is.
    """
    trial = Trial(program=made.program, start=start, examples=count, seed=seed, target="reference")
    found = []
    for kind in NUMBERS:
        here = replace(trial, numbers=kind)
        found.append((here, here.results()))
        if all(np.isfinite(array).all() for array in found[-1][1].values()):
            return found[-1]
    return found[0]


def gradients(made: Compilation, trial: Trial) -> Iterator[Check]:
    """A line for each step that minimizes: directions written out need be no gradient."""
    for step in made.program.training.steps if made.program.training else ():
        what = "gradient" if step.name == "train" else f"gradient of {step.name}"
        if made.module.named(step.name).descends:
            continue
        joint, inputs = made.graphs[step.gradients], trial.inputs(step.gradients)
        found = gradient_error(trial.session(), step, joint, inputs, trial.seed)
        if found is None:
            say(f"{what}: the loss of random inputs is not finite, so it has no slope to compare")
            continue
        yield Check(
            what=what,
            against="finite differences",
            difference=found[0],
            bound=OF_GRADIENTS,
            worst=found[1],
        )


def compare(
    what: str, against: str, found: Results, wanted: Results, bound: float,
    rooms: Results | None = None, *, exactly: bool = False,
) -> Check:  # fmt: skip
    """A line for two sets of results."""
    error, worst = difference(found, wanted, rooms, exactly=exactly)
    return Check(what=what, against=against, difference=error, bound=bound, worst=worst)


def show(found: list[Check], *, as_json: bool) -> None:
    """The table."""
    if as_json:
        names = ("what", "against", "difference", "bound", "worst", "holds")
        write_json([{name: getattr(check, name) for name in names} for check in found])
        return
    columns = ["what", "against", "difference", "bound", ""]
    console().print(table(columns, [check.row for check in found], right="difference bound"))
