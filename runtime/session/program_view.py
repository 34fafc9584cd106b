"""What a session knows of its program: the train block, its data, and what entries read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradc_compiler.graph.outputs import OutputKey, Role, Tagged
from gradc_compiler.program.program import DataSource, Program, Training, TrainStep
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.inputs import Types, checked, read_by, refuse_unknown
from gradc_runtime.session.state import is_known, suggestion
from gradc_runtime.system.errors import SessionError


class ProgramView:
    """A program on a target, in a width of numbers."""

    program: Program
    target: str
    dtype: str

    def __repr__(self) -> str:
        return f"<Session of {self.program.name}: {self.target}, {self.dtype}>"

    @property
    def training(self) -> Training:
        """The `train` block; raises `SessionError` where the spec has none."""
        if self.program.training is None:
            raise SessionError(f"{self.program.name} has no train block")
        return self.program.training

    @property
    def source(self) -> DataSource:
        """The data that the train block names."""
        return next(d for d in self.program.data if d.name == self.training.data)

    @property
    def fields(self) -> Types:
        """The types of its fields."""
        return dict(self.source.fields)

    def inputs(self, entry: str) -> list[str]:
        """Names of the arrays and sequences that an entry reads."""
        return read_by(self.program.entries[entry])

    def checked(self, name: str, inputs: Mapping[str, Any], declared: Types) -> Batches:
        """The inputs of an entry and the lengths of their times, of their declared types."""
        entry = self.program.entries[name]
        fields = dict(field for d in self.program.data for field in d.fields)
        refuse_unknown(entry, inputs, {**fields, **declared})
        return checked(entry, declared, inputs, self.dtype)

    def named_step(self, name: str) -> TrainStep:
        """A step of the train block by name; raises `SessionError` where none has it."""
        steps = {step.name: step for step in self.training.steps}
        if not is_known(name, steps):
            raise SessionError(f"no step is called {name}{suggestion(name, steps)}")
        return steps[name]

    def metrics(self, step: TrainStep) -> dict[str, OutputKey]:
        """What a step measures, and under which keys: its loss, then its reports."""
        prefix = "" if len(self.training.steps) == 1 else f"{step.name}."
        keys: dict[str, OutputKey] = {step.loss: step.loss}
        keys |= {name: Tagged(Role.REPORT, name) for name in step.reports}
        return {f"{prefix}{name}": key for name, key in keys.items()}
