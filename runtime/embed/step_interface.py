"""What a built step looks like from C: a state with named members, and functions on it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cached_property

from gradc_compiler.c.c_names import CNames
from gradc_compiler.program.arrays import Array
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.embed.frozen_step import FrozenStep
from gradc_runtime.embed.interface import OWN, CInterface


@dataclass(frozen=True)
class StepInterface(CInterface):
    """The names and the header of a step."""

    model: FrozenStep

    @cached_property
    def arguments(self) -> dict[str, Array]:
        """Arrays by their C names: inputs, then the loss and reports."""
        names = CNames({*OWN, "state"})
        arrays = [*self.model.arrays("input"), *self.model.arrays("output")]
        return {names.take(str(array.name)): array for array in arrays}

    @property
    def fingerprint(self) -> int:
        """A number that differs where the arguments or the state differ."""
        return zlib.crc32(f"{super().fingerprint} {self.model.batch}".encode()) >> 1

    def declared(self) -> str:
        """The arguments of `step`, before the number of examples."""
        return f"struct {self.name}_state *state, {super().declared()}"

    def _functions(self) -> Iterator[str]:
        name, own, state = self.name, self.declared(), f"struct {self.name}_state"
        yield ""
        yield f"#define {self.macro}_BATCH {self.model.batch} /* n of every step */"
        yield ""
        yield "/* What lives from step to step: parameters, moments, counters. */"
        yield f"{state} {{"
        yield from self.members()
        yield "};"
        yield ""
        yield "/* The state before the first step; and a state in a .safetensors file, or from one:"
        yield "   `tensor`, if it is not null, is told the name of the one that a code is about. */"
        yield f"int {name}_start({state} *state);"
        yield f"int {name}_save(const {state} *state, const char *path);"
        yield f"int {name}_load({state} *state, const char *path, const char **tensor);"
        yield ""
        yield f"/* A step, in memory of yours: as many bytes as {name}_workspace says. */"
        yield f"int {name}_step({own}, int n, void *workspace, size_t bytes);"
        yield f"size_t {name}_workspace({self.asked});"
        yield from self._common()
