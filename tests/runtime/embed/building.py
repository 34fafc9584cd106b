"""Libraries for tests: a spec's model built into a folder, and called through ctypes."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import Kind
from gradc_runtime.embed.build_library import build
from gradc_runtime.embed.frozen import frozen
from gradc_runtime.embed.interface import CInterface
from gradc_runtime.session.session import Session

SPECS = Path(__file__).parents[3] / "specs"
NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc) is here")


class Built:
    """A model in a folder, called as a C program would."""

    def __init__(self, session: Session, model: str, folder: Path) -> None:
        self.session, self.model, self.folder = session, model, folder
        self.files = build(session, model, folder)
        self.interface = CInterface(frozen(session, model))
        self.name = self.interface.name
        self.library = ctypes.CDLL(str(folder / f"lib{self.name}.so"))

    def function(self, what: str, answer: Any = ctypes.c_int) -> Any:
        """`digit_run`, `digit_message`, ..."""
        found = getattr(self.library, f"{self.name}_{what}")
        found.restype = answer
        return found

    def run(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """What `run` writes for some examples."""
        found = []
        for array in self.interface.model.arrays("output"):
            kind = np.int32 if array.type.kind is Kind.INDEX else inputs[0].dtype
            found.append(np.full((len(inputs[0]), *array.type.shape), -7, kind))
        code = self.function("run")(*map(pointer, [*inputs, *found]), len(inputs[0]))
        assert code == 0, self.message(code)
        return found

    def run_sequences(
        self, lengths: Mapping[str, np.ndarray], inputs: Sequence[np.ndarray], count: int
    ) -> list[np.ndarray]:
        """What `run_in` writes for `count` examples of so many elements each, by time."""
        found = []
        for array in self.interface.model.arrays("output"):
            rows = count
            if array.type.time is not None:
                fixed = np.full(count, array.type.time if isinstance(array.type.time, int) else 0)
                rows = int(lengths.get(str(array.type.time), fixed).sum())
            kind = np.int32 if array.type.kind is Kind.INDEX else self.interface.model.dtype
            found.append(np.full((rows, *array.type.shape), -7, kind))
        own = [pointer(lengths[time]) for time in self.interface.lengths.values()]
        size = self.function("workspace", ctypes.c_size_t)(*own, count)
        memory = np.full(size + 64, 255, np.uint8)
        place = ctypes.c_void_p(memory.ctypes.data + 5)
        given = [*map(pointer, inputs), *own, *map(pointer, found)]
        code = self.function("run_in")(*given, count, place, ctypes.c_size_t(size))
        assert code == 0, self.message(code)
        assert (memory[:5] == 255).all() and (memory[5 + size :] == 255).all()
        return found

    def message(self, code: int) -> str:
        """What a code says."""
        text: bytes = self.function("message", ctypes.c_char_p)(code)
        return text.decode()


def pointer(array: np.ndarray | None) -> ctypes.c_void_p | None:
    """An array as a C function takes it."""
    return None if array is None else array.ctypes.data_as(ctypes.c_void_p)


def built(text: str, folder: Path, model: str | None = None, dtype: str = "float32") -> Built:
    """The only model of a text, or the one that is named."""
    program = gradc.compile_source(text)
    session = gradc.Session(program, dtype=dtype, threads=1, seed=3)
    return Built(session, model or next(iter(program.models)), folder)


def digits(session: Session) -> np.ndarray:
    """All bundled digits."""
    return np.ascontiguousarray(session.dataset().take(slice(None), ["image"])["image"])


def names(paths: Sequence[Path]) -> set[str]:
    """The files' names."""
    return {path.name for path in paths}
