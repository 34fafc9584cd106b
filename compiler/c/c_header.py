"""The header of an entry: what it reads and gives, its memory, its state, its functions."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.c.c_file import CFile
from gradc_compiler.c.c_names import comment
from gradc_compiler.c.c_time import CTime
from gradc_compiler.graph.types import TensorType
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.records.fast_dataclass import dataclass

FAULTS = {
    "NULL_POINTER": "a pointer is null",
    "WRONG_SIZE": "the number of examples is not one that there is room for",
    "WRONG_CLASS": "a whole number is not one of its classes",
    "SCHEDULE_ENDED": "the table of the optimizer's settings has no more steps",
    "WRONG_LENGTH": "a sequence is longer than there is room for, or its length is below 0",
}


@dataclass(frozen=True)
class CHeader:
    """Writes the header."""

    file: CFile

    def text(self) -> str:
        """All of it."""
        return "\n".join([*self._about(), *self._head(), *self._structs(), *self._functions(), ""])

    def _about(self) -> Iterator[str]:
        """What it is, in words."""
        sizes, spec = self.sizes(), comment(self.file.spec)
        yield f"/* {self.file.prefix}: {spec} in C99; needs only the C library's mathematics."
        yield ""
        own = f"(struct {self.file.prefix}_memory)"
        yield f"   Memory: {sizes['Memory']:,} bytes {own}; nothing is allocated."
        if self.file.trains:
            own = f"(struct {self.file.prefix}_state)"
            yield f"   State: {sizes['State']:,} bytes {own}: save it as it is."
        yield ""
        yield from self._arguments()
        yield ""
        if any(time.lengths for time in self.file.times.values()):
            yield "   Elements of all sequences stand one after another, and lengths beside them."
            yield "   How long a sequence may be is set below, or with -D."
        yield "   Examples stand one after another, row-major.  A function answers 0, or a code"
        yield "   below 0. */"

    def _arguments(self) -> Iterator[str]:
        """What is read and written, with its shape."""
        for name, (role, type, about) in self.file.arguments.items():
            shape = " x ".join(map(str, type.shape)) or "one number"
            what = {"input": "read", "output": "written", "result": "written once"}[role]
            among = "" if type.classes is None else f", 0 to {type.classes - 1}"
            named = "" if about == name else f"  ({comment(about)})"
            said = f"{self.file.type_of(type)}, {shape}{among}{named}"
            yield f"     {name:<16} {what:<13} {'' if role == 'result' else whose(type)}{said}"
        for time in self.file.times.values():
            if time.lengths:
                yield f"     {time.lengths:<16} read          each example: int32_t, its elements"

    def _head(self) -> Iterator[str]:
        """What stands before the structs."""
        yield f"#ifndef {self.file.macro}_C_H"
        yield f"#define {self.file.macro}_C_H"
        yield ""
        yield "#include <stdint.h>"
        yield ""
        yield "#ifdef __cplusplus"
        yield 'extern "C" {'
        yield "#endif"
        yield ""
        if self.file.room:
            yield f"#define {self.file.macro}_BATCH {self.file.room} /* examples, at most */"
        for code, (name, text) in enumerate(FAULTS.items(), 1):
            yield f"#define {self.file.macro}_{name} (-{code}) /* {text} */"
        yield ""
        for time in self.file.times.values():
            yield from self._most(time)

    def _most(self, time: CTime) -> Iterator[str]:
        """The elements that an example may have, which whoever compiles may set."""
        if time.is_fixed:
            return
        yield f"#ifndef {time.macro}"
        yield f"#define {time.macro} {time.most} /* elements of a sequence, at most */"
        yield "#endif"
        if time.limit is not None:
            yield f"#if {time.macro} > {time.limit}"
            yield f"#error {time.macro} is more than the {time.limit} that the model has places for"
            yield "#endif"
        yield ""

    def _words(self, key: StorageKey) -> int:
        buffer, _ = self.file.buffers[key]
        copies = self.file.room if buffer.kind == "carried" else 1
        return buffer.words * copies * self.file.most_rows(buffer)

    def _alone(self) -> list[StorageKey]:
        """What shares no words."""
        keys = self.file.of_kind("memory", "carried")
        return [key for key in keys if self.file.turns.union_of(key) is None]

    def sizes(self) -> dict[str, int]:
        """The bytes of its structs."""
        state = sum(map(self._words, self.file.of_kind("persistent")))
        found = {"Memory": self._memory_words()} | ({"State": state} if self.file.trains else {})
        return {what: words * self.file.word for what, words in found.items()}

    def _memory_words(self) -> int:
        """Of the memory's struct."""
        own = sum(max(self._words(key), 1) for key in self._alone())
        return own + sum(max(map(self._words, keys)) for keys in self.file.turns.unions)

    def _structs(self) -> Iterator[str]:
        yield "/* Every value that is computed.  One for each thread that calls. */"
        yield f"struct {self.file.prefix}_memory {{"
        yield from self._members(self._alone(), "" if self.file.turns.unions else "unused")
        for number, keys in enumerate(self.file.turns.unions, 1):
            yield "    union { /* never needed at once */"
            yield from (f"    {line}" for line in self._members(keys))
            yield f"    }} turn_{number};"
        yield "};"
        yield ""
        if self.file.trains:
            yield "/* What lives from step to step: parameters, moments, counters. */"
            yield f"struct {self.file.prefix}_state {{"
            yield from self._members(self.file.of_kind("persistent"), "unused")
            yield "};"
            yield ""

    def _members(self, keys: list[StorageKey], unused: str = "") -> Iterator[str]:
        for key in keys:
            buffer, index = self.file.buffers[key]
            copies = f"{self.file.macro}_BATCH * " if buffer.kind == "carried" else ""
            if buffer.time is not None:
                copies += f"{self.file.times[buffer.time].macro} * "
            name = self.file.members[key]
            yield f"    {self.file.real(index)} {name}[{copies}{max(buffer.words, 1)}];"
        if not keys and unused:
            yield f"    {self.file.real(False)} {unused}[1];"

    def _functions(self) -> Iterator[str]:
        what = "A step on n examples" if self.file.trains else "The model on n examples"
        yield f"/* {what}. */"
        yield f"{self.file.declared};"
        yield ""
        if self.file.trains:
            yield "/* The state before the first step. */"
            yield f"int {self.file.prefix}_start(struct {self.file.prefix}_state *state);"
            yield ""
        yield "/* What a code says, in English. */"
        yield f"const char *{self.file.prefix}_message(int code);"
        yield ""
        yield "#ifdef __cplusplus"
        yield "}"
        yield "#endif"
        yield "#endif"


def whose(type: TensorType) -> str:
    """What has such a tensor: an example, or an element of its sequence."""
    if type.time is None:
        return "each example: "
    return f"each of {type.time} elements: " if isinstance(type.time, int) else "each element: "
