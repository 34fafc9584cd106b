"""An entry of a spec as functions: one for each line of the spec, and one that calls them in order.

Every value has an array: [n, words] where it differs from example to example, [rows, words] of a
sequence's elements (those of step 0 first, see `frame_parts.Packed`), [words] where it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import cached_property
from itertools import groupby

from gradc_compiler.emitted.plain_program import (
    Buffer,
    PlainNest,
    PlainProgram,
    PlainStage,
    about,
    origin,
)
from gradc_compiler.emitted.scalar_writer import NotPrinted
from gradc_compiler.emitted.value_names import value_names
from gradc_compiler.graph.types import Time
from gradc_compiler.loops.ir import Store
from gradc_compiler.memory.layout import StorageKey, row_major
from gradc_compiler.numba_module.module_names import ArrayNames, PythonNames, comment
from gradc_compiler.numba_module.module_nest import ModuleNest
from gradc_compiler.numba_module.module_scalar import ModuleScalars
from gradc_compiler.program.arrays import ClockName
from gradc_compiler.program.program import Schedules
from gradc_compiler.records.fast_dataclass import dataclass

MOST = 6  # nests in a function
NAME = re.compile(r"\b[vn]\d+\b")
OUTER = {"n": "n", "first": "first", "begin": "begin", "end": "end"}


@dataclass(frozen=True, slots=True)
class LoopFunction:
    """A function of loops: its text but for the name, and the names of what it is given."""

    line: int | None
    derived: bool
    text: str
    given: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModuleEntry:
    """Writes one entry."""

    program: PlainProgram
    name: str  # of the function that calls all others
    functions: dict[str, str]  # the names of those written so far, by their text
    names: PythonNames  # of functions
    source: str  # the spec's text
    spec: str  # its name
    word: int = 4
    schedules: Schedules | None = None
    called: set[str] = field(default_factory=set)
    written: list[str] = field(default_factory=list)

    @cached_property
    def scalars(self) -> ModuleScalars:
        """How numbers are printed."""
        return ModuleScalars(self.word)

    @cached_property
    def buffers(self) -> dict[StorageKey, Buffer]:
        """Every storage that a nest touches, in order."""
        keys = (access.storage for nest in self.program.nests for access in nest.accesses())
        return {key: self.program.buffer(key) for key in keys}

    def of_kind(self, *kinds: str) -> list[StorageKey]:
        """The storages of these kinds, in order."""
        return [key for key, buffer in self.buffers.items() if buffer.kind in kinds]

    @cached_property
    def arrays(self) -> dict[StorageKey, str]:
        """The name of every array."""
        names = ArrayNames([rows_name(time) for time in self.times])
        found = {key: names.take(self.buffers[key].name) for key in self.of_kind("input")}
        for key in self.of_kind("persistent"):
            found[key] = names.take(str(key[1]))
        for key in self.of_kind("output", "clock"):
            found[key] = names.take(self.buffers[key].name)
        for key in self.of_kind("constant"):
            found[key] = names.take(f"constant_{key[1]}")
        return found | value_names(self.program, self.of_kind("memory", "carried"), names)

    @property
    def times(self) -> tuple[Time, ...]:
        """The times of its sequences."""
        return self.program.table.memory.times

    def write(self) -> list[str]:
        """The function that calls all others, which are then in `written`."""
        lines = [*self._head(), *self._memory()]
        for stage in self.program.stages:
            lines += self._stage(stage)
        return [*lines, *self._results()]

    def _head(self) -> Iterator[str]:
        arrays = [self.arrays[key] for key in self.of_kind("input", "output")]
        times = [rows_name(time) for time in self.times]
        yield f"def {self.name}({', '.join(['state', 'first', 'n', *times, *arrays])}):"
        for key in self.of_kind("persistent"):
            yield f'    {self.arrays[key]} = flat(state, "{key[1]}")'
        if self.schedules is not None:
            yield from self._limit(self.schedules)

    def _limit(self, schedules: Schedules) -> Iterator[str]:
        """The optimizer's settings are known for so many steps."""
        at = f'state["{schedules.place}"].flat[0]'
        size = min(self.program.persistents[name].type.size for name in schedules.tables)
        yield f"    if {at} >= {size}:"
        yield f'        raise IndexError("the optimizer\'s settings are known for {size} steps")'

    def _memory(self) -> Iterator[str]:
        """The arrays of what is computed, as zeros; of constants and clocks as what they are."""
        for key in self.of_kind("constant"):
            numbers = self.program.constants[key].tolist()
            yield f"    {self.arrays[key]} = np.array({compact(numbers)}, real)"
        for key in self.of_kind("clock"):
            assert isinstance(key[1], ClockName)
            yield f"    {self.arrays[key]} = {rows_name(key[1].time)}.{key[1].kind}"
        for key in self.of_kind("memory", "carried"):
            buffer = self.buffers[key]
            rows = "n" if buffer.time is None else f"{rows_name(buffer.time)}.total"
            shape = f"({rows}, {max(buffer.words, 1)})" if buffer.rows else max(buffer.words, 1)
            kind = "np.int64" if self.is_index(key) else "real"
            yield f"    {self.arrays[key]} = np.zeros({shape}, {kind})"

    def is_index(self, key: StorageKey) -> bool:
        """Whether an array has whole numbers."""
        found = (a for nest in self.program.nests for a in nest.accesses() if a.storage == key)
        return next(found).index

    def _stage(self, stage: PlainStage) -> Iterator[str]:
        for (_, loop), group in groupby(stage.nests, lambda one: (one.time, one.loop)):
            lines = [self._call(part) for part in parts(list(group), self)]
            if loop is None:
                yield from (f"    {line}" for line in lines)
                continue
            steps = f"{rows_name(self.times[loop.time])}.steps"
            steps = f"reversed({steps})" if loop.backwards else steps
            yield f"    for begin, end in {steps}:"
            yield from (f"        {line}" for line in lines)
        for key in stage.means:
            yield f"    {self.arrays[key]} /= real(n)"

    def _call(self, nests: Sequence[PlainNest]) -> str:
        """The call of a function of loops, which is written if there is none like it."""
        made = self._function(nests)
        name = self.functions.get(made.text)
        if name is None:
            where = "loops" if made.line is None else f"line_{made.line}"
            name = self.names.take(where + ("_gradient" if made.derived else ""))
            self.functions[made.text] = name
            self.written.append(f"@njit\ndef {name}{made.text}")
        return f"{name}({', '.join(self._passed(nests[0], made.given))})"

    def _passed(self, one: PlainNest, given: Sequence[str]) -> Iterator[str]:
        for name in given:
            if one.loop is None and one.time is not None and name in ("begin", "end"):
                yield "0" if name == "begin" else f"{rows_name(one.time)}.total"
            else:
                yield name

    def _function(self, nests: Sequence[PlainNest]) -> LoopFunction:
        """Nests of one line of the spec as a function."""
        lines: list[str] = []
        for one in nests:
            _, said = origin(one.note, self.source, self.spec)
            lines += [f"    # {comment(said)}", *self._nest(one)]
        code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
        used = set(re.findall(r"\b[A-Za-z_]\w*\b", code))
        given = tuple(name for name in [*OUTER, *self.arrays.values()] if name in used)
        line, _ = origin(nests[0].note, self.source, self.spec)
        text = renumbered(f"({', '.join(given)}):\n" + "\n".join(lines))
        return LoopFunction(line, self.derived(nests[0]), text, given)

    def derived(self, one: PlainNest) -> bool:
        """Whether a nest belongs to the gradient."""
        id = int(one.note.partition(" ")[0].removeprefix("%"))
        made = self.program.graph[id].origin
        return made is not None and made.cotangent is not None

    def _nest(self, one: PlainNest) -> list[str]:
        stores = {store for _, _, store in one.nest.stores}
        sums = any(loop.over_rows and loop.reduces for loop in one.nest.loops)
        if one.nest.body or (sums and not stores <= ADDED):
            raise NotPrinted("a nest of this form has no Numba text yet")
        writer = ModuleNest(
            nest=one.nest,
            scalars=self.scalars,
            array=lambda access: self.arrays[access.storage],
            buffer=lambda access: self.buffers[access.storage],
            rows="range(n)" if one.time is None else "range(begin, end)",
        )
        lines = writer.write()
        self.called.update(writer.called)
        return lines

    def _results(self) -> Iterator[str]:
        """What it gives once: a loss, reports, gradients."""
        if self.program.results:
            yield "    return {"
            for key, id in self.program.results.items():
                yield f'        "{about(key)}": {self._result(id)},'
            yield "    }"

    def _result(self, id: int) -> str:
        """A number, or a tensor of its own shape; strides may leave gaps."""
        view, type = self.program.table.layouts.places[id], self.program.graph[id].type
        array = self.arrays[view.storage]
        if type.shape == ():
            return f"{array}[{view.offset}]"
        if view.strides == row_major(type.shape):
            words = f"{array}[{view.offset} : {view.offset + type.size}]"
            return f"{words}.reshape({type.shape})"
        steps = tuple(stride * self.word for stride in view.strides)
        strided = "np.lib.stride_tricks.as_strided"
        return f"{strided}({array}[{view.offset}:], {type.shape}, {steps})"


ADDED = {Store.SUM_ADD, Store.ADD, Store.LOST, Store.PAIR}


def parts(nests: list[PlainNest], entry: ModuleEntry) -> Iterator[list[PlainNest]]:
    """Neighbours that come of one line, as functions of a few."""

    def place(one: PlainNest) -> tuple[int | None, bool]:
        return origin(one.note, entry.source, entry.spec)[0], entry.derived(one)

    for _, group in groupby(nests, place):
        own = list(group)
        yield from (own[k : k + MOST] for k in range(0, len(own), MOST))


def rows_name(time: Time) -> str:
    """What the rows of a time are called."""
    return f"rows_of_{time}"


def renumbered(text: str) -> str:
    """A function's text with its variables numbered in order, so that equal ones are seen to be."""
    numbers: dict[str, str] = {}

    def new(found: re.Match[str]) -> str:
        name = found[0]
        return numbers.setdefault(name, f"{name[0]}{len(numbers) + 1}")

    return NAME.sub(new, text)


def compact(numbers: Sequence[float]) -> str:
    """Numbers as source."""
    if len(set(map(repr, numbers))) == 1 and len(numbers) > 1:
        return f"[{spelled(numbers[0])}] * {len(numbers)}"
    return f"[{', '.join(map(spelled, numbers))}]"


def spelled(number: float) -> str:
    """A number that Python prints as a name."""
    return f"float('{number}')" if number != number or abs(number) == float("inf") else repr(number)
