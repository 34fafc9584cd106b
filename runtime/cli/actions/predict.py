"""What `gradc predict` does: new examples in, what a trained network says of them out."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gradc_compiler.graph.ragged import Batch
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import TrainStep
from gradc_runtime.cli.actions.answers import Answer, answers_of
from gradc_runtime.cli.actions.encoded_inputs import as_in_table, encoded_inputs, require_all
from gradc_runtime.cli.actions.file_inputs import file_inputs, is_example
from gradc_runtime.cli.actions.last_run import with_last_run
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.actions.pixels_given import with_pixels_looked_at
from gradc_runtime.cli.actions.read_inputs import (
    read_inputs,
    refuse_decimal_commas,
    require_finite,
)
from gradc_runtime.cli.actions.request import Request, prepare
from gradc_runtime.cli.actions.request_data import is_whole_text, load_file
from gradc_runtime.cli.actions.unknown_texts import UnknownTexts
from gradc_runtime.cli.actions.with_weights import session_to_run
from gradc_runtime.cli.actions.write_answers import (
    RowPlaces,
    save_answers,
    show_answers,
    write_answers_json,
)
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data import Dataset, Streamed
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.inputs import lengths_read_by
from gradc_runtime.session.predicting import all_of, predicted, predicted_in_turn
from gradc_runtime.session.session import Session
from gradc_runtime.session.state import suggestion


def predict(spec: Path, inputs: Sequence[str], given: Mapping[str, Any]) -> int:
    """Print or write the answers.

    Raises `Refused` for inputs or options that do not go together.
    """
    texts, file = divided(inputs)
    given = with_last_run(spec, given)
    session, request = session_to_run(Request.of(spec, given), given)
    step = chosen_step(session, given["step"])
    assert step.predict is not None, "only steps that predict something are chosen"
    prepare(session, [step.predict])
    encoding = Encoding.of_data(request.encoding) if request.encoding is not None else Encoding()
    is_one = file is not None and (is_example(file) or is_whole_text(session, file))
    if file is not None and is_one and len(types := types_read(session, step)) == 1:
        texts, file = {next(iter(types)): file}, None
    rows: RowPlaces | None = None
    if file is None:
        found = of_texts(session, step, texts, encoding)
    else:
        rows, found = of_file(session, step, request, file)
    give(answers_of(found, step, session, encoding, given["top"]), rows, given)
    return 0


def divided(inputs: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Inputs that are written out, or the one file.

    Raises `Refused` for both, several files, or a file that is not there.
    """
    files = [word for word in inputs if "=" not in word or Path(word).exists()]
    texts = dict(word.split("=", 1) for word in inputs if word not in files)
    if len(files) > 1 or (files and texts):
        raise Refused("give one file (or - for standard input), or NAME=VALUE for each input")
    if not inputs:
        raise Refused("of what? give a file of examples, - or NAME=VALUE for each input")
    if files and files[0] != "-" and not Path(files[0]).exists():
        raise Refused(f"there is no file {files[0]}; an input is written NAME=VALUE")
    return texts, files[0] if files else None


def chosen_step(session: Session, name: str | None) -> TrainStep:
    """The step whose prediction is wanted.

    Raises `Refused` where the spec compares nothing with a field, or several steps do.
    """
    steps = {step.name: step for step in session.training.steps if step.predicted}
    if name is not None:
        if name not in steps:
            raise Refused(f"no step called {name} predicts a field{suggestion(name, steps)}")
        return steps[name]
    if not steps:
        models = ", ".join(session.program.models)
        raise Refused(
            f"{session.program.name} compares nothing with a field of its data, so it predicts"
            f" none; gradc run gives what a model gives: {models}"
        )
    if len(steps) > 1:
        raise Refused(f"several steps make a prediction: --step {' or '.join(steps)}")
    return next(iter(steps.values()))


def of_texts(
    session: Session, step: TrainStep, texts: Mapping[str, str], encoding: Encoding
) -> dict[str, Batch]:
    """What is predicted for inputs that are written out.

    Raises `Refused` for one that is missing, unknown or means nothing.
    """
    types = types_read(session, step)
    require_all(texts, types, encoding)
    texts = as_in_table(texts, types, encoding)
    known = encoded_inputs(texts, types, encoding, step.predicted)
    known |= file_inputs(texts, types, session)
    rest = {name: type for name, type in types.items() if name not in known}
    left = {name: text for name, text in texts.items() if name not in known}
    read = {**known, **read_inputs(left, rest, seed=session.seed)}
    read = with_pixels_looked_at(read, types, session)
    require_finite(read, texts)
    refuse_decimal_commas(read, texts, types)
    assert step.predict is not None, "only steps that predict something are chosen"
    checked = session.checked(step.predict, read, session.fields)
    return predicted(session, step, checked, encoding)


def types_read(session: Session, step: TrainStep) -> dict[str, TensorType]:
    """The fields that a prediction reads, or that tell it a length."""
    assert step.predict is not None, "only steps that predict something are chosen"
    entry = session.program.entries[step.predict]
    read = {name: session.fields[name] for name in entry.inputs}
    times = {*lengths_read_by(entry).values()} - {type.time for type in read.values()}
    return read | {n: t for n, t in session.fields.items() if t.time in times}


def of_file(
    session: Session, step: TrainStep, request: Request, file: str
) -> tuple[RowPlaces, dict[str, Batch]]:
    """What is predicted for the examples of a file, and which rows they are."""
    read = types_read(session, step)
    if file == "-":
        with TemporaryDirectory() as folder:
            path = Path(folder) / "standard_input.csv"
            path.write_bytes(sys.stdin.buffer.read())
            data = loaded(session, request, path, read)
    else:
        data = loaded(session, request, Path(file), read)
    unknown = UnknownTexts(data.encoding or Encoding())
    found = all_of(unknown.watched(predicted_in_turn(session, step, data, data.encoding)))
    rows = places_of(data)
    unknown.warn(rows)
    return rows, found


def places_of(data: Dataset | Streamed) -> RowPlaces:
    """Where examples stand in their file, with a note where some of its rows are left out."""
    kept = data.kept if isinstance(data, Dataset) else None
    if kept is None:
        return RowPlaces(range(1, data.examples + 1), data.names)
    say(f"note: {data.name}; rows are numbered as in the file")
    return RowPlaces([int(k) + 1 for k in kept])


def loaded(
    session: Session, request: Request, path: Path, read: Collection[str]
) -> Dataset | Streamed:
    """The examples of a file, by what the run has found out about its own."""
    return load_file(session, path.absolute(), request.settings, request.encoding, read)


def give(answers: Sequence[Answer], rows: RowPlaces | None, given: Mapping[str, Any]) -> None:
    """Print the answers, or write them."""
    if given["save"] is not None:
        save_answers(answers, rows, given["save"])
    elif given["as_json"]:
        write_answers_json(answers, rows)
    else:
        show_answers(answers, rows)
