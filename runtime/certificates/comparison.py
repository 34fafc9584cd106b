"""What a certificate says: kernels against the reference, on a few examples of a run's own data.

The reference evaluates in float64 the graphs that no optimisation has touched; the kernels are
those that the run uses, in its width.  Compared are the losses, reports and gradients, and what one
update by each step changes, within the bounds of `gradc verify`.  A program that makes much of a
rounding has more room: as much as the reference itself, in float32, is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.variants import with_graph
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.certificates.certificate import AGREES, DIFFERS, Certificate, as_run
from gradc_runtime.certificates.distances import (
    AfterUpdate,
    EntryOutput,
    ResultKey,
    Results,
    apart,
    difference,
    size,
)
from gradc_runtime.certificates.update_moves import Moves, moves_of, room
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.validate import values_of
from gradc_runtime.session.backends import Backend, Reference, examples_of, prepare
from gradc_runtime.session.inputs import chosen
from gradc_runtime.session.nan_debug import place_of
from gradc_runtime.session.schedule_tables import Tables
from gradc_runtime.session.state import StateMemory

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

BOUNDS = {"float64": 1e-11, "float32": 2e-4}  # as those of `gradc verify`
ROOM = 16  # times what a rounding makes of the reference's own results
ROUNDINGS = 4  # of a parameter, in one update


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One way to run the entries of a session from its present numbers; `native` or not."""

    session: Session
    dtype: str
    batch: int  # of the run: which of the forms of an entry it uses
    native: bool

    def results(self, batches: Batches) -> tuple[Results, list[Moves]]:
        """Losses, reports and gradients, what each update changes, and what the updates read."""
        program, memory = self.session.program, StateMemory(self.session.program, self.dtype)
        memory.assign(self.session.memory.views)
        tables, moves = Tables(program, memory), list[Moves]()
        found: dict[ResultKey, np.ndarray] = {}
        once = partial(self.once, memory, tables, batches)
        start = {name: view.astype(np.float64) for name, view in memory.views.items()}
        for step in self.session.training.steps:
            made = once(step.gradients) | once(step.evaluate)
            moves.append(moves_of(program, step, memory.views, made))
            found |= made | once(step.entry)
        kept = (p.name for p in program.persistents if p.role != "schedule")
        for name in kept:
            found[AfterUpdate(name)] = memory.views[name].astype(np.float64) - start[name]
        return found, moves

    def once(
        self, memory: StateMemory, tables: Tables, batches: Batches, name: str
    ) -> dict[ResultKey, np.ndarray]:
        """What one entry gives."""
        entry = self.session.program.entries[name]
        given = chosen(entry, batches) if self.native else batches  # more may be read there
        runner, count = self.runner(entry, memory), examples_of(batches)
        results, outputs = tables.run(name, runner, given, 1, count)
        return {EntryOutput(name, key): values_of(b) for key, b in {**results, **outputs}.items()}

    def runner(self, entry: Entry, memory: StateMemory) -> Backend:
        """The kernels, or the reference on the graph as it was before all optimisation."""
        program = self.session.program
        assert program.checks is not None, "only what can be checked is compared"
        if not self.native:
            plain = with_graph(entry, program.checks.graphs[entry.name])
            return Reference(plain, memory, program.evaluate)
        return prepare(as_run(entry, self.batch), memory, target=self.session.target, threads=1,
                       evaluate=program.evaluate)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How far one set of examples is off, where, and how far it may be."""

    error: float
    worst: str
    bound: float

    @property
    def holds(self) -> bool:
        """Whether it is within the bound; NaN is not, where there is one."""
        return self.bound == inf or self.error <= self.bound


class Comparison:
    """The reference's results are had first; the kernels' once there are kernels."""

    def __init__(self, session: Session, batch: int, samples: Sequence[Batches]) -> None:
        self.session, self.batch, self.samples = session, batch, samples
        self.wanted = [self.side("float64", native=False).results(s)[0] for s in samples[:1]]

    def side(self, dtype: str, *, native: bool) -> Side:
        """One of the sides."""
        return Side(session=self.session, dtype=dtype, batch=self.batch, native=native)

    def certificate(self) -> Certificate:
        """What the kernels make of it.  Only where two samples differ, the kernels are wrong: one
        may lie where a rounding decides (a tie, a step).
        """
        certificate = Certificate(
            program=self.session.program.name, dtype=self.session.dtype, state=AGREES,
            examples=examples_of(self.samples[0]),
        )  # fmt: skip
        found = Compared(error=0.0, worst="", bound=0.0)
        for number in range(len(self.samples)):
            with np.errstate(all="ignore"):
                found = self.compared(number)
            if found.holds:
                return certificate
        return replace(certificate, state=DIFFERS, found=self.blamed(found))

    def compared(self, number: int) -> Compared:
        """One sample; how far it may be off is asked only where it is off by much."""
        sample, dtype = self.samples[number], self.session.dtype
        if number == len(self.wanted):
            self.wanted.append(self.side("float64", native=False).results(sample)[0])
        wanted = self.wanted[number]
        found, moves = self.side(dtype, native=True).results(sample)
        error, worst = self.off(found, wanted, moves)
        bound = BOUNDS[dtype]
        if not error <= bound:
            rounded, moves = self.side("float32", native=False).results(sample)
            widths = float(np.finfo(dtype).eps / np.finfo("float32").eps)
            rounding = self.off(rounded, wanted, moves)[0]  # not finite where float32 overflows
            bound = max(bound, ROOM * widths * rounding) if isfinite(rounding) else inf
        return Compared(error=error, worst=worst, bound=bound)

    def off(self, found: Results, wanted: Results, moves: list[Moves]) -> tuple[float, str]:
        """The greatest difference of values, and of what is updated, and where it is."""
        eps = float(np.finfo(self.session.dtype).eps)
        rooms = {
            name: np.nan_to_num(array, nan=np.inf, posinf=np.inf)  # nobody can say
            for name, array in room(moves, found, wanted).items()
        }
        for name, view in self.session.memory.views.items():
            if view.dtype.kind == "f":
                rounding = ROUNDINGS * eps * np.abs(view.astype(np.float64))
                key = AfterUpdate(name)
                rooms[key] = rooms.get(key, np.zeros(())) + rounding
        parts = [{n: a for n, a in wanted.items() if isinstance(n, AfterUpdate) == after}
                 for after in (False, True)]  # fmt: skip
        rooms = {name: array for name, array in rooms.items() if name in wanted}
        errors = [difference(found, part, room, exactly=False)
                  for part, room in zip(parts, (None, rooms), strict=True) if part]  # fmt: skip
        return max(errors, key=lambda one: (one[0] != one[0], one[0]))

    def blamed(self, found: Compared) -> str:
        """What is off, and by which operator if it can be told."""
        what = f"{found.worst} is off by {found.error:.2g} (at most {found.bound:.2g})"
        for step in self.session.training.steps:
            for name in (step.gradients, step.entry):
                node = None
                with suppress(Exception):  # a fault in finding it must not hide that there is one
                    node = self.first_wrong(name)
                if node is not None:
                    return f"{place_of(node[0])} is off by {node[1]:.2g}; {what}"
        return f"{what}; no operator by itself is to blame, so an optimisation is"

    def first_wrong(self, name: str) -> tuple[Any, float] | None:
        """The first operator of an entry whose own kernel is off, and how far."""
        program, sample = self.session.program, self.samples[0]
        assert program.checks is not None, "only what can be checked is compared"
        entry = program.entries[name]
        inner = {str(n.id): n.id for n in entry.graph.nodes if n.inputs}
        carries = {n: i for n, i in entry.graph.outputs.items() if n not in entry.graph.results}
        graph = replace(entry.graph, outputs={**inner, **carries})
        memory = self.session.memory
        values = values_by_name(memory.views, chosen(entry, sample))
        wanted = program.evaluate(graph, values, examples_of(sample), "float64")
        probe = replace(program.checks.probe(name, graph), deferred_whole_step=None)
        runner = prepare(probe, memory, target=self.session.target, threads=1,
                         evaluate=program.evaluate)  # fmt: skip
        results, outputs = runner.run(chosen(probe, sample), 1, batch=examples_of(sample))
        got = {**{n: array[0] for n, array in results.items()}, **outputs}
        for node in entry.graph.nodes:
            if (key := str(node.id)) in got:
                here, right = values_of(got[key]), values_of(wanted[key])
                error = apart(here, right, 1e-3 * size(right), np.zeros(()))
                if not error <= 10 * BOUNDS[self.session.dtype]:
                    return node, error
        return None
