"""The frozen contract between the compiler and the runtime.

A `Program` says what a spec became: the numbers that persist between steps, the data it wants, how
it is trained, and one `Entry` for each thing it can do (a model's forward pass, a gradient, a
training step): see `entry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any

from gradc_compiler.diagnostics.source import Diagnostic
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.derivative import AskedDerivative
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.notebook_table import notebook_table
from gradc_compiler.records.fast_dataclass import dataclass

COUNT = "schedule/count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistent:
    """A number or tensor that lives from step to step, at `offset` in PERSISTENT, row-major."""

    name: str  # "digit.conv1.W", "train.adam.m/digit.conv1.W", "step", "seed"
    type: TensorType
    role: str  # "parameter", "state" (a layer's), "optimizer", "counter" or "schedule"
    offset: int
    initial: Any  # gradc_compiler.graph.Graph with one output "value"; draws take seed and name


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A data declaration: its fields, and the call that names where they come from."""

    name: str
    fields: tuple[tuple[str, TensorType], ...]
    function: str  # "mnist", "csv", ...
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    directory: str = "."  # of the spec: relative paths start here
    place: str = ""  # file:line:column, for messages
    validation: DataSource | None = None  # what is measured and not trained on, if it is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """Settings of a step's optimizer that change from update to update, evaluated ahead.

    A table has a schedule's values at the updates `base`, `base` + 1, ...; the step reads the one
    at `place` and moves that on.  Whoever runs steps fills the tables again before they end.
    """

    tables: Mapping[str, Any]  # persistent -> graph that gives "value" for a count "t"
    place: str  # a persistent, and so is
    base: str  # [2]: base = b[0] + 2^31 b[1]
    count: str  # the name under which base + place is saved; it ends with COUNT


class Meaning(StrEnum):
    """What a prediction says of the field that a loss compares it with."""

    SCORES = "scores"  # [k] of the classes, before a softmax
    PROBABILITIES = "probabilities"  # [k] of the classes
    LOGIT = "logit"  # of the field being 1, before a sigmoid
    PROBABILITY = "probability"  # of the field being 1
    NUMBERS = "numbers"  # an estimate of it


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainStep:
    """One named step: its entry updates what `over` names and gives a loss and reports."""

    name: str
    entry: str  # key of Program.entries: the update
    gradients: str  # entry that gives the loss and the gradients without updating
    evaluate: str  # entry that gives the loss and the reports, in evaluation mode, per example
    loss: str  # name of the loss among results
    reports: tuple[str, ...]
    over: tuple[str, ...]  # names of parameters
    adjoints: str | None = None  # entry that gives the adjoints of the states of recurrences
    schedules: Schedules | None = None
    using: str = ""  # the optimizer with all its settings, for people
    predict: str | None = None  # entry that gives `prediction/FIELD` in evaluation mode
    predicted: Mapping[str, Meaning] = field(default_factory=dict)  # by field


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The `train` block: which data, which steps in turn, and its settings."""

    data: str
    steps: tuple[TrainStep, ...]
    settings: Mapping[str, float]  # of training: those the spec gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What certificates check the compiler by: see `runtime/certificates/certificate.py`."""

    graphs: Mapping[str, Any] = field(repr=False)  # by entry: the graphs before any pass
    rules: Mapping[str, Any] = field(repr=False)  # by step: how it turns gradients into updates
    probe: Callable[[str, Any], Entry] = field(repr=False)  # compiles another graph into an entry


def no_other() -> Program | None:
    """Of a program that has no inexact rewrites."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A compiled spec.  `entries` is lazy: an entry is scheduled when it is first asked for."""

    name: str
    source: str = field(repr=False)  # the spec's text
    persistents: tuple[Persistent, ...] = field(repr=False)
    persistent_words: int
    models: Mapping[str, str]  # model name -> entry of its forward pass
    entries: Mapping[str, Entry] = field(repr=False)
    data: tuple[DataSource, ...]
    training: Training | None
    evaluate: Callable[..., Mapping[OutputKey, Any]] = field(repr=False)  # graph.evaluate.evaluate
    inputs: Mapping[str, Mapping[str, TensorType]] = field(default_factory=dict)  # of each model
    outputs: Mapping[str, Mapping[str, TensorType]] = field(default_factory=dict)
    checks: Checks | None = None
    forms: Mapping[str, Program] = field(default_factory=dict, repr=False)  # by target
    precision: str = "float32"  # or "tf32", "bf16": products of rounded operands
    remade: Callable[[str], Program] | None = field(default=None, repr=False, compare=False)
    derive: Callable[[AskedDerivative], Program] | None = field(
        default=None, repr=False, compare=False
    )
    look: Callable[[], tuple[Diagnostic, ...]] = field(default=tuple, repr=False, compare=False)
    exactly: Callable[[], Program | None] = field(default=no_other, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Program {self.name}: {self.about}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: its parameters, or else its models."""
        title = f"Program {self.name}: {self.about}"
        rows = [(p.name, str(p.type), p.type.size) for p in self.parameters]
        return notebook_table(title, ["parameter", "type", "numbers"], rows)

    def graph(self, entry: str | None = None) -> Any:
        """The graph of ONE example as the author wrote it, which a notebook shows as a picture: of
        the first step's loss and gradient, else of the first model; or of an entry by name.

        Raises `KeyError` where no entry has the name.
        """
        graphs = self.checks.graphs if self.checks is not None else {}
        steps = [step.gradients for step in self.training.steps] if self.training else []
        name = next(iter([*steps, *self.models.values()]), "") if entry is None else entry
        if name not in graphs:
            raise KeyError(f"no entry is called {name}; there are {', '.join(map(str, graphs))}")
        return graphs[name]

    @property
    def parameters(self) -> list[Persistent]:
        """What it trains, in the order of the spec."""
        return [p for p in self.persistents if p.role == "parameter"]

    @property
    def about(self) -> str:
        """Its models, its parameters, and what it is trained on, in a line."""
        count = sum(p.type.size for p in self.parameters)
        models = f"model{'s' * (len(self.models) > 1)} {', '.join(self.models)}"
        trained = f"trains on {self.training.data}" if self.training else "no train block"
        parts = [models if self.models else "no model", f"{count:,} parameters", trained]
        return "; ".join(parts)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What compiles and is hardly meant, found when it is first asked for."""
        return self.look()

    @property
    def exact(self) -> Program | None:
        """This program without inexact rewrites, if it may have some."""
        return self.exactly()

    def of_width(self, dtype: str) -> Program:
        """The program for numbers of a width: float64 goes without inexact rewrites."""
        return (self.exact if dtype == "float64" else None) or self

    def of_precision(self, precision: str | None) -> Program:
        """The program that computes its products in a precision; None: the precision it has."""
        if precision is None or precision == self.precision or self.remade is None:
            return self
        return self.remade(precision)

    def of_target(self, target: str) -> Program:
        """The program with the entries of a target: each has a second stage of rewrites.

        The `reference` has none, for it evaluates graphs as they were before that stage.
        """
        return self.forms.get(target, self)

    def with_forms(self, forms: Mapping[str, Program]) -> Program:
        """This program, which knows those of all targets; and likewise its exact form."""
        others = {target: form for target, form in forms.items() if form is not self}
        if self.exact is None:
            return replace(self, forms=others)
        exact = {t: form.exact for t, form in others.items() if form.exact is not None}
        alone = replace(self.exact, forms=exact)
        return replace(self, forms=others, exactly=lambda: alone)
