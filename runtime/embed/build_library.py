"""A model as files: header, shared and static library, and the program that runs it.

Kernels are compiled from the text that the CPU back end compiles, for the same processor, so the
numbers are the same to the bit; only how they find their constants differs (`linkable_machine` in
`runtime/cpu/codegen/build_kernel.py`).  A model that a session runs as one kernel (`whole-step`) is
built of the kernels that it has without, which may add up in another order.  `levels.py` compiles
the kernels for other processors.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.program import TrainStep
from gradc_runtime.embed.frozen import frozen
from gradc_runtime.embed.frozen_step import frozen_step
from gradc_runtime.embed.interface import CInterface
from gradc_runtime.embed.levels import NATIVE, kernels_of
from gradc_runtime.embed.library_source import kind_of, library_source, own_memory
from gradc_runtime.embed.prediction_interface import PredictionInterface
from gradc_runtime.embed.prediction_source import encoding_source, prediction_program
from gradc_runtime.embed.program_source import program_source
from gradc_runtime.embed.step_interface import StepInterface
from gradc_runtime.embed.table_reading import TableReading
from gradc_runtime.embed.toolchain import Toolchain
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


def build(
    session: Session,
    model: str,
    folder: Path,
    classes: Sequence[str] = (),
    levels: Sequence[str] = (NATIVE,),
) -> list[Path]:
    """Build a session's model into a folder, for some levels of processors; returns the files.

    `classes` are the class names that the stand-alone program prints.  Raises `SessionError` for
    a model that cannot be built, `ToolchainError` where there is no C compiler, and `OSError` where
    the folder cannot be written.
    """
    interface = CInterface(frozen(session, model))
    return _built(interface, folder, levels, program_source(interface, classes))


def build_prediction(
    session: Session, step: TrainStep, reading: TableReading, folder: Path,
    levels: Sequence[str] = (NATIVE,),
) -> list[Path]:  # fmt: skip
    """Build what a step predicts of a table's rows, from the session's present state.

    Raises as `build` does.
    """
    reading.require_in_c()
    model = frozen(session, session.program.name, step.predict)
    order = [str(array.name) for array in model.arrays("input")]
    reading = replace(reading, types={name: reading.types[name] for name in order})
    interface = PredictionInterface(model, reading)
    return _built(interface, folder, levels, prediction_program(interface))


def build_step(
    session: Session, step: TrainStep, batch: int, folder: Path, levels: Sequence[str] = (NATIVE,)
) -> list[Path]:
    """Build a step of training for batches of one size, from the session's present state.

    Raises as `build` does.
    """
    return _built(StepInterface(frozen_step(session, step, batch)), folder, levels, None)


def _built(
    interface: CInterface, folder: Path, levels: Sequence[str], program: str | None
) -> list[Path]:
    """Build all files in a temporary folder and move them over once all are complete.

    A stand-alone program is built where there is the text of one.
    """
    tools = Toolchain.of(levels)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as place:
        made = _library(interface, levels, Path(place), tools)
        if program is not None:
            (Path(place) / "main.c").write_text(program)
            tools.link_program("main.c", f"lib{interface.name}.a", interface.name, Path(place))
            made.append(interface.name)
        for file in made:
            (Path(place) / file).replace(folder / file)
    return [folder / file for file in made]


def _library(
    interface: CInterface, levels: Sequence[str], place: Path, tools: Toolchain
) -> list[str]:
    """Write and compile a library in a folder; returns the names of the files to keep."""
    name, model = interface.name, interface.model
    kernels, word = (model.walker, *model.entry.kernels), model.dtype.itemsize
    built = [kernels_of(level, kernels, word, place) for level in levels]
    data = [_data(values, place, tools) for values in (model.weights, model.made)]
    _texts(interface, place)
    more = encoding_source(interface) if isinstance(interface, PredictionInterface) else ()
    source = library_source(interface, [level for level, _ in built], data, more)
    (place / "model.c").write_text(source)
    tools.compile_c("model.c", f"{name}_model.o", place)
    objects = [file for _, files in built for file in files]
    objects += [f"{symbol}.o" for symbol in data]
    if kind_of(model) == "plain":
        (place / "own.c").write_text(own_memory(interface))
        tools.compile_c("own.c", f"{name}_own.o", place)
        objects.append(f"{name}_own.o")
    parts = [f"{name}_model.o", *dict.fromkeys(objects)]
    tools.archive(parts, f"lib{name}.a", place)
    tools.link_shared(parts, "exports", f"lib{name}.so", place)
    return [f"{name}.h", f"lib{name}.so", f"lib{name}.a", f"{name}.pc", f"{name}Config.cmake"]


def _texts(interface: CInterface, place: Path) -> None:
    """Write the files that are not C sources: the header, and files for build systems."""
    name = interface.name
    (place / f"{name}.h").write_text(interface.header())
    (place / "exports").write_text(f"{{ global: {name}_*; local: *; }};\n")
    (place / f"{name}.pc").write_text("\n".join(_package(name)) + "\n")
    (place / f"{name}Config.cmake").write_text(CMAKE.replace("NAME", name))


def _data(values: NDArray[np.generic], place: Path, tools: Toolchain) -> str:
    """Write an object file that holds an array; returns its symbol, derived from the numbers."""
    content = np.ascontiguousarray(values).tobytes() or bytes(8)
    symbol = f"gradc_{hashlib.sha256(content).hexdigest()[:32]}_data"
    (place / f"{symbol}.bin").write_bytes(content)
    (place / f"{symbol}.s").write_text("\n".join(_assembly(symbol)) + "\n")
    tools.assemble(f"{symbol}.s", f"{symbol}.o", place)
    return symbol


def _assembly(symbol: str) -> Iterator[str]:
    """Assembly text that includes the bytes of a file under a symbol."""
    yield ".section .rodata"
    yield f".globl {symbol}"
    yield ".balign 64"
    yield f"{symbol}:"
    yield f'.incbin "{symbol}.bin"'
    yield '.section .note.GNU-stack,"",%progbits'


def _package(name: str) -> Iterator[str]:
    """The library's pkg-config file: `cc main.c $(pkg-config --cflags --libs DIR/digit.pc)`."""
    yield f"Name: {name}"
    yield "Description: a model that gradc built"
    yield "Version: 1"
    yield "Cflags: -I${pcfiledir}"
    yield f"Libs: -L${{pcfiledir}} -l{name}"
    yield "Libs.private: -lm"
