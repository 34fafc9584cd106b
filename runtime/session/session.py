"""A program with numbers: the parameters of one network, and what can be done with them.

A `Session` allocates what persists, runs models, gradients and training steps on a target, and
checks what it is given.  It knows no calculus: every answer is an entry of the `Program`, run.

    session = Session(program, target="cpu", dtype="float32", threads=2, seed=0)
    session.run("digit", image=images)
    loss, gradients = session.gradients(image=images, label=labels)
    session.step(image=images, label=labels)
    session.train(data, epochs=5)

Threads may share a session: a call waits until another's is over.  Forked children may too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gradc_compiler.graph.outputs import OutputKey, Role, of_role
from gradc_compiler.graph.types import Kind
from gradc_compiler.program.program import Program, TrainStep
from gradc_runtime.data import Examples
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.backends import (
    Arrays,
    Backend,
    Ran,
    ReplayCall,
    examples_of,
    prepare,
)
from gradc_runtime.session.checkpoint import Checkpoint, write_atomically
from gradc_runtime.session.derivatives import Derivatives
from gradc_runtime.session.history import History, run_training
from gradc_runtime.session.index_reach import first_of, require_rows, steps_within
from gradc_runtime.session.inputs import (
    as_given,
    chosen,
    is_plain,
    only,
    read_by,
)
from gradc_runtime.session.load_weights import Names, checkpoint_of, load_into
from gradc_runtime.session.measuring import measured
from gradc_runtime.session.onnx_file import write_onnx
from gradc_runtime.session.predicting import predicted
from gradc_runtime.session.schedule_tables import Tables
from gradc_runtime.session.session_config import SessionConfig, whole
from gradc_runtime.session.session_table import PUBLIC, session_table
from gradc_runtime.session.state import (
    LARGEST_SEED,
    ParameterViews,
    StateMemory,
    require_model,
)
from gradc_runtime.session.train_settings import Settings, resolve
from gradc_runtime.session.training_data import (
    Given,
    by_name,
    of_frame,
    targets_of,
    training_data,
)
from gradc_runtime.session.weights_file import weights_of
from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.files import path_of
from gradc_runtime.system.fork_safe_lock import ForkSafeLock
from gradc_runtime.weights.report import LoadReport


class Session(Derivatives):
    """One set of parameters of a program, on one target."""

    def __init__(
        self, program: Program, target: str = "cpu", dtype: DTypeLike = "float32",
        threads: int | None = None, seed: int | None = None, precision: str | None = None,
    ) -> None:  # fmt: skip
        opening = SessionConfig.of(program, target, dtype, threads, seed, precision)
        self.program, self.target, self.dtype = opening.program, opening.target, opening.dtype
        self.threads, self.seed = opening.threads, opening.seed
        self.memory = StateMemory(program, self.dtype)
        self.begin()
        self.parameters = ParameterViews(self.memory)
        self.tables = Tables(program, self.memory)
        self.runners: dict[str, Backend] = {}
        self._repeats: dict[str | None, ReplayCall | None] = {}  # of models, None: of the step
        self._measured: dict[str, OutputKey] = {}  # metrics of the step, by name
        self.encoding: Encoding | None = None  # how a table's columns became numbers
        self._derived: dict[str, Session] = {}
        self._exclusive = ForkSafeLock()
        self.memory.settle()

    def begin(self) -> None:
        """Give everything that persists its first numbers."""
        self.memory.initialise(self.program.evaluate, self.seed)

    def _repr_html_(self) -> str:
        """What a notebook shows: the parameters as they are now."""
        return session_table(self.program, repr(self)[1:-1], self.parameters)

    def __dir__(self) -> list[str]:
        """What users call; the rest is how it works inside."""
        return [*PUBLIC]

    def __reduce__(self) -> Any:
        raise TypeError("a session lives in one process: save its numbers with session.save(path)")

    def run(self, model: str, examples: int | None = None, /, **inputs: Any) -> Any:
        """A model's outputs `[N, ...]`: one array, or a dict by name where it gives several.

        Sequences, in and out, are lists of arrays `[T, ...]`, or `[N, T, ...]` if T is fixed.
        `examples` is N for a model that reads nothing and draws: `session.run("generate", 16)`.
        Raises `SessionError` where no model has the name, or an input is missing or does not fit.
        """
        with self._exclusive.lock:
            plain = examples is None and isinstance(model, str)
            repeat = self._repeats.get(model) if plain else None
            if repeat is not None and (found := repeat(inputs)) is not None:
                return only(found)
            return only(self._run(model, examples, inputs))

    def _run(self, model: str, examples: int | None, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A model's outputs by name, once all inputs have been checked."""
        require_model(model, self.program.models)
        name = self.program.models[model]
        entry = self.program.entries[name]
        if examples is not None and (read := self.inputs(name)):
            raise SessionError(f"{model} reads {read[0]}, given by name: run(..., {read[0]}=...)")
        whole(examples, "examples", 1, LARGEST_SEED, 1)
        batches = self.checked(name, inputs, self.program.inputs.get(model, {}))
        count = examples or examples_of(batches)
        require_rows(entry, batches)
        wanted, runner = chosen(entry, batches), self.runner(name)
        results, outputs = runner.run(wanted, batch=count)
        declared = self.program.outputs.get(model, {})
        types = {key: declared.get(str(key), type) for key, type in entry.outputs.items()}
        real = all(types[key].kind is Kind.REAL for key in outputs)
        if real and not entry.results and is_plain(inputs, wanted, read_by(entry)):
            self._repeats[model] = runner.repeat(wanted)
        found = {
            str(key): as_given(batch, types[key], self.dtype) for key, batch in outputs.items()
        }
        for key, value in results.items():  # the same for all examples
            found[str(key)] = np.repeat(value[:1], count, axis=0)
        return found

    def gradients(self, step: str | None = None, /, **inputs: Any) -> tuple[float, Arrays]:
        """The loss on a batch, and its gradient for each parameter that the step trains.

        Inputs are as in `run`; a gradient has the shape of its parameter.  Raises `SessionError`
        where the spec has no such step, or an input is missing or does not fit.
        """
        named = self.training.steps[0] if step is None else self.named_step(step)
        return self.gradients_on(named, self.checked(named.gradients, inputs, self.fields))

    def gradients_on(self, named: TrainStep, batches: Batches) -> tuple[float, Arrays]:
        """`gradients` on a batch that has been checked."""
        results, _ = self.once(named.gradients, batches)
        loss = float(results[named.loss][0])
        found = of_role(Role.GRADIENT, results)
        return loss, {name: found[name][0] for name in named.over}

    def step(self, **inputs: Any) -> dict[str, float]:
        """One update by each step of the train block; its losses and reports on this batch.

        Inputs are as in `run`.  Raises `SessionError` where one is missing or does not fit; then
        nothing has been updated.
        """
        with self._exclusive.lock:
            last = self._repeats.get(None)
            if last is not None and self.tables.ready() and last(inputs) is not None:
                return {n: float(last.results[key][0, 0]) for n, key in self._measured.items()}
            batches = Batches({})
            for step in self.training.steps:
                batches.update(self.checked(step.entry, inputs, self.fields))
            found = self.advance(batches)
            self._remember(inputs, batches)
        return {name: float(values[0]) for name, values in found.items()}

    def _remember(self, inputs: Mapping[str, Any], batches: Batches) -> None:
        """Capture the update for replay, where it is a single step on plain arrays."""
        (step, *others) = self.training.steps
        wanted = chosen(self.program.entries[step.entry], batches)
        if not others and is_plain(inputs, wanted, self.inputs(step.entry)):
            self._repeats[None] = self.runner(step.entry).repeat(wanted)
            self._measured = self.metrics(step)

    def advance(self, batches: Batches, steps: int = 1) -> Arrays:
        """`steps` batches in turn, or those before one that `reach` refuses; losses and reports."""
        entries = [self.program.entries[step.entry] for step in self.training.steps]
        if (before := steps_within(entries, batches, steps)) < steps:
            if before:
                self.advance(first_of(batches, steps, before), before)
            for entry in entries:
                require_rows(entry, batches, steps)
        found: Arrays = {}
        for step in self.training.steps:
            results, _ = self.once(step.entry, batches, steps)
            metrics = self.metrics(step).items()
            found |= {n: np.asarray(results[key], np.float64).reshape(steps) for n, key in metrics}
        return found

    def predict(self, data: Any = None, /, **inputs: Any) -> Any:
        """What the network says of the fields that its loss compares: `[N, classes]` probabilities,
        those of a 1 as `[N]`, or numbers; a dict by field where there are several.

        `inputs` are as in `run`, or `data` is a data frame that needs no labels.  Raises
        `SessionError` where no loss compares a field, or an input is missing or does not fit.
        """
        step = next((s for s in self.training.steps if s.predict is not None), None)
        if step is None or step.predict is None:
            raise SessionError(f"no loss of {self.program.name} compares a field: run a model")
        if data is not None:
            inputs |= of_frame(self.source, data, self.inputs(step.predict), self.encoding)
        return only(
            predicted(self, step, self.checked(step.predict, inputs, self.fields), self.encoding)
        )

    def evaluate(self, data: Given = None) -> dict[str, float]:
        """Mean losses and reports over a data set, in evaluation mode; nothing is updated.

        Raises `DataError` where the data does not fit the spec's fields.
        """
        return measured(self, self.dataset(data))

    def train(
        self, data: Given = None, *more: object, quiet: bool = False, **settings: Any
    ) -> History:
        """Train on a data set, a data frame, arrays by field name, or what the spec names; there
        are no `more`.

        `settings` (batch, epochs, held_out, patience, limit) override the spec's; progress is shown
        on standard error unless `quiet`.  Raises `SessionError` for a setting, `DataError` for data
        that does not fit, and `Diverged` where a number is no longer finite.
        """
        if more:
            raise SessionError(f"inputs and labels go together: {by_name(self.source)}")
        resolved = resolve(self.training.settings, **{"seed": self.seed, **settings})
        return run_training(self, self.dataset(data, resolved), resolved, quiet=quiet)

    def dataset(self, data: Given = None, settings: Settings | None = None) -> Examples:
        """What to train on; raises `SessionError` or `DataError` where it does not fit."""
        how, known = settings or resolve(self.training.settings), self.encoding
        found = training_data(
            self.source, data, how, dtype=self.dtype, seed=self.seed, encoding=known,
            targets=targets_of(self.program, self.training.steps),
        )  # fmt: skip
        if settings is not None:  # to train: the encoding holds from now on
            self.encoding = known or getattr(found, "encoding", None)
        return found

    def save(self, path: str | Path) -> None:
        """Write all that persists to a safetensors file, whole.  Raises `OSError` if it cannot."""
        with self._exclusive.lock:
            data = Checkpoint(tensors=self.tables.saved(), state={}).to_bytes()
            write_atomically(path_of(path), data)

    def save_weights(self, path: str | Path, precision: str = "float32") -> None:
        """Write what models need to run, as "f16" in half the room; raises as `weights_of`."""
        with self._exclusive.lock:
            write_atomically(path_of(path), weights_of(self.memory, precision).to_bytes())

    def load(
        self, path: str | Path, only: Names = None, rename: Mapping[str, str] | None = None
    ) -> LoadReport:
        """Take over a checkpoint, the newest of a run's folder, or of any file what fits (`only`,
        `rename`): that is said.

        Raises `CheckpointError` or `DataError` where it does not fit; then nothing changed.
        """
        with self._exclusive.lock:
            file, encoding = checkpoint_of(path_of(path))
            report = load_into(self.program, self.tables, file, only, rename)
            self.encoding = encoding or self.encoding
            return report

    def export(self, path: str | Path, model: str | None = None) -> None:
        """Write a model, or the only one, as an ONNX file; raises as `write_onnx` does."""
        with self._exclusive.lock:
            write_onnx(self, path, model)

    def once(self, entry: str, given: Batches, steps: int = 1) -> Ran:
        """`steps` batches in turn, unchecked; results, and outputs of each example."""
        with self._exclusive.lock:
            require_rows(self.program.entries[entry], given, steps)
            wanted, runner = chosen(self.program.entries[entry], given), self.runner(entry)
            return self.tables.run(entry, runner, wanted, steps, examples_of(given) // steps)

    def runner(self, entry: str) -> Backend:
        """The entry on the target, prepared when it is first needed."""
        if entry not in self.runners:
            self.runners[entry] = prepare(
                self.program.entries[entry], self.memory,
                target=self.target, threads=self.threads, evaluate=self.program.evaluate,
            )  # fmt: skip
        return self.runners[entry]
