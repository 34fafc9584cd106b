"""A model as WebAssembly: a module with its weights inside, a loader in JavaScript, and a page.

The C text of a model (`compiler/c`) is compiled by clang for wasm32, without a C library: it
includes two small headers only, and functions such as `exp` are those of JavaScript's `Math`.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.embed.c_text import filled, source_text
from gradc_runtime.embed.toolchain import WARNINGS, call
from gradc_runtime.system.errors import ToolchainError

ARRAYS = {"float": "Float32Array", "double": "Float64Array", "int32_t": "Int32Array",
          "int64_t": "BigInt64Array"}  # fmt: skip
HEADERS = {"math.h": "wasm_math.h", "string.h": "wasm_string.h"}
STACK = 1 << 16  # bytes; values lie in the memory of the model, not there
TARGET = ("--target=wasm32", "-std=c99", "-O3", "-ffreestanding", "-nostdlib", "-msimd128",
          "-mbulk-memory", "-mmutable-globals")  # fmt: skip
LINKING = ("-Wl,--no-entry", "-Wl,--export=__heap_base", f"-Wl,-z,stack-size={STACK}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WasmArgument:
    """An array that a model reads or gives."""

    name: str  # in the spec
    in_c: str  # the same name, as it is spelled in C
    role: str  # "input", "lengths", "output", or "result": given once for all examples
    word: str  # the type of a number in C
    type: TensorType  # of an example, or of an element of a sequence
    lengths: str = ""  # the argument that has the lengths of the sequence

    @property
    def is_read(self) -> bool:
        """Whether the model only reads it."""
        return self.role in ("input", "lengths")

    def facts(self) -> dict[str, object]:
        """The facts about the array that the loader needs, by key."""
        time = self.type.time
        shape = (time, *self.type.shape) if isinstance(time, int) else self.type.shape
        return {
            "name": self.name, "role": self.role, "array": ARRAYS[self.word],
            "shape": shape, "size": prod(shape), "classes": self.type.classes,
            "lengths": self.lengths or None,
        }  # fmt: skip


def build_wasm(
    name: str, texts: Mapping[str, str], arguments: Sequence[WasmArgument], folder: Path
) -> list[Path]:
    """Write `NAME.wasm`, its loader `NAME.mjs`, and a page for a classifier of images.

    `texts` are the C files of the model, `arguments` are in the order of its function.  Raises
    `ToolchainError` where clang or its linker is missing, `OSError` where the folder cannot be
    written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        module = compiled(name, texts, arguments, Path(place))
    loader = loader_text(name, arguments)
    made = {f"{name}.wasm": module, f"{name}.mjs": loader.encode()}
    if draws_classes(arguments):
        made[f"{name}.html"] = page_text(name, loader, module).encode()
    for file, content in made.items():
        (folder / file).write_bytes(content)
    return [folder / file for file in made]


def compiled(
    name: str, texts: Mapping[str, str], arguments: Sequence[WasmArgument], place: Path
) -> bytes:
    """The bytes of the WebAssembly module, compiled in a folder.

    Raises `ToolchainError` where clang or its linker is missing.
    """
    command = shlex.split(os.environ.get("WASM_CC", "clang"))
    if not command or shutil.which(command[0]) is None or shutil.which("wasm-ld") is None:
        raise ToolchainError(
            "WebAssembly is made by clang and wasm-ld, which were not found"
            " (apt-get install clang lld); set WASM_CC to another clang"
        )
    (place / "include").mkdir()
    for header, source in HEADERS.items():
        (place / "include" / header).write_text(source_text(source))
    for file, text in {**texts, "exports.c": "\n".join(exports(name, arguments)) + "\n"}.items():
        (place / file).write_text(text)
    sources = [f"{name}.c", "exports.c"]
    call([*command, *TARGET, *WARNINGS, "-Iinclude", *LINKING, *sources, "-o", "made.wasm"], place)
    return (place / "made.wasm").read_bytes()


def exports(name: str, arguments: Sequence[WasmArgument]) -> Iterator[str]:
    """C functions that the module exports: they run the model in the module's own memory."""
    given = [f"{'const ' * a.is_read}{a.word} *{a.in_c}" for a in arguments]
    yield f'#include "{name}.h"'
    yield f"static struct {name}_memory memory;"
    yield '__attribute__((export_name("run")))'
    yield f"int run_model({', '.join([*given, 'int n'])}) {{"
    yield f"    return {name}_run({', '.join(['&memory', *(a.in_c for a in arguments), 'n'])});"
    yield "}"
    yield '__attribute__((export_name("message")))'
    yield "const char *message_of(int code) {"
    yield f"    return {name}_message(code);"
    yield "}"


def loader_text(name: str, arguments: Sequence[WasmArgument]) -> str:
    """The loader in JavaScript."""
    read = [argument.name for argument in arguments if argument.is_read]
    written = [argument.name for argument in arguments if not argument.is_read]
    call = f"{{ {', '.join(read)} }}" if read else "{}, count"
    facts = {"name": name, "arguments": [argument.facts() for argument in arguments]}
    several = f"an object of {', '.join(written)}"
    return filled(
        source_text("loader.mjs"),
        {
            "NAME": name,
            "CALL": call,
            "GIVES": f"a typed array, {written[0]}" if len(written) == 1 else several,
            "FACTS": json.dumps(facts, indent=4),
        },
    )


def draws_classes(arguments: Sequence[WasmArgument]) -> bool:
    """Whether a model reads one image of one channel and gives a score for each class."""
    if [argument.role for argument in arguments] != ["input", "output"]:
        return False
    image, scores = (argument.type for argument in arguments)
    if image.time is not None or scores.time is not None:
        return False
    plane = image.rank == 2 or (image.rank == 3 and image.shape[2] == 1)
    real = image.kind is Kind.REAL and scores.kind is Kind.REAL
    return plane and real and scores.rank == 1 and scores.size > 1


def page_text(name: str, loader: str, module: bytes) -> str:
    """A page with the loader and the module inside, which a browser can open as a local file."""
    inside = loader.replace("export ", "")
    encoded = base64.b64encode(module).decode()
    return filled(source_text("page.html"), {"NAME": name, "LOADER": inside, "MODULE": encoded})
