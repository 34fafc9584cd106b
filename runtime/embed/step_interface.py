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
        """By name in C: what is read, then the loss and reports."""
        names = CNames({*OWN, "state", "path"})
        arrays = [*self.model.arrays("input"), *self.model.arrays("output")]
        return {names.take(str(array.name)): array for array in arrays}

    @property
    def fingerprint(self) -> int:
        """A number that is another for other arguments, or another state."""
        state = [f"{p.name} {p.type} {p.offset}" for p in self.model.persistents]
        return zlib.crc32(f"{super().fingerprint} {self.model.batch} {state}".encode()) >> 1

    def declared(self) -> str:
        """The arguments of `step`, before the number of examples."""
        return f"struct {self.name}_state *state, {super().declared()}"

    def members(self) -> Iterator[str]:
        """The members of the state, with the gaps between them."""
        names, end = CNames(), 0
        for k, one in enumerate(self.model.persistents):
            if one.offset > end:
                yield f"    {self.word_of_reals} gap_{k}[{one.offset - end}];"
            name = names.take(one.name.replace("/", "_"))
            yield f"    {self.word(one.type)} {name}[{one.type.size}];"
            end = one.offset + one.type.size
        if len(self.model.weights) > end:
            yield f"    {self.word_of_reals} gap[{len(self.model.weights) - end}];"

    @property
    def word_of_reals(self) -> str:
        """The C type of a real number."""
        return "double" if self.model.dtype.itemsize == 8 else "float"

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
        yield "/* The state before the first step; and a state in a file, or from it. */"
        yield f"void {name}_start({state} *state);"
        yield f"int {name}_save(const {state} *state, const char *path);"
        yield f"int {name}_load({state} *state, const char *path);"
        yield ""
        yield f"/* A step, in memory of yours: as many bytes as {name}_workspace says. */"
        yield f"int {name}_step({own}, int n, void *workspace, size_t bytes);"
        yield f"size_t {name}_workspace({self.asked});"
        yield from self._common()
