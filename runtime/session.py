"""A program with numbers: the parameters of one network, and what can be done with them.

A `Session` allocates what persists, runs models, gradients and training steps on a target, and
checks what it is given.  It knows no calculus: every answer is an entry of the `Program`, run.

    session = Session(program, target="cpu", dtype="float32", threads=2, seed=0)
    session.run("digit", image=images)
    loss, gradients = session.gradients(image=images, label=labels)
    session.step(image=images, label=labels)
    session.train(data, epochs=5)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compiler.program import Entry, Program, Training, TrainStep
from runtime.checkpoint import Checkpoint, read_checkpoint, write_atomically
from runtime.data import Dataset, from_arrays, load
from runtime.data.check import conform
from runtime.errors import DataError, SessionError
from runtime.memory import LARGEST_SEED, Memory, Parameters, suggestion
from runtime.settings import resolve
from runtime.targets import Arrays, Runner, check_target, examples_of, prepare
from runtime.trainer import Summary, Trainer

EVALUATED_AT_ONCE = 1000  # examples
GRADIENT = "gradient/"  # a result of this name is the gradient for a parameter
REPORT = "report/"  # a result or output of this name is a report


class Session:
    """One set of parameters of a program, on one target."""

    def __init__(
        self,
        program: Program,
        target: str = "cpu",
        dtype: str = "float32",
        threads: int | None = None,
        seed: int | None = None,
    ) -> None:
        check_target(target, dtype)
        settings = program.training.settings if program.training else {}
        self.program, self.target, self.dtype = program, target, dtype
        self.threads = threads or len(os.sched_getaffinity(0))
        self.seed = int(settings.get("seed", 0)) if seed is None else seed
        if not 0 <= self.seed <= LARGEST_SEED or self.threads < 1:
            raise SessionError(f"seed must be 0 to {LARGEST_SEED}, and threads at least 1")
        self.memory = Memory(program, dtype)
        self.memory.initialise(self.program.evaluate, self.seed)
        self.parameters = Parameters(self.memory)
        self.runners: dict[str, Runner] = {}

    @property
    def training(self) -> Training:
        """The `train` block; a fault where the spec has none."""
        if self.program.training is None:
            raise SessionError(f"{self.program.name} has no train block")
        return self.program.training

    def run(self, model: str, examples: int | None = None, /, **inputs: Any) -> Any:
        """A model's outputs `[N, ...]`: one array, or a dict by name where it gives several.

        `examples` is N for a model that reads nothing and draws: `session.run("generate", 16)`.
        """
        if model not in self.program.models:
            known = suggestion(model, self.program.models)
            raise SessionError(f"no model is called {model}{known}")
        name = self.program.models[model]
        if examples is not None and (read := self.inputs(name)):
            raise SessionError(f"{model} makes an example for each that it reads of {read[0]}")
        if examples is not None and examples < 1:
            raise SessionError(f"at least one example, not {examples}")
        unread = set(self.program.inputs.get(model, ())) - set(self.inputs(name))
        arrays = self.checked(name, {k: v for k, v in inputs.items() if k not in unread})
        results, outputs = self.runner(name).run(arrays, batch=examples)
        count = examples or examples_of({k: np.asarray(v) for k, v in inputs.items()})
        for key, value in results.items():  # the same for all examples
            outputs[key] = np.repeat(value[:1], count, axis=0)
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def gradients(self, step: str | None = None, /, **inputs: Any) -> tuple[float, Arrays]:
        """The loss on a batch, and its gradient for each parameter the step trains."""
        chosen = self.training.steps[0] if step is None else self.named_step(step)
        arrays = self.checked(chosen.gradients, inputs)
        batch = examples_of({name: np.asarray(value) for name, value in inputs.items()})
        results, _ = self.runner(chosen.gradients).run(arrays, batch=batch)
        loss = float(results[chosen.loss][0])
        return loss, {name: results[f"{GRADIENT}{name}"][0] for name in chosen.over}

    def step(self, **inputs: Any) -> dict[str, float]:
        """One update by each step of the train block; its losses and reports on this batch."""
        checked: Arrays = {}
        for step in self.training.steps:
            checked |= self.checked(step.entry, inputs)
        return {name: float(values[0]) for name, values in self.advance(checked).items()}

    def advance(self, arrays: Mapping[str, np.ndarray], steps: int = 1) -> Arrays:
        """`steps` batches in turn, unchecked; every loss and report as an array over them."""
        found: Arrays = {}
        batch = examples_of(arrays) // steps
        for step in self.training.steps:
            wanted = {name: arrays[name] for name in self.inputs(step.entry)}
            results, _ = self.runner(step.entry).run(wanted, steps, batch=batch)
            for name, key in self.metrics(step).items():
                found[name] = np.asarray(results[key], np.float64).reshape(steps)
        return found

    def evaluate(self, data: Dataset) -> dict[str, float]:
        """Mean losses and reports over a data set, in evaluation mode; nothing is updated."""
        totals: dict[str, float] = {}
        for start in range(0, data.examples, EVALUATED_AT_ONCE):
            arrays = data.take(slice(start, start + EVALUATED_AT_ONCE))
            count = examples_of(arrays)
            for step in self.training.steps:
                wanted = {name: arrays[name] for name in self.inputs(step.evaluate)}
                results, outputs = self.runner(step.evaluate).run(wanted, batch=count)
                for name, key in self.metrics(step).items():
                    values = outputs[key] if key in outputs else results[key]
                    share = float(np.mean(values, dtype=np.float64)) * count
                    totals[name] = totals.get(name, 0.0) + share
        return {name: total / data.examples for name, total in totals.items()}

    def train(self, data: Dataset | Mapping[str, Any] | None = None, **settings: Any) -> Summary:
        """Train on a data set, on arrays by field name, or on the data that the spec names.

        `settings` (batch, epochs, held_out, patience) override the spec's.
        """
        resolved = resolve(self.training.settings, **{"seed": self.seed, **settings})
        return Trainer(self, self.dataset(data), resolved).run()

    def dataset(self, data: Dataset | Mapping[str, Any] | None = None) -> Dataset:
        """What to train on, checked: the spec's own source, or arrays with the fields it wants."""
        if isinstance(data, Dataset):
            return data
        source = next(d for d in self.program.data if d.name == self.training.data)
        if data is None:
            return load(source, dtype=self.dtype, seed=self.seed)
        return from_arrays(source.fields, data, dtype=self.dtype, name=source.name)

    def save(self, path: str | Path) -> None:
        """Write everything that persists to a safetensors file, whole or not at all."""
        write_atomically(Path(path), Checkpoint(tensors=self.memory.views, state={}).to_bytes())

    def load(self, path: str | Path) -> None:
        """Take over what `save` or a training run wrote, if it fits this program."""
        read_checkpoint(Path(path)).copy_into(self.memory.views)

    def runner(self, entry: str) -> Runner:
        """The entry on this session's target, prepared when it is first needed."""
        if entry not in self.runners:
            self.runners[entry] = prepare(
                self.program.entries[entry], self.memory,
                target=self.target, threads=self.threads, evaluate=self.program.evaluate,
            )  # fmt: skip
        return self.runners[entry]

    def inputs(self, entry: str) -> list[str]:
        """Names of the arrays that an entry reads."""
        return [a.name for a in self.program.entries[entry].arrays if a.role == "input"]

    def checked(self, name: str, inputs: Mapping[str, Any]) -> Arrays:
        """The inputs an entry needs, each `[N, ...]` of its declared type with the same N."""
        entry = self.program.entries[name]
        refuse_unknown(entry, inputs, {f for d in self.program.data for f, _ in d.fields})
        arrays: Arrays = {}
        for array in (a for a in entry.arrays if a.role == "input"):
            if array.name not in inputs:
                raise SessionError(f"{array.name} : {array.type} is missing")
            try:
                given = inputs[array.name]
                arrays[array.name] = conform(given, array.type, name=array.name, dtype=self.dtype)
            except DataError as fault:
                raise SessionError(str(fault)) from None
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) > 1 or 0 in lengths:
            counts = ", ".join(f"{key} has {len(array)}" for key, array in arrays.items())
            raise SessionError(f"inputs need the same number of examples, at least one: {counts}")
        return arrays

    def named_step(self, name: str) -> TrainStep:
        """A step of the train block by name."""
        steps = {step.name: step for step in self.training.steps}
        if name not in steps:
            raise SessionError(f"no step is called {name}{suggestion(name, steps)}")
        return steps[name]

    def metrics(self, step: TrainStep) -> dict[str, str]:
        """What a step measures, and under which keys: its loss, then its reports."""
        prefix = "" if len(self.training.steps) == 1 else f"{step.name}."
        reports = {f"{prefix}{name}": f"{REPORT}{name}" for name in step.reports}
        return {f"{prefix}{step.loss}": step.loss, **reports}


def refuse_unknown(entry: Entry, inputs: Mapping[str, Any], fields: set[str]) -> None:
    """A name that is neither an input of the entry nor a field of the data is a slip."""
    known = {array.name: array for array in entry.arrays if array.role == "input"}
    for name in inputs:
        if name not in known and name not in fields:
            raise SessionError(f"no input is called {name}{suggestion(name, known)}")
