"""What a built library looks like from C: its functions, their arguments, its header.

`digit` read and gave `[10]`, so the header declares

    int digit_run(const float *image, float *scores, int n);

The functions of a library begin with the model's name; names of the spec go through
`compiler/c/c_names.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cached_property

from gradc_compiler.c.c_names import CNames, c_prefix, comment
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.arrays import Array
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.embed.frozen import FrozenModel

VERSION = 2  # of the functions and their meaning
FAULTS = {  # negative return values of a call, and their meaning
    "NULL_POINTER": "a pointer is null",
    "WRONG_SIZE": "the number of examples is none that it takes",
    "SMALL_WORKSPACE": "the workspace has too few bytes",
    "WRONG_CLASS": "a whole number is not one of its classes",
    "WRONG_LENGTH": "a length is negative, or more than the model takes",
    "SCHEDULE_ENDED": "the table of the optimizer's settings has no more steps",
    "WRONG_FILE": "a file cannot be read or written",
    "DAMAGED_FILE": "a file is no safetensors file, or is cut off",
    "MISSING_TENSOR": "a file lacks a tensor of this model",
    "WRONG_TENSOR": "a tensor of a file has another shape or another type of number",
    "WRONG_PROCESSOR": "this processor lacks instructions that the library was compiled for",
    "OTHER_INTERFACE": "header and library are of different models or versions",
    "MISSING_CELL": "a cell is empty, and the run has nothing to fill it with",
    "WRONG_CELL": "a cell is no number, date or category that the run knows",
}
OWN = (  # other names that the functions use
    "n", "workspace", "bytes", "code", "memory", "arrays", "run", "lengths", "numbers", "inside",
    "weights", "results", "path", "tensor", "real_word", "index_word", "walk",
)  # fmt: skip


@dataclass(frozen=True)
class CInterface:
    """The names and the header of a model."""

    model: FrozenModel

    @property
    def name(self) -> str:
        """The prefix of the library's functions and files."""
        return c_prefix(self.model.name)

    @property
    def macro(self) -> str:
        """The prefix of the library's macros."""
        return self.name.upper()

    @cached_property
    def arguments(self) -> dict[str, Array]:
        """Arrays by their C names: inputs, then outputs; a single output is called `scores`."""
        names, outputs = CNames(OWN), self.model.arrays("output")
        found = {names.take(str(array.name)): array for array in self.model.arrays("input")}
        for array in outputs:
            found[names.take("scores" if len(outputs) == 1 else str(array.name))] = array
        return found

    @cached_property
    def lengths(self) -> dict[str, str]:
        """The arguments that hold lengths of sequences: the time of each, by argument name."""
        names = CNames({*OWN, *self.arguments})
        times = self.model.entry.times
        return {names.take(f"{time}_lengths"): time for time in times if isinstance(time, str)}

    def word(self, type: TensorType) -> str:
        """The C type of a tensor's elements."""
        return self.word_of(type.kind)

    def word_of(self, kind: Kind) -> str:
        """The C type of a kind of numbers."""
        wide = self.model.dtype.itemsize == 8
        if kind is Kind.INDEX:
            return "int64_t" if wide else "int32_t"
        return "double" if wide else "float"

    @property
    def written(self) -> list[str]:
        """The names of the arguments that the library writes."""
        return [name for name, array in self.arguments.items() if array.role == "output"]

    @property
    def order(self) -> list[str]:
        """The names of the arguments in order: inputs, lengths, outputs."""
        read = [name for name in self.arguments if name not in self.written]
        return [*read, *self.lengths, *self.written]

    def declared(self) -> str:
        """The arguments of `run`, before the number of examples."""
        types = {n: f"{self.word(array.type)} *{n}" for n, array in self.arguments.items()}
        types |= {name: f"int32_t *{name}" for name in self.lengths}
        written = self.written
        return ", ".join(types[n] if n in written else f"const {types[n]}" for n in self.order)

    @property
    def asked(self) -> str:
        """The arguments of `workspace`."""
        return ", ".join([*(f"const int32_t *{name}" for name in self.lengths), "int n"])

    @property
    def fingerprint(self) -> int:
        """A number that differs where the arguments differ."""
        shapes = [f"{name} {array.type}" for name, array in self.arguments.items()]
        shapes += self.lengths
        shapes += [f"{p.name} {p.type} {p.offset}" for p in self.model.persistents]
        shapes.append(f"made {self.model.entry.uniform_words}")
        return zlib.crc32(f"{self.name} {shapes} {self.model.dtype}".encode()) & 0x7FFFFFFF

    def header(self) -> str:
        """The header as text."""
        return "\n".join(
            [*self._about(), *self._head(), *self._functions(), *self._check(), *self._foot(), ""]
        )

    def _about(self) -> Iterator[str]:
        """The comment at the top of the header, which describes the model."""
        yield f"/* {self.name}: a model that gradc built; needs no other library."
        yield ""
        yield "   Every array holds n examples one after another, each row-major, without gaps:"
        yield ""
        for name, array in self.arguments.items():
            what = "read" if array.role == "input" else "written"
            yield f"     {name:<16} {what:<8} {self.words_about(array)}"
        for name in self.lengths:
            yield f"     {name:<16} read     int32_t, one number: elements of its sequence"
        yield ""
        yield "   A function answers 0, or a code below 0 that NAME_message explains.  Any number"
        yield "   of threads may call at once; nothing is allocated. */"

    def _head(self) -> Iterator[str]:
        """The part of the header before its functions."""
        guard = f"{self.macro}_MODEL_H"
        yield f"#ifndef {guard}"
        yield f"#define {guard}"
        yield ""
        yield "#include <stddef.h>"
        yield "#include <stdint.h>"
        yield ""
        yield "#ifdef __cplusplus"
        yield 'extern "C" {'
        yield "#endif"
        yield ""
        yield f"#define {self.macro}_INTERFACE {VERSION}"
        yield f"#define {self.macro}_FINGERPRINT {self.fingerprint}"
        yield ""
        yield "enum {"
        for code, (name, text) in enumerate(FAULTS.items(), 1):
            yield f"    {self.macro}_{name} = -{code},{'':<{18 - len(name)}}/* {text} */"
        yield "};"

    def words_about(self, array: Array) -> str:
        """An array described for a comment, such as `float, 28 x 28 x 1`."""
        type = array.type
        shape = " x ".join(map(str, type.shape)) or "one number"
        among = "" if type.classes is None else f", 0 to {type.classes - 1}"
        called = "" if array.role == "input" else f"  ({comment(str(array.name))})"
        many = "" if type.time is None else f", of each of {type.time} elements"
        many = ", of each element" if isinstance(type.time, str) else many
        return f"{self.word(type)}, {shape}{among}{many}{called}"

    def _functions(self) -> Iterator[str]:
        name, own = self.name, self.declared()
        if not self.model.entry.times:
            yield ""
            yield "/* Run n examples in memory of the library's own, which each thread has once. */"
            yield f"int {name}_run({own}, int n);"
        yield ""
        yield f"/* Run n examples in memory of yours: as many bytes as {name}_workspace says. */"
        yield f"int {name}_run_in({own}, int n, void *workspace, size_t bytes);"
        yield f"size_t {name}_workspace({self.asked});"
        if self.model.persistents:
            yield from self._weights()
        yield from self._common()

    def _weights(self) -> Iterator[str]:
        """The functions that replace the weights built into the library."""
        name, struct = self.name, f"struct {self.name}_weights"
        yield ""
        yield "/* Weights of yours, by their names in the spec, and what is made of them when they"
        yield "   are loaded: filters turned, transformed, in strips as products read them. */"
        yield f"{struct} {{"
        yield from self.members()
        if made := self.model.entry.uniform_words:
            yield f"    {self.word_of(Kind.REAL)} made[{made}];"
        yield "};"
        yield ""
        yield "/* Read them from a .safetensors file; `tensor`, if it is not null, is told the name"
        yield "   of the one that a code is about.  Or set them, and have `made` made of them. */"
        yield f"int {name}_load({struct} *weights, const char *path, const char **tensor);"
        yield f"int {name}_prepare({struct} *weights);"
        own = f"const {struct} *weights, {self.declared()}"
        yield f"int {name}_run_with({own}, int n, void *workspace, size_t bytes);"

    def members(self) -> Iterator[str]:
        """The persistent tensors as members of a struct, with the gaps between them."""
        names, real, end = CNames(["made"]), self.word_of(Kind.REAL), 0
        for k, one in enumerate(self.model.persistents):
            if one.offset > end:
                yield f"    {real} gap_{k}[{one.offset - end}];"
            name = names.take(one.name.replace("/", "_"))
            yield f"    {self.word(one.type)} {name}[{one.type.size}];"
            end = one.offset + one.type.size
        if self.model.words > end:
            yield f"    {real} gap[{self.model.words - end}];"

    def _common(self) -> Iterator[str]:
        """The functions that every library has, for a model or a step."""
        name = self.name
        yield ""
        yield "/* What a code says, in English. */"
        yield f"const char *{name}_message(int code);"
        yield ""
        yield "/* The version and the arguments that a library was built with. */"
        yield f"int {name}_interface(void);"
        yield f"int {name}_fingerprint(void);"
        yield ""
        yield "/* The kernels that this processor is given: `native`, `x86-64-v3`, `none`... */"
        yield f"const char *{name}_level(void);"

    def _check(self) -> Iterator[str]:
        name, macro = self.name, self.macro
        yield ""
        yield "/* Whether the library that was found is the one of this header: call it once. */"
        yield f"static inline int {name}_check(void) {{"
        same = f"{name}_interface() == {macro}_INTERFACE"
        yield f"    int same = {same} && {name}_fingerprint() == {macro}_FINGERPRINT;"
        yield f"    return same ? 0 : {macro}_OTHER_INTERFACE;"
        yield "}"

    def _foot(self) -> Iterator[str]:
        yield ""
        yield "#ifdef __cplusplus"
        yield "}"
        yield "#endif"
        yield "#endif"
