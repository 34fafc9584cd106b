"""An entry of a spec as a C99 file and its header, for people to read and any compiler to take.

struct digit_memory   every value that is computed, each with its name: all the memory there is
digit_run(...)        a model on n examples, one after another
train_step(...)       a step of training: loss, gradients, update
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property

import numpy as np

from gradc_compiler.c.c_helpers import HELPERS
from gradc_compiler.c.c_names import ArgumentNames, CNames, c_prefix
from gradc_compiler.c.c_scalar import CScalars
from gradc_compiler.c.c_time import CTime, c_time
from gradc_compiler.c.share_memory import Turns, turns
from gradc_compiler.emitted.plain_program import Buffer, PlainProgram, about
from gradc_compiler.emitted.value_names import value_names
from gradc_compiler.graph.types import Kind, Limit, TensorType, Time
from gradc_compiler.loops.ir import MemAccess
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.program import Schedules
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, kw_only=True)
class CFile:
    """One entry as C: what it is called, its numbers, and whether it trains."""

    program: PlainProgram
    name: str  # of its functions: "digit" or "train"
    does: str  # "run" or "step"
    source: str  # the spec's text
    spec: str  # its name
    values: Mapping[str, np.ndarray]  # of what persists
    batch: int  # examples that there is room for, where they must be there together
    word: int = 4
    schedules: Schedules | None = None  # of the step's optimizer
    limits: Sequence[Limit] = ()  # of its sequences
    called: set[str] = field(default_factory=set)

    @cached_property
    def prefix(self) -> str:
        """What its functions begin with."""
        return c_prefix(self.name)

    @property
    def macro(self) -> str:
        """What its macros begin with."""
        return self.prefix.upper()

    @property
    def trains(self) -> bool:
        """Whether it has a state that changes."""
        return self.does == "step"

    @property
    def room(self) -> int:
        """Examples that there is room for at once; 0: any number, one after another."""
        return self.batch if self.of_kind("carried") else 0

    @property
    def declared(self) -> str:
        """The function that callers know, without its body."""
        given = [f"struct {self.prefix}_memory *memory"]
        given += [f"struct {self.prefix}_state *state"] if self.trains else []
        found: dict[str, list[str]] = {"input": [], "output": [], "result": []}
        for name, (role, type, _) in self.arguments.items():
            constant = "const " if role == "input" else ""
            found[role].append(f"{constant}{self.type_of(type)} *{name}")
        lengths = [f"const int32_t *{t.lengths}" for t in self.times.values() if t.lengths]
        parts = [*given, *found["input"], *lengths, *found["output"], *found["result"], "int n"]
        return f"int {self.prefix}_{self.does}({', '.join(parts)})"

    @cached_property
    def scalars(self) -> CScalars:
        """How numbers are printed."""
        return CScalars(self.word)

    @cached_property
    def buffers(self) -> dict[StorageKey, tuple[Buffer, bool]]:
        """Every storage that a nest touches, in order; and whether it has whole numbers."""
        found: dict[StorageKey, tuple[Buffer, bool]] = {}
        for stage in self.program.stages:
            for one in stage.nests:
                for access in one.nest.accesses():
                    found.setdefault(
                        access.storage, (self.program.buffer(access.storage), access.index)
                    )
        return found

    def of_kind(self, *kinds: str) -> list[StorageKey]:
        """The storages of these kinds, in order."""
        return [key for key, (buffer, _) in self.buffers.items() if buffer.kind in kinds]

    @cached_property
    def arguments(self) -> dict[str, tuple[str, TensorType, str]]:
        """By name in C: the role of an array or result, its type, and what the spec calls it."""
        own = {*self.words_of_times, *self.functions}
        names, arrays = ArgumentNames(own), self.program.arrays("input")
        outputs = self.program.arrays("output")
        found = {names.take(str(a.name)): ("input", a.type, str(a.name)) for a in arrays}
        for array in outputs:
            called = "scores" if len(outputs) == 1 else str(array.name)
            found[names.take(called)] = ("output", array.type, str(array.name))
        for key, id in self.program.results.items():
            type = self.program.graph[id].type
            found[names.take(about(key))] = ("result", type, str(key))
        return found

    @cached_property
    def times(self) -> dict[Time, CTime]:
        """What each time of its sequences is in C."""
        names, found = CNames(), {}
        for time in self.program.table.memory.times:
            found[time] = c_time(time, names, self.macro, self.limits)
        return found

    @property
    def words_of_times(self) -> Collection[str]:
        """The names that times have taken."""
        return {
            word for t in self.times.values() for word in (t.lengths, t.count, t.start, t.total)
        }

    @cached_property
    def members(self) -> dict[StorageKey, str]:
        """The names of what is in the memory, the state, or a constant."""
        found = value_names(self.program, self.of_kind("memory", "carried"), CNames())
        state = CNames({*HELPERS, *self.arguments, *self.words_of_times, *self.functions})
        for key in self.of_kind("persistent"):
            found[key] = state.take(str(key[1]).replace("/", "_"))
        for key in self.of_kind("constant"):
            found[key] = state.take(f"constant_{key[1]}")
        return found

    @property
    def functions(self) -> Iterator[str]:
        """The names of its own functions and structs."""
        yield from (f"{self.prefix}_{what}" for what in (self.does, "start", "message", "memory"))
        yield from (f"{self.prefix}_stage_{k}" for k in range(len(self.program.stages)))

    @cached_property
    def turns(self) -> Turns:
        """Which values of the memory share words."""
        keys = self.of_kind("memory")
        places = self.program.table.layouts.places
        kept = {places[id].storage for id in self.program.results.values()}
        for stage in self.program.stages:  # an earlier step's are needed in a later one
            kept |= {a.storage for one in stage.nests if one.loop for a in one.nest.accesses()}
        words = {key: max(self.buffers[key][0].words, 1) for key in keys}
        rows = {key: self.most_rows(self.buffers[key][0]) for key in keys}
        return turns(self.program.stages, words, rows, kept)

    def most_rows(self, buffer: Buffer) -> int:
        """For how many rows of an example a value of the memory has room, if nothing is said."""
        return 1 if buffer.time is None else self.times[buffer.time].most

    def member(self, key: StorageKey) -> str:
        """A value of the memory as its member: `hidden`, or `turn_1.hidden`."""
        number = self.turns.union_of(key)
        return self.members[key] if number is None else f"turn_{number + 1}.{self.members[key]}"

    def real(self, index: bool) -> str:
        """The C type of a number."""
        return self.scalars.whole if index else self.scalars.real

    def type_of(self, type: TensorType) -> str:
        """The C type of a number of a tensor."""
        return self.real(type.kind is Kind.INDEX)

    def array(self, access: MemAccess) -> str:
        """The C array that an access goes to, and where the example's part begins."""
        buffer, _ = self.buffers[access.storage]
        if buffer.kind in ("input", "output"):
            role = buffer.kind
            named = {(r, about): n for n, (r, _, about) in self.arguments.items()}
            return named[role, buffer.name]
        if buffer.kind == "clock":
            return str(access.storage[1])  # for people: it is worked out where it is read
        name = self.members[access.storage]
        if buffer.kind == "persistent":
            return f"s->{name}" if self.trains else name
        if buffer.kind == "constant":
            return name
        return f"m->{self.member(access.storage)}{self._part(buffer)}"

    def _part(self, buffer: Buffer) -> str:
        """Where the part of an example begins, of what stages hand on."""
        if buffer.kind != "carried":
            return ""
        before = "example" if buffer.time is None else self.times[buffer.time].start
        return f" + {before} * {buffer.words}"
