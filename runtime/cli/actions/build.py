"""What `gradc build` does: a model and its weights become files for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from click import UsageError

from gradc_compiler.c.c_file import CFile
from gradc_compiler.c.c_names import CNames
from gradc_compiler.c.c_source import c_file, c_texts
from gradc_compiler.emitted.scalar_writer import NotPrinted
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.numba_module.module_source import emit_numba
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.program import TrainStep
from gradc_runtime.cli.actions.last_run import note_untrained
from gradc_runtime.cli.actions.output import say, write
from gradc_runtime.cli.actions.predict import chosen_step
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.run import chosen
from gradc_runtime.cli.actions.table_of_run import is_of_table, reading_of
from gradc_runtime.cli.actions.with_weights import session_with_weights
from gradc_runtime.cli.faults import Refused
from gradc_runtime.embed.build_library import build, build_prediction, build_step
from gradc_runtime.embed.frozen_step import filled_schedule
from gradc_runtime.embed.levels import levels_of
from gradc_runtime.embed.wasm_module import WasmArgument, build_wasm
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.errors import RunError

AT_ONCE = 64  # examples that a GPU takes, where nobody says


def build_files(spec: Path, given: Mapping[str, Any]) -> int:
    """Write the files, and say which.

    Raises `Refused` for what cannot be built.
    """
    note_untrained(spec, given)
    made, session, request = session_with_weights(Request.of(spec, given), given)
    named = [] if given["name"] is None else [given["name"]]
    if given["what"] == "predict" and given["emit"] != "library":
        raise Refused(
            "--what predict builds a library and a program; --emit writes a model or step"
        )
    match given["emit"]:
        case "numba":
            paths = numba_module(made, session, named, given)
        case "c":
            paths = c_files(made, session, request, named, given)
        case "wasm":
            paths = wasm_files(made, session, request, named, given)
        case _:
            paths = library(session, request, named, given)
    for path in paths:
        write(str(path))
    return 0


def library(
    session: Session, request: Request, named: list[str], given: Mapping[str, Any]
) -> Iterable[Path]:
    """A model, a prediction or a step as a library, and of the first two a program."""
    folder, cpu, what = given["folder"], given["cpu"], given["what"]
    if given["emit"] == "cuda":
        return gpu_library(session, named, given)
    if what == "step":
        return build_step(session, *step_of(session, request, named), folder, cpu)
    if what == "predict" or (what is None and not named and is_of_table(session, request)):
        step = chosen_step(session, named[0] if named else None)
        say(f"note: what is predicted of {', '.join(step.predicted)}; name a model to build that")
        return build_prediction(session, step, reading_of(session, request, step), folder, cpu)
    model = chosen(session, named)
    return build(session, model, folder, class_names(session, request, model), cpu)


def gpu_library(session: Session, named: list[str], given: Mapping[str, Any]) -> Iterable[Path]:
    """A model as a library for NVIDIA's GPUs; its sources alone where NVIDIA's header is missing.

    Raises `Refused` for a step.
    """
    if given["what"] == "step":
        raise Refused("--emit cuda is for models: a step trains with gradc train --target cuda")
    writer: Any = import_module("gradc_runtime.cuda.library.gpu_library")
    maker: Any = import_module("gradc_runtime.cuda.library.gpu_model")
    include = writer.cuda_include()
    if include is None:
        say("note: there is no cuda.h of NVIDIA's toolkit here, so the sources are not compiled")
    model = maker.gpu_model(session, chosen(session, named), given["batch"] or AT_ONCE)
    files: list[Path] = writer.write_library(model, given["folder"], include)
    return files


def levels(text: str) -> list[str]:
    """The levels that `--cpu` names, best first.

    Raises `UsageError` for one that is none.
    """
    try:
        return levels_of(text)
    except ValueError as fault:
        raise UsageError(f"--cpu: {fault}") from None


def class_names(session: Session, request: Request, model: str) -> tuple[str, ...]:
    """The names of the classes that a model scores, where the data is text and is there."""
    types = session.program.outputs[model].values()
    texts = session.program.training and any(t.time and t.classes for t in session.fields.values())
    if not texts or len(types) != 1:
        return ()
    try:
        alphabet = request.dataset(session).alphabet
    except (RunError, OSError):
        return ()
    names = () if alphabet is None else alphabet.symbols
    return names if all(type.shape == (len(names),) for type in types) else ()


def c_files(
    made: Compilation,
    session: Session,
    request: Request,
    named: list[str],
    given: Mapping[str, Any],
) -> Iterable[Path]:
    """A model or a step as C99 in the folder.

    Raises `Refused` for one that has no C yet.
    """
    _, texts = c_of(made, session, request, named, given)
    write_texts(given["folder"], texts)
    return [given["folder"] / name for name in texts]


def wasm_files(
    made: Compilation,
    session: Session,
    request: Request,
    named: list[str],
    given: Mapping[str, Any],
) -> Iterable[Path]:
    """A model as a module of WebAssembly, with its loader, in the folder.

    Raises `Refused` for a step, and for a model that has no C yet.
    """
    if given["what"] == "step":
        raise Refused("--emit wasm is for models; a step of training is built as a library or as C")
    file, texts = c_of(made, session, request, named, given)
    arguments = [*wasm_arguments(file)]
    return build_wasm(file.prefix, texts, arguments, given["folder"])


def wasm_arguments(file: CFile) -> Iterator[WasmArgument]:
    """The arrays of a model in the order of its function: inputs, their lengths, outputs."""
    names = CNames(about for _, _, about in file.arguments.values())
    lengths = {t.lengths: names.take(t.lengths) for t in file.times.values() if t.lengths}
    roles: dict[str, list[WasmArgument]] = {"input": [], "lengths": [], "output": [], "result": []}
    for name, (role, type, about) in file.arguments.items():
        own = "" if type.time is None else lengths.get(file.times[type.time].lengths, "")
        word = file.type_of(type)
        roles[role].append(
            WasmArgument(name=about, in_c=name, role=role, word=word, type=type, lengths=own)
        )
    for in_c, name in lengths.items():
        type = TensorType((), Kind.INDEX)
        own_length = WasmArgument(name=name, in_c=in_c, role="lengths", word="int32_t", type=type)
        roles["lengths"].append(own_length)
    for each in roles.values():
        yield from each


def c_of(
    made: Compilation,
    session: Session,
    request: Request,
    named: list[str],
    given: Mapping[str, Any],
) -> tuple[CFile, dict[str, str]]:
    """What is asked for in C, and the text of its files.

    Raises `Refused` for what has no C yet.
    """
    batch, memory = 1, session.memory
    if given["what"] == "step":
        step, batch = step_of(session, request, named)
        entry = step.entry
        filled_schedule(session, step)
    else:
        entry = session.program.models[chosen(session, named)]
    try:
        file = c_file(made, entry, memory.views, batch, memory.words.itemsize)
        return file, c_texts(file)
    except NotPrinted as fault:
        raise Refused(str(fault)) from None


def numba_module(
    made: Compilation, session: Session, named: list[str], given: Mapping[str, Any]
) -> Iterable[Path]:
    """Models and steps as a Python module in the folder: all, or those of a kind or a name.

    Raises `Refused` where nothing has the name, or something has no text yet.
    """
    memory = session.memory
    models, steps = of_module(session, named, given["what"])
    for step in steps:
        filled_schedule(session, step)
    try:
        texts = emit_numba(made, memory.views, memory.words.itemsize, models, steps)
    except NotPrinted as fault:
        raise Refused(str(fault)) from None
    write_texts(given["folder"], texts)
    return [given["folder"] / name for name in texts]


def of_module(
    session: Session, named: list[str], what: str | None
) -> tuple[list[str], tuple[TrainStep, ...]]:
    """The models and steps of a module: all, or those of a kind or a name."""
    program = session.program
    steps = program.training.steps if program.training else ()
    if what == "step":
        return [], ((session.named_step(named[0]),) if named else session.training.steps)
    if named:
        return [chosen(session, named)], ()
    return [*program.models], () if what == "run" else steps


def write_texts(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(data)


def step_of(session: Session, request: Request, named: list[str]) -> tuple[TrainStep, int]:
    """The step that is named, or the only one; and its batch.

    Raises `Refused` where several could be meant.
    """
    known = [step.name for step in session.training.steps]
    if not named and len(known) > 1:
        raise Refused(f"name a step: {', '.join(known)}")
    batch = resolve(session.training.settings, **request.settings).batch
    return session.named_step((named or known)[0]), batch
