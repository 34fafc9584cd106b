"""Steps of training for tests: a spec's step built into a folder, and called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import gradc
from gradc_compiler.graph.ragged import Ragged, length_key
from gradc_runtime.embed.build_library import build_step
from gradc_runtime.embed.frozen_step import frozen_step
from gradc_runtime.embed.step_interface import StepInterface
from tests.runtime.embed.building import SPECS, pointer

Inputs = Mapping[str, Any]


class BuiltStep:
    """The step of a spec in a folder, called as a C program would, beside a session."""

    def __init__(self, spec: str, batch: int, folder: Path, name: str | None = None) -> None:
        self.session = gradc.Session(gradc.compile_file(SPECS / f"{spec}.nn"), threads=1, seed=0)
        steps = self.session.training.steps
        self.step = next(s for s in steps if name in (None, s.name))
        self.batch, self.folder = batch, folder
        self.files = build_step(self.session, self.step, batch, folder)
        self.interface = StepInterface(frozen_step(self.session, self.step, batch))
        self.library = ctypes.CDLL(str(folder / f"lib{self.step.name}.so"))
        words = self.session.memory.words
        self.state = np.zeros(len(words), words.dtype)
        self.function("start")(pointer(self.state))
        self.entry = self.session.program.entries[self.step.entry]
        self.results = [np.zeros(r.type.shape, words.dtype) for r in self.entry.results]
        if not self.interface.lengths:
            self.size = self.workspace(())

    def function(self, what: str, answer: type = ctypes.c_int) -> ctypes._NamedFuncPointer:
        found = getattr(self.library, f"{self.step.name}_{what}")
        found.restype = answer
        return found

    def workspace(self, lengths: tuple[np.ndarray, ...]) -> int:
        """Bytes that a step needs."""
        size: int = self.function("workspace", ctypes.c_size_t)(*map(pointer, lengths), self.batch)
        return size

    def inputs(self, number: int) -> dict[str, Any]:
        """A batch of the data."""
        rows = slice(number * self.batch, (number + 1) * self.batch)
        taken = self.session.dataset().take(rows)
        return {
            name: values if isinstance(values, Ragged) else np.ascontiguousarray(values)
            for name, values in taken.items()
        }

    def given(self, inputs: Inputs) -> tuple[list[np.ndarray], tuple[np.ndarray, ...]]:
        """The arrays that a step reads, and the lengths of sequences."""
        read = [inputs[str(a.name)] for a in self.entry.arrays if a.role == "input"]
        flat = [np.ascontiguousarray(v.values if isinstance(v, Ragged) else v) for v in read]
        times = self.interface.lengths.values()
        return flat, tuple(inputs[length_key(time)].astype(np.int32) for time in times)

    def __call__(self, inputs: Inputs, size: int | None = None) -> int:
        read, lengths = self.given(inputs)
        whole = self.workspace(lengths) or getattr(self, "size", 0)
        memory = np.full(whole + 64, 255, np.uint8)
        room = ctypes.c_size_t(whole if size is None else size)
        arrays = map(pointer, [self.state, *read, *lengths, *self.results])
        place = ctypes.c_void_p(memory.ctypes.data + 3)
        code: int = self.function("step")(*arrays, self.batch, place, room)
        assert (memory[:3] == 255).all() and (memory[3 + whole :] == 255).all()
        return code

    def message(self, code: int) -> str:
        text: bytes = self.function("message", ctypes.c_char_p)(code)
        return text.decode()

    def bits(self) -> list[int]:
        return self.state.view(np.int32).tolist()
