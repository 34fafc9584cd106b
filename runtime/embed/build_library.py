"""A model as files: header, shared and static library, and the program that runs it.

Kernels are compiled from the text that the CPU back end compiles, for the same processor, so the
numbers are the same to the bit; only how they find their constants differs (`linkable_machine` in
`runtime/cpu/codegen/build_kernel.py`).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.program import TrainStep
from gradc_runtime.cpu.objects.compile_kernels import linkable_object
from gradc_runtime.embed import toolchain
from gradc_runtime.embed.frozen import FrozenModel, frozen
from gradc_runtime.embed.frozen_step import frozen_step
from gradc_runtime.embed.interface import CInterface
from gradc_runtime.embed.library_source import library_source
from gradc_runtime.embed.program_source import program_source
from gradc_runtime.embed.step_interface import StepInterface
from gradc_runtime.session.session import Session

CMAKE = """# find_package(NAME CONFIG PATHS DIR), then link NAME::NAME, or NAME::static
if(NOT TARGET NAME::NAME)
  add_library(NAME::NAME SHARED IMPORTED)
  add_library(NAME::static STATIC IMPORTED)
  set_target_properties(NAME::NAME PROPERTIES
    IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/libNAME.so"
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
  set_target_properties(NAME::static PROPERTIES
    IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/libNAME.a"
    INTERFACE_LINK_LIBRARIES m
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
endif()
"""


def build(session: Session, model: str, folder: Path, classes: Sequence[str] = ()) -> list[Path]:
    """Build a model of a session into a folder; gives the files.

    `classes` are the names that its program prints.  Raises `SessionError` for a model that cannot
    be built, `ToolchainError` where no C compiler is there, and `OSError` where the folder cannot
    be written.
    """
    return _built(CInterface(frozen(session, model)), folder, (*classes,))


def build_step(session: Session, step: TrainStep, batch: int, folder: Path) -> list[Path]:
    """Build a step of training for batches of a size, from the state that the session has.

    Raises as `build` does.
    """
    return _built(StepInterface(frozen_step(session, step, batch)), folder, None)


def _built(interface: CInterface, folder: Path, classes: tuple[str, ...] | None) -> list[Path]:
    """Make everything aside, and put it into the folder when it is whole; without classes, even
    none, there is no program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as place:
        made = _library(interface, Path(place))
        made += [] if classes is None else _program(interface, Path(place), classes)
        for file in made:
            (Path(place) / file).replace(folder / file)
    return [folder / file for file in made]


def _library(interface: CInterface, place: Path) -> list[str]:
    """Write and compile a library in a folder; gives the names of what is to be kept."""
    name, model = interface.name, interface.model
    symbols, parts = _kernels(model, place)
    data = [_data(values, place) for values in (model.weights, model.made)]
    parts += [f"{symbol}.o" for symbol in dict.fromkeys(data)]
    (place / f"{name}.h").write_text(interface.header())
    (place / "model.c").write_text(library_source(interface, symbols, data))
    (place / "exports").write_text(f"{{ global: {name}_*; local: *; }};\n")
    (place / f"{name}.pc").write_text("\n".join(_package(name)) + "\n")
    (place / f"{name}Config.cmake").write_text(CMAKE.replace("NAME", name))
    toolchain.compile_c("model.c", f"{name}_model.o", place)
    parts = [f"{name}_model.o", *parts]
    toolchain.archive(parts, f"lib{name}.a", place)
    toolchain.link_shared(parts, "exports", f"lib{name}.so", place)
    return [f"{name}.h", f"lib{name}.so", f"lib{name}.a", f"{name}.pc", f"{name}Config.cmake"]


def _program(interface: CInterface, place: Path, classes: Sequence[str]) -> list[str]:
    """Compile the program of a library in its folder."""
    (place / "main.c").write_text(program_source(interface, classes))
    toolchain.link_program("main.c", f"lib{interface.name}.a", interface.name, place)
    return [interface.name]


def _kernels(model: FrozenModel, place: Path) -> tuple[list[str], list[str]]:
    """The symbols of the dispatch loop and of each kernel, and the object files with them."""
    word = model.dtype.itemsize
    built = [linkable_object(kernel, word) for kernel in (model.walker, *model.entry.kernels)]
    for symbol, code in built:
        (place / f"{symbol}.o").write_bytes(code)
    symbols = [symbol for symbol, _ in built]
    return symbols, [f"{symbol}.o" for symbol in dict.fromkeys(symbols)]


def _data(values: NDArray[np.generic], place: Path) -> str:
    """An object file with numbers; gives its symbol, which says what they are."""
    content = np.ascontiguousarray(values).tobytes() or bytes(8)
    symbol = f"gradc_{hashlib.sha256(content).hexdigest()[:32]}_data"
    (place / f"{symbol}.bin").write_bytes(content)
    (place / f"{symbol}.s").write_text("\n".join(_assembly(symbol)) + "\n")
    toolchain.assemble(f"{symbol}.s", f"{symbol}.o", place)
    return symbol


def _assembly(symbol: str) -> Iterator[str]:
    """Assembly text that takes a file as it is."""
    yield ".section .rodata"
    yield f".globl {symbol}"
    yield ".balign 64"
    yield f"{symbol}:"
    yield f'.incbin "{symbol}.bin"'
    yield '.section .note.GNU-stack,"",%progbits'


def _package(name: str) -> Iterator[str]:
    """What pkg-config says of it: `cc main.c $(pkg-config --cflags --libs DIR/digit.pc)`."""
    yield f"Name: {name}"
    yield "Description: a model that gradc built"
    yield "Version: 1"
    yield "Cflags: -I${pcfiledir}"
    yield f"Libs: -L${{pcfiledir}} -l{name}"
    yield "Libs.private: -lm"
