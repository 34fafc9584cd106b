"""A whole module: what is imported, functions of numbers, of loops, and those for callers."""

from __future__ import annotations

import base64
import inspect
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import PurePath

import numpy as np

from gradc_compiler.emitted.plain_program import plain_program
from gradc_compiler.graph.types import TensorType
from gradc_compiler.numba_module.frame_parts import ALWAYS, OF_SEQUENCES
from gradc_compiler.numba_module.module_callers import Caller, all_steps
from gradc_compiler.numba_module.module_entry import ModuleEntry
from gradc_compiler.numba_module.module_names import (
    PublicNames,
    PythonNames,
    comment,
    module_name,
)
from gradc_compiler.numba_module.module_scalar import ModuleScalars
from gradc_compiler.numba_module.packed_tensors import packed_tensors
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.program import Program, TrainStep
from gradc_compiler.records.fast_dataclass import dataclass

EMBEDDED = 4 << 20  # bytes of weights that a module has in its own text
A_LINE = 96  # characters of weights
FLAGS = 'njit = numba.njit(cache=True, error_model="numpy")'


@dataclass(frozen=True, kw_only=True)
class NumbaModule:
    """What goes into a module."""

    made: Compilation
    models: Sequence[str]
    steps: Sequence[TrainStep]
    values: Mapping[str, np.ndarray]  # of what persists
    word: int = 4
    functions: dict[str, str] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)

    @cached_property
    def names(self) -> PythonNames:
        """The names of functions; models choose first."""
        return PythonNames([*self.functions_of_models.values(), *self.functions_of_steps])

    @property
    def program(self) -> Program:
        """The spec, compiled."""
        return self.made.program

    @property
    def spec(self) -> str:
        """The name of its file."""
        return PurePath(self.made.source.name).name

    @property
    def name(self) -> str:
        """The name of the module's file, without its end."""
        return module_name(PurePath(self.spec).stem)

    def entry(self, key: str, name: str, step: TrainStep | None = None) -> ModuleEntry:
        """An entry of the program, ready to be written."""
        return ModuleEntry(
            program=plain_program(self.made, key),
            name=name,
            functions=self.functions,
            names=self.names,
            source=self.made.source.text,
            spec=self.spec,
            word=self.word,
            schedules=step.schedules if step is not None and step.entry == key else None,
            called=self.called,
        )

    @cached_property
    def parts(self) -> list[str]:
        """The functions of loops and for callers, in the order in which they are called."""
        found: list[str] = []
        for model, name in self.functions_of_models.items():
            entry = self.entry(self.program.models[model], self.names.take(f"run_{name}"))
            found += self._written(entry)
            found.append(self.caller(entry, model).model(name, model))
        if len(self.models) == 1:
            found.append(f"predict = {self.functions_of_models[self.models[0]]}")
        callers = {}
        for step in self.steps:
            mark = "" if len(self.steps) == 1 else f"_{step.name}"
            entry = self.entry(step.gradients, self.names.take(f"gradients{mark}_on"))
            found += self._written(entry)
            found.append(self.caller(entry).gradients(f"loss_and_gradients{mark}", step))
            entry = self.entry(step.entry, self.names.take(f"step{mark}_on"), step)
            found += self._written(entry)
            callers[step.name] = self.caller(entry)
            found.append(callers[step.name].step(f"step{mark}", step))
        return [*found, all_steps(callers)] if len(callers) > 1 else found

    @cached_property
    def functions_of_models(self) -> dict[str, str]:
        """The name of the function of each model."""
        names = PublicNames(self.functions_of_steps)
        return {model: names.take(model) for model in self.models}

    @property
    def functions_of_steps(self) -> list[str]:
        """The names of the functions of steps, where there are several."""
        heads = "loss_and_gradients", "step"
        return [f"{head}_{step.name}" for step in self.steps for head in heads]

    @property
    def fields(self) -> dict[str, TensorType]:
        """The fields of the data that is trained on."""
        data = self.program.training.data if self.program.training else None
        return {name: t for d in self.program.data if d.name == data for name, t in d.fields}

    def caller(self, entry: ModuleEntry, model: str | None = None) -> Caller:
        """What writes the function that calls an entry: of a model, or of a step."""
        fields = self.fields if model is None else self.program.inputs.get(model, {})
        return Caller(entry, self.program.data, fields)

    def _written(self, entry: ModuleEntry) -> Iterator[str]:
        lines = entry.write()
        yield from entry.written
        yield "\n".join(lines)

    def text(self) -> str:
        """The text of the whole module."""
        parts = self.parts  # which tell what they call
        scalars = ModuleScalars(self.word)
        timed = any("Packed(" in part for part in parts)
        frame = [_copied(part) for part in (*ALWAYS, *(OF_SEQUENCES if timed else ()))]
        helpers = list(scalars.helpers(self.called))
        blocks = [self._head(), *helpers, *frame, self._shapes(), *parts, self._start()]
        return "\n\n\n".join(blocks) + "\n"

    def _head(self) -> str:
        lines = self.made.source.text.rstrip().splitlines()
        raw = "r" if any("\\" in line for line in [self.spec, *lines]) else ""
        return "\n".join([
            f'{raw}"""{comment(self.spec)} as functions of NumPy arrays, compiled by Numba.', "",
            f"    import {self.name}", "",
            f"    state = {self.name}.start()  # what persists: a dict of arrays, by name",
            *(f"    {line}" for line in self._usage()), "",
            "A function of loops has above each loop the line of the spec that it comes of:", "",
            *(f"    {comment(line)}".rstrip() for line in lines), '"""', "",
            "from __future__ import annotations", "",
            "import base64", "import json", "import math", "import zlib",
            "from collections.abc import Mapping", "from pathlib import Path",
            "from typing import Any", "", "import numba", "import numpy as np", "",
            f"real = np.float{8 * self.word}  # the type of a number",
            FLAGS,
            "LOW, UP, EIGHT = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(8)",
        ])  # fmt: skip

    def _usage(self) -> Iterator[str]:
        """How it is called."""
        for model, function in self.functions_of_models.items():
            inputs = example(self.program.inputs.get(model, {}))
            name = "predict" if len(self.models) == 1 else function
            yield f"found = {self.name}.{name}(state, {inputs})"
        if self.steps:
            inputs = example(self.fields)
            mark = "" if len(self.steps) == 1 else f"_{self.steps[0].name}"
            yield f"loss, gradients = {self.name}.loss_and_gradients{mark}(state, {inputs})"
            yield f"measured = {self.name}.step(state, {inputs})  # and the state has changed"

    def _shapes(self) -> str:
        rows = []
        for one in self.program.persistents:
            kind = "np.int64" if one.type.kind.value == "index" else "real"
            rows.append(f'    "{one.name}": ({one.type.shape}, {kind}),')
        own = [one.name for one in self.program.persistents if one.role in ("parameter", "state")]
        kept = [
            "WEIGHTS = (  # what a model needs to run",
            *(f'    "{name}",' for name in own),
            ")",
        ]
        return "\n".join(["SHAPES = {  # of everything that persists", *rows, "}", *kept])

    @cached_property
    def weights(self) -> bytes:
        """The tensors of the first state that are not 0, as a safetensors file."""
        found = {}
        for one in self.program.persistents:
            value = self.values[one.name].reshape(one.type.shape)
            kind = np.int64 if one.type.kind.value == "index" else np.dtype(f"f{self.word}")
            if np.any(value):
                found[one.name] = np.asarray(value, kind)
        return packed_tensors(found)

    @property
    def beside(self) -> bool:
        """Whether the weights are a file beside the module."""
        return len(self.weights) > EMBEDDED

    def _start(self) -> str:
        """The first state."""
        head = 'def start() -> dict[str, Any]:\n    """The state that the module was made with."""'
        if self.beside:
            data = 'Path(__file__).with_suffix(".safetensors").read_bytes()'
            return f"{head}\n    return taken_over(unpacked_tensors({data}))"
        text = base64.b85encode(zlib.compress(self.weights, 9)).decode()
        lines = [text[k : k + A_LINE] for k in range(0, len(text), A_LINE)]
        code = "zlib.decompress(base64.b85decode(START.replace('\\n', '')))"
        body = f"    return taken_over(unpacked_tensors({code}))"
        return "\n".join([head, body, "", "", "START = r'''", *lines, "'''"])


def example(types: Mapping[str, TensorType]) -> str:
    """How inputs are given, in the text above a module."""
    names = PublicNames()
    return ", ".join(f"{names.take(name)}=..." for name in types) or "examples=16"


def _copied(part: object) -> str:
    return inspect.getsource(part).strip()  # type: ignore[arg-type]


def emit_numba(
    made: Compilation, values: Mapping[str, np.ndarray], word: int = 4,
    models: Sequence[str] | None = None, steps: Sequence[TrainStep] | None = None,
) -> dict[str, str | bytes]:  # fmt: skip
    """Models and steps of a spec as a module; the files by name, the module first.

    `values` are the numbers of what persists.  Raises `NotPrinted` for what has no text yet.
    """
    training = made.program.training
    own = training.steps if training else ()
    module = NumbaModule(
        made=made,
        models=list(made.program.models) if models is None else models,
        steps=own if steps is None else steps,
        values=values,
        word=word,
    )
    files: dict[str, str | bytes] = {f"{module.name}.py": module.text()}
    if module.beside:
        files[f"{module.name}.safetensors"] = module.weights
    return files
