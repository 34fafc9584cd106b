"""What elaboration gives: the graphs of a module, by name, and what persists between its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.elaborate.layers.notes import Notes
from gradc_compiler.elaborate.models.settings import Rules
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.registry import PersistentSpec
from gradc_compiler.elaborate.names.scope import Use
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import DataSource, Meaning, Schedules
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.round_operands import round_operands


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature:
    """A model's inputs and outputs for one example; a single output is called `result`."""

    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInfo:
    """One step of the training: which parameters it moves, by which rule, and what it reports."""

    name: str
    over: tuple[str, ...]
    using: str
    rules: Rules = field(repr=False)  # the same, of the graph `training`
    reports: tuple[str, ...]
    descends: bool = False  # by `descend`: along directions written in the spec
    loss: str = "loss"
    schedules: Schedules | None = None
    predicted: Mapping[str, Meaning] = field(default_factory=dict)  # by field


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainInfo:
    """The `train` block: its data, settings and steps, in turn."""

    data: str
    settings: Mapping[str, float]
    steps: tuple[StepInfo, ...]
    validation: str | None = None  # data of their own that are measured and not trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGraphs:
    """The graphs of a step; see `Module`."""

    step: Graph
    gradients: Graph
    training: Graph
    evaluate: Graph
    predict: Graph | None  # where the loss compares something with a field
    uses: tuple[Use, ...]  # applications of the prelude in `training`

    def rounded(self, precision: str) -> StepGraphs:
        """The same in a precision."""
        return replace(
            self,
            step=round_operands(self.step, precision),
            gradients=round_operands(self.gradients, precision),
            training=round_operands(self.training, precision),
            evaluate=round_operands(self.evaluate, precision),
            predict=self.predict and round_operands(self.predict, precision),
        )


@dataclass(frozen=True, kw_only=True)
class Module:
    """An elaborated spec.  Every graph is of one example and has been checked."""

    name: str
    unit: SourceModule = field(repr=False)  # the spec's own file, and what it sees of others
    parameters: tuple[PersistentSpec, ...]  # and the layers' states, in order of creation
    optimizer_states: tuple[PersistentSpec, ...]
    counters: tuple[PersistentSpec, ...]
    tables: tuple[PersistentSpec, ...]  # of schedules
    models: Mapping[str, ModelSignature]
    data: tuple[DataSource, ...]
    train: TrainInfo | None
    forwards: Mapping[str, Graph] = field(repr=False)
    notes: Mapping[str, Notes] = field(repr=False)  # of the parts of each model's text
    steps: Mapping[str, StepGraphs] = field(repr=False)
    generic: Mapping[str, CompileError] = field(repr=False)  # models whose sizes are open
    imports: tuple[Source, ...] = field(default=(), repr=False)  # the files that it read

    def named(self, step: str) -> StepInfo:
        """A step of `train` by its name."""
        assert self.train is not None, "a step belongs to a `train`"
        return next(s for s in self.train.steps if s.name == step)

    def forward(self, model: str) -> Graph:
        """The model in inference: an input for each argument, outputs by name."""
        if model in self.generic:
            raise self.generic[model]
        return self.forwards[model]

    def step(self, name: str) -> Graph:
        """One update: `loss`, `report/NAME` and `update/PERSISTENT`, all uniform."""
        return self.steps[name].step

    def gradients(self, name: str) -> Graph:
        """`loss` and `gradient/PARAMETER`, uniform, without an update."""
        return self.steps[name].gradients

    def training(self, name: str) -> Graph:
        """What a derived program says of a training step: `loss` and `report/NAME` of each example,
        and, uniform, `gradient/PARAMETER`, `update/STATE` and `setting/K` of the optimizer.
        """
        return self.steps[name].training

    def evaluate(self, name: str) -> Graph:
        """`loss` and `report/NAME` of each example, in inference."""
        return self.steps[name].evaluate

    def predict(self, name: str) -> Graph:
        """`prediction/FIELD` of each example, in inference."""
        found = self.steps[name].predict
        assert found is not None, "asked only of a step that predicts something"
        return found

    def persistents(self) -> tuple[PersistentSpec, ...]:
        """Everything that lives from step to step."""
        return (*self.parameters, *self.optimizer_states, *self.counters, *self.tables)

    def rounded(self, precision: str) -> Module:
        """The module in a precision: all its graphs, but for those that give first values."""
        forwards = {name: round_operands(graph, precision) for name, graph in self.forwards.items()}
        steps = {name: graphs.rounded(precision) for name, graphs in self.steps.items()}
        return replace(self, forwards=forwards, steps=steps)
