"""Entries as C, compiled strictly and called through ctypes."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.c.c_source import emit_c
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.pipeline import compilation

SPECS = Path(__file__).parents[3] / "specs"
NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc) is here")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
Array = np.ndarray


class Emitted:
    """An entry of a spec in C, beside a session of the same spec."""

    def __init__(
        self, text: str, entry: str, folder: Path, name: str = "spec.nn",
        values: Mapping[str, Array] | None = None, dtype: str = "float32",
        batch: int = 32, flags: Sequence[str] = ("-O0",),
    ) -> None:  # fmt: skip
        made = compilation(Source(name, text), SPECS, {}, ())
        self.session = gradc.Session(made.program, dtype=dtype, threads=1, seed=0)
        self.dtype, self.entry = np.dtype(dtype), made.program.entries[entry]
        memory = self.session.memory
        texts = emit_c(made, entry, values or memory.views, batch, memory.words.itemsize)
        folder.mkdir(exist_ok=True)
        for file, content in texts.items():
            (folder / file).write_text(content)
        self.source, self.header = texts.values()
        self.name, self.folder = next(iter(texts)).removesuffix(".c"), folder
        self.compile("cc", [*flags, "-shared", "-fPIC"], f"lib{self.name}.so")
        self.library = ctypes.CDLL(str(folder / f"lib{self.name}.so"))
        said = re.findall(r"(?:Memory|State): ([\d,]+) bytes", self.header)
        sizes = [int(size.replace(",", "")) for size in said]
        self.memory, self.state = (np.zeros(n + 8, np.uint8) for n in (*sizes, 0)[:2])
        self.ends = (*sizes, 0)[:2]
        self.results = [np.zeros(r.type.shape, self.dtype) for r in self.entry.results]

    def compile(self, compiler: str, flags: Sequence[str], made: str) -> None:
        """Compile the source so that no warning is let pass."""
        library = [] if "-c" in flags else ["-lm"]  # clang complains of one that nobody links
        command = [compiler, *STRICT, *flags, f"{self.name}.c", *library, "-o", made]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def run(self, *inputs: Array) -> list[Array]:
        """A model's outputs."""
        arrays = [a for a in self.entry.arrays if a.role == "output"]
        found = [np.zeros((len(inputs[0]), *a.type.shape), self.dtype_of(a.type)) for a in arrays]
        code = self.call("run", self.memory, *inputs, *found, len(inputs[0]))
        assert code == 0, code
        return found

    def dtype_of(self, type: TensorType) -> np.dtype[np.generic]:
        """The numbers of an array."""
        whole = type.kind is Kind.INDEX
        return np.dtype(f"i{self.dtype.itemsize}") if whole else self.dtype

    def start(self) -> None:
        """The state before the first step."""
        self.call("start", self.state)

    def step(self, *inputs: Array) -> list[float]:
        """One step; its loss and reports."""
        code = self.call("step", self.memory, self.state, *inputs, *self.results, len(inputs[0]))
        assert code == 0, code
        return [float(result) for result in self.results]

    def call(self, what: str, *given: Array | int | None) -> int:
        """A function of the file."""
        function = getattr(self.library, f"{self.name}_{what}")
        answer = int(function(*(a.ctypes.data_as(ctypes.c_void_p) if isinstance(a, Array) else a
                                for a in given)))  # fmt: skip
        assert not self.memory[self.ends[0] :].any() and not self.state[self.ends[1] :].any()
        return answer


def emitted(spec: str, entry: str, folder: Path, dtype: str = "float32") -> Emitted:
    """An entry of one of the specs."""
    text = (SPECS / f"{spec}.nn").read_text()
    return Emitted(text, entry, folder, f"{spec}.nn", dtype=dtype)


def drawn(made: Emitted, count: int) -> dict[str, Array]:
    """Random inputs of an entry."""
    rng = np.random.default_rng(0)
    found = {}
    for array in made.entry.arrays:
        shape, type = (count, *array.type.shape), array.type
        if array.role == "input" and type.kind is Kind.INDEX:
            found[str(array.name)] = rng.integers(0, type.classes, shape).astype(
                made.dtype_of(type)
            )
        elif array.role == "input":
            found[str(array.name)] = rng.random(shape).astype(made.dtype)
    return found
