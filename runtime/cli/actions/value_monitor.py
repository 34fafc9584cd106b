"""Watching values while a network trains: kinks that are met, saturation, sizes, and updates.

As the gradients are (`gradient_monitor.py`), they are measured at the first batch of every epoch,
beside the training, which is not touched.  Values are those of the graph that the author wrote, by
their names in `gradc derive`; the reference evaluates them in the run's width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.named_values import persistent_value, values_by_name
from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.rebuild import builder_after
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.loss_as_written import WrittenLoss, loss_as_written
from gradc_compiler.study.points_met import kinks_met, slopes
from gradc_runtime.cli.actions.adjoints import training_loss
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.backends import examples_of
from gradc_runtime.session.session import Session
from gradc_runtime.training.gradient_monitor import Log, length

FLAT = 0.01  # a slope below which a function is saturated
Arrays = Mapping[Any, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class KinkCount:
    """How often one kink was met, on one batch."""

    epoch: int  # counted from 1
    batches: int  # trained on before
    step: str
    name: str
    operator: str
    line: int
    met: int  # numbers that were at the kink itself
    numbers: int  # that could have been

    @property
    def told(self) -> float:
        """The share that met it."""
        return self.met / max(1, self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """How much of a value has a slope of nearly 0, on one batch."""

    epoch: int
    batches: int
    step: str
    name: str
    operator: str
    line: int
    flat: float  # the share whose slope is below 0.01
    slope: float  # the mean size of slopes

    @property
    def told(self) -> float:
        """The share that is saturated."""
        return self.flat


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSize:
    """One value on one batch."""

    epoch: int
    batches: int
    step: str
    name: str
    mean: float
    deviation: float
    least: float
    greatest: float
    zeros: float

    @property
    def told(self) -> float:
        """Its spread."""
        return self.deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSize:
    """How far a step moves a parameter, on one batch."""

    epoch: int
    batches: int
    step: str
    name: str
    update: float  # its length
    parameter: float  # the length of what is moved

    @property
    def told(self) -> float:
        """Relative to the parameter: about 0.001 is usual."""
        return self.update / self.parameter if self.parameter else float("inf")


KINDS: Mapping[str, tuple[type[Any], str]] = {  # and what the number at the end is
    "kinks": (KinkCount, "share of numbers at the kink"),
    "saturation": (Saturation, "share of slopes below 0.01"),
    "values": (ValueSize, "standard deviation"),
    "updates": (UpdateSize, "length of the update / of the parameter"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """`kinks`, or `values:conv*`: what is measured, of which names."""

    what: str
    pattern: str = "*"

    @staticmethod
    def of(text: str) -> Asked:
        """What an option says."""
        what, _, pattern = text.partition(":")
        return Asked(what, pattern or "*")

    def wants(self, name: str) -> bool:
        """Whether a name is meant; of a parameter also without its model, as it is shown."""
        short = name.partition(".")[2] if self.what == "updates" else name
        return fnmatchcase(name, self.pattern) or fnmatchcase(short, self.pattern)


class ValueMonitor:
    """Measures what was asked for, and writes it to files: `kinks.csv`, `values.csv`, ..."""

    def __init__(self, session: Session, made: Compilation, asked: Sequence[Asked]) -> None:
        self.session, self.asked = session, asked
        self.logs = {one.what: Log(f"{one.what}.csv", KINDS[one.what][0]) for one in asked}
        self.steps = [StepWatch(made, step.name, asked) for step in session.training.steps]

    def look(self, epoch: int, batches: int, arrays: Batches) -> None:
        """Measure every step on a batch."""
        count = examples_of(arrays)
        for step in self.steps:
            values = values_by_name(self.session.memory.views, step.read(arrays))
            place = {"epoch": epoch, "batches": batches, "step": step.name}
            for what, found in step.measured(values, count, self.session.dtype):
                self.logs[what].seen.append(KINDS[what][0](**place, **found))

    def write(self, folder: Path) -> None:
        """Add what is new to the files."""
        for log in self.logs.values():
            log.write(folder)

    def resume(self, folder: Path, batches: int) -> None:
        """Take up what was seen before so many batches."""
        for log in self.logs.values():
            log.resume(folder, batches)

    def unknown(self) -> list[str]:
        """Patterns that no name fits."""
        names = {name for step in self.steps for name in step.known}
        return [o.pattern for o in self.asked if not any(map(o.wants, names))]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredNode:
    """A node that is measured: as what, what is told of it beforehand, and how."""

    what: str
    node: int
    row: Mapping[str, Any]
    measure: Callable[[np.ndarray], dict[str, Any]]


class StepWatch:
    """What is measured of one step."""

    def __init__(self, made: Compilation, step: str, asked: Sequence[Asked]) -> None:
        self.name, self.asked = step, asked
        loss = training_loss(made, step)
        written = loss_as_written(loss.graph, loss.id, loss.name, loss.results)
        builder = builder_after(written.graph)
        nodes = [one for one in watched(written, builder) if self.wants(one.what, one.row["name"])]
        self.rows = {f"{one.what}{k}": one for k, one in enumerate(nodes)}
        self.graph = builder.graph({key: one.node for key, one in self.rows.items()})
        self.update = made.graphs[f"step/{step}"] if self.wants("updates") else None
        self.moved = [p.name for p in made.program.persistents if p.role == "parameter"]
        self.known = {*written.names.values(), *self.moved}

    def wants(self, what: str, name: str | None = None) -> bool:
        """Whether something is asked for, perhaps of a certain name."""
        return any(one.what == what and (name is None or one.wants(name)) for one in self.asked)

    def read(self, arrays: Batches) -> dict[str, Any]:
        """The inputs that are read, and all lengths."""
        graphs = [self.graph, *([self.update] if self.update is not None else [])]
        names = {n.op.key for g in graphs for n in g.nodes if isinstance(n.op, Input)}
        return {name: value for name, value in arrays.items() if name in names or "/" in name}

    def measured(
        self, values: Mapping[str, Any], count: int, dtype: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each measurement, by what it is."""
        with np.errstate(all="ignore"):
            found = evaluate(self.graph, values, count, dtype) if self.rows else {}
            moved = {} if self.update is None else evaluate(self.update, values, count, dtype)
        for key, one in self.rows.items():
            yield one.what, {**one.row, **one.measure(numbers_of(found[key]))}
        updates = of_role(Role.UPDATE, moved)
        for name in self.moved:
            if self.wants("updates", name) and name in updates:
                before = np.asarray(persistent_value(values, name), np.float64)
                moved_by = length(np.asarray(updates[name]) - before)
                yield "updates", {"name": name, "update": moved_by, "parameter": length(before)}


def watched(written: WrittenLoss, builder: Builder) -> Iterator[MeasuredNode]:
    """All that can be measured of a loss but its updates; indicators and slopes are appended."""
    for met in kinks_met(builder, written.graph, written.names):
        kink = met.kink
        line = kink.span.line if kink.span else 0
        row = {"name": kink.value, "operator": kink.operator, "line": line}
        yield MeasuredNode(what="kinks", node=met.met, row=row, measure=counted_at)
    for one in slopes(builder, written.graph, written.names):
        row = {"name": one.value, "operator": one.operator, "line": one.line}
        yield MeasuredNode(what="saturation", node=one.slope, row=row, measure=flatness)
    for id, name in written.names.items():
        yield MeasuredNode(what="values", node=id, row={"name": name}, measure=sizes)


def numbers_of(value: Any) -> np.ndarray:
    """All numbers of a batch, of sequences too."""
    return np.asarray(value.values if isinstance(value, Ragged) else value, np.float64)


def counted_at(met: np.ndarray) -> dict[str, Any]:
    """How many indicators are 1."""
    return {"met": int(np.count_nonzero(met)), "numbers": int(met.size)}


def flatness(slope: np.ndarray) -> dict[str, Any]:
    """How much of the slopes is nearly 0."""
    size = np.abs(slope)
    return {"flat": float(np.mean(size < FLAT)), "slope": float(np.mean(size))}


def sizes(value: np.ndarray) -> dict[str, Any]:
    """Where the numbers of a value lie."""
    if not value.size:
        value = np.zeros(1)
    return {
        "mean": float(value.mean()),
        "deviation": float(value.std()),
        "least": float(value.min()),
        "greatest": float(value.max()),
        "zeros": float(np.mean(value == 0)),
    }
