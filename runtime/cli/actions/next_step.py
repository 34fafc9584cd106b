"""What comes after training, as one line: a command with which the network answers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from shlex import quote

from gradc_compiler.syntax.parse.read_file import STANDARD_INPUT
from gradc_runtime.cli.actions.last_run import last_run
from gradc_runtime.cli.actions.read_inputs import Types, example
from gradc_runtime.cli.actions.request_data import file_like, source_of
from gradc_runtime.session.decoding import written_argument
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError

FILES = {"images": "NEW.png", "audio": "NEW.wav"}  # a new example of these sources


def next_step(session: Session, spec: Path, folder: Path) -> str:
    """The line; "" for a spec that is no file."""
    if spec == STANDARD_INPUT:
        return ""
    found = last_run(spec)
    same = found is not None and found.resolve() == folder.resolve()
    tail = "" if same else f" --weights {quote(str(folder))}"
    path = quote(str(spec))
    steps = [step for step in session.training.steps if step.predict is not None]
    if not steps:
        model, inputs = next(iter(session.program.inputs.items()))
        given = f"{model} {example(inputs)}".rstrip()
        return f"next: gradc run {path} {given} --weights {quote(str(folder))}"
    if (new := file_like(session)) is not None:
        return f"next: gradc predict {path} {new}{tail}; gradc eval {path} --data {new}{tail}"
    if (writing := writer(session)) is not None:
        run = f"gradc run {path} {writing} --sample 300 --weights {quote(str(folder))}"
        return f"next: gradc eval {path}{tail}; {run}"
    entry = session.program.entries[str(steps[0].predict)]
    step = f" --step {steps[0].name}" if len(steps) > 1 else ""
    given = sample(session, {name: session.fields[name] for name in entry.inputs})
    return f"next: gradc eval {path}{tail}; gradc predict {path} {given}{step}{tail}"


def writer(session: Session) -> str | None:
    """The first model that goes on with a text; none where texts are not what is trained on."""
    if source_of(session).function == "text":
        for model in session.program.models:
            with suppress(SessionError):
                written_argument(session, model)
                return model
    return None


def sample(session: Session, inputs: Types) -> str:
    """How one new input is given: as a file, as a text in quotes, or in numbers."""
    function = source_of(session).function
    if function == "texts":
        return " ".join(f'{name}="..."' for name in inputs)
    return FILES.get(function) or example(inputs)
