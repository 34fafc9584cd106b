"""The source of an entry, from top to bottom: helpers, constants, stages, the function itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import PurePath

import numpy as np

from gradc_compiler.c.c_file import CFile
from gradc_compiler.c.c_header import FAULTS, CHeader
from gradc_compiler.c.c_names import comment
from gradc_compiler.c.c_program import c_program
from gradc_compiler.c.c_stage import StageText, stage_text
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.memory.layout import StorageKey, row_major
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass

A_LINE = 8  # numbers


@dataclass(frozen=True)
class CSource:
    """Writes the source."""

    file: CFile

    @cached_property
    def stages(self) -> list[StageText]:
        """Every stage as the body of a function, and what it is given."""
        numbered = enumerate(self.file.program.stages)
        return [stage_text(self.file, number, stage) for number, stage in numbered]

    def text(self) -> str:
        """All of it."""
        stages = [line for number in range(len(self.stages)) for line in self._stage(number)]
        parts = [
            f"/* {comment(self.file.spec)} in C: see {self.file.prefix}.h.  {self._sizes()} */",
            "#include <math.h>",
            "#include <string.h>",
            f'#include "{self.file.prefix}.h"',
            "",
            *(f"{text}\n" for text in self.file.scalars.helpers(self.file.called)),
            *self._constants(),
            *stages,
            *self._entry(),
            *self._messages(),
            *self._start(),
        ]
        return "\n".join(parts) + "\n"

    def _sizes(self) -> str:
        """The memory that there is, in words."""
        sizes = CHeader(self.file).sizes()
        return "  ".join(f"{what}: {size:,} bytes." for what, size in sizes.items())

    def _constants(self) -> Iterator[str]:
        """Constant tensors; and weights, where they do not change.  Their numbers stand last."""
        for key in self.file.of_kind("constant"):
            values = self.file.program.constants[key]
            yield from self._numbers(key, values)
        for key in [] if self.file.trains else self.file.of_kind("persistent"):
            buffer, index = self.file.buffers[key]
            yield f"static const {self.file.real(index)} {self.file.members[key]}[{buffer.words}];"
        yield ""

    def _numbers(self, key: StorageKey, values: np.ndarray) -> Iterator[str]:
        _, index = self.file.buffers[key]
        yield f"static const {self.file.real(index)} {self.file.members[key]}[{values.size}] = {{"
        yield from self._lines(values, index, "    ")
        yield "};"

    def _lines(self, values: np.ndarray, index: bool, indent: str) -> Iterator[str]:
        flat = values.reshape(-1)
        texts = [str(int(x)) if index else self.file.scalars.literal(float(x)) for x in flat]
        for k in range(0, len(texts), A_LINE):
            yield indent + ", ".join(texts[k : k + A_LINE]) + ","

    def _stage(self, number: int) -> Iterator[str]:
        """A stage as a function."""
        stage, text = self.file.program.stages[number].stage, self.stages[number]
        yield f"/* {'Of every example in turn' if stage.examples else 'Once'}. */"
        given = ", ".join(text.given.values())
        yield f"static void {self.file.prefix}_stage_{number}({given}) {{"
        yield from text.lines
        yield "}"
        yield ""

    def _entry(self) -> Iterator[str]:
        """The function that callers know."""
        yield f"{self.file.declared} {{"
        yield from self._checks()
        yield "    memset(memory, 0, sizeof *memory);"
        for number, stage in enumerate(self.file.program.stages):
            yield from self._call(number)
            for key in stage.means:
                name, words = self.file.member(key), self.file.buffers[key][0].words
                real = self.file.scalars.real
                yield f"    for (int k = 0; k < {words}; k++) memory->{name}[k] /= ({real})n;"
        yield from self._results()
        yield "    return 0;"
        yield "}"
        yield ""

    def _checks(self) -> Iterator[str]:
        """What is answered by a code."""
        lengths = [time.lengths for time in self.file.times.values() if time.lengths]
        own = [*(["state"] if self.file.trains else []), *lengths]
        pointers = ["memory", *own, *self.file.arguments]
        most = f" || n > {self.file.macro}_BATCH" if self.file.room else ""
        least = "n < 1" if self.file.trains or self.file.program.results else "n < 0"
        yield f"    if ({least}{most}) return {self.file.macro}_WRONG_SIZE;"
        missing = " || ".join(f"{pointer} == 0" for pointer in pointers)
        yield f"    if ({missing}) return {self.file.macro}_NULL_POINTER;"
        if (schedules := self.file.schedules) is not None:
            place = self.file.members["persistent", schedules.place]
            size = min(self.file.values[name].size for name in schedules.tables)
            ended = f"{self.file.macro}_SCHEDULE_ENDED"
            yield f"    if (state->{place}[0] >= {size}) return {ended};"
        yield from self._lengths()
        for name, (role, type, _) in self.file.arguments.items():
            if role == "input" and type.kind is Kind.INDEX and type.classes is not None:
                rows = "(size_t)n" if type.time is None else self.file.times[type.time].total
                yield f"    for (size_t k = 0; k < {rows} * {type.size}; k++)"
                yield f"        if ({name}[k] < 0 || {name}[k] >= {type.classes}) return " + (
                    f"{self.file.macro}_WRONG_CLASS;"
                )

    def _lengths(self) -> Iterator[str]:
        """The lengths of sequences looked at, and how many elements there are of all examples."""
        for time in self.file.times.values():
            if time.is_fixed:
                continue
            counted = any(
                role == "input" and type.time == time.time and type.classes is not None
                for role, type, _ in self.file.arguments.values()
            )
            if counted:
                yield f"    size_t {time.total} = 0;"
            yield "    for (int k = 0; k < n; k++) {"
            wrong = f"{time.lengths}[k] < 0 || {time.lengths}[k] > {time.macro}"
            yield f"        if ({wrong}) return {self.file.macro}_WRONG_LENGTH;"
            if counted:
                yield f"        {time.total} += (size_t){time.lengths}[k];"
            yield "    }"

    def _call(self, number: int) -> Iterator[str]:
        """A stage, once or for each example."""
        stage = self.file.program.stages[number]
        own = {"m": "memory", "s": "state", "example": "example", "n": "n"}
        for name, (_, type, _) in self.file.arguments.items():
            own[name] = f"{name} + {self._part(type)}"
        for time in self.file.times.values():
            own |= {time.count: f"{time.lengths}[example]", time.start: time.start}
        given = self.stages[number].given
        call = f"{self.file.prefix}_stage_{number}({', '.join(own[word] for word in given)});"
        starts = [t for t in self.file.times.values() if re.search(rf"\b{t.start}\b", call)]
        if not stage.stage.examples:
            yield f"    {call}"
            return
        for time in starts:
            yield f"    int {time.start} = 0;"
        yield f"    for (int example = 0; example < n; example++){' {' * bool(starts)}"
        yield f"        {call}"
        for time in starts:
            yield f"        {time.start} += {time.lengths}[example];"
        if starts:
            yield "    }"

    def _part(self, type: TensorType) -> str:
        """Where the part of an example begins in an array."""
        before = "example"
        if type.time is not None:
            time = self.file.times[type.time]
            before = f"example * {time.time}" if time.is_fixed else time.start
        return before if type.size == 1 else f"(size_t){before} * {type.size}"

    def _results(self) -> Iterator[str]:
        """What is given once: copied from where it was computed."""
        keys = {str(key): id for key, id in self.file.program.results.items()}
        for name, (role, type, about) in self.file.arguments.items():
            if role != "result":
                continue
            view = self.file.program.table.layouts.places[keys[about]]
            if view.strides != row_major(type.shape):
                yield f"#error {name} has gaps"
            found = self.file.member(view.storage)
            if type.size == 1:
                yield f"    {name}[0] = memory->{found}[{view.offset}];"
            else:
                yield f"    for (int k = 0; k < {type.size}; k++)"
                yield f"        {name}[k] = memory->{found}[k + {view.offset}];"

    def _messages(self) -> Iterator[str]:
        yield f"const char *{self.file.prefix}_message(int code) {{"
        for name, text in FAULTS.items():
            yield f'    if (code == {self.file.macro}_{name}) return "{text}";'
        yield '    return code == 0 ? "all is well" : "no such code";'
        yield "}"
        yield ""

    def _start(self) -> Iterator[str]:
        """The numbers that persist: of a state its first ones, else weights."""
        keys = self.file.of_kind("persistent")
        if not self.file.trains:
            for key in keys:
                yield from self._numbers(key, self.file.values[str(key[1])])
            return
        drawn = [key for key in keys if np.any(self.file.values[str(key[1])])]
        for key in drawn:
            yield from self._numbers(key, self.file.values[str(key[1])])
        yield ""
        yield f"int {self.file.prefix}_start(struct {self.file.prefix}_state *state) {{"
        yield f"    if (state == 0) return {self.file.macro}_NULL_POINTER;"
        yield "    memset(state, 0, sizeof *state);"
        for name in map(self.file.members.__getitem__, drawn):
            yield f"    memcpy(state->{name}, {name}, sizeof {name});"
        yield "    return 0;"
        yield "}"


def emit_c(
    made: Compilation, entry: str, values: Mapping[str, np.ndarray], batch: int = 1, word: int = 4
) -> dict[str, str]:
    """An entry (`forward/MODEL` or `step/NAME`) as C: the text of each file by its name.

    `values` are the numbers of what persists; `batch` is for how many examples there is room, where
    a step looks at all of them at once.  Raises `NotPrinted` for an entry that has no C yet.
    """
    return c_texts(c_file(made, entry, values, batch, word))


def c_texts(file: CFile) -> dict[str, str]:
    """The text of each file by its name; raises `NotPrinted` as `emit_c` does."""
    return {f"{file.prefix}.c": CSource(file).text(), f"{file.prefix}.h": CHeader(file).text()}


def c_file(
    made: Compilation, entry: str, values: Mapping[str, np.ndarray], batch: int = 1, word: int = 4
) -> CFile:
    """What the text is printed of; raises `NotPrinted` as `emit_c` does."""
    kind = "step" if entry.startswith("step/") else "forward"
    steps = made.program.training.steps if made.program.training else ()
    schedules = next((step.schedules for step in steps if step.entry == entry), None)
    return CFile(
        program=c_program(made, entry),
        name=entry[len(kind) + 1 :],
        does="step" if kind == "step" else "run",
        source=made.source.text,
        spec=PurePath(made.source.name).name,
        values=values,
        batch=batch,
        word=word,
        schedules=schedules,
        limits=limits_of(made.graphs[entry]),
    )
