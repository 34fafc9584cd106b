"""What `gradc run` does: a model's forward pass on inputs from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from compiler.graph.types import TensorType
from runtime.checkpoint import write_atomically
from runtime.cli.actions.inputs import read_inputs
from runtime.cli.actions.output import say, write, write_json
from runtime.cli.actions.request import Request, prepare, session_with_weights
from runtime.cli.faults import Refused
from runtime.cli.options import Binding
from runtime.memory import suggestion
from runtime.session import Session

DIGITS = 8


def run(spec: Path, words: Sequence[str], given: Mapping[str, Any]) -> int:
    """Print what the model gives, or write it to a file."""
    _, session, _ = session_with_weights(Request.of(spec, given), given["weights"])
    names = [word for word in words if "=" not in word]
    bindings = [Binding().convert(word, None, None) for word in words if "=" in word]
    inputs = {name: str(value) for name, value in (*given["inputs"], *bindings)}
    model = chosen(session, names)
    entry = session.program.models[model]
    prepare(session, [entry])
    arrays = read_inputs(inputs, types_of(session, entry), dtype=session.dtype, seed=session.seed)
    found = session.run(model, given["examples"], **arrays)
    results = found if isinstance(found, dict) else {model: found}
    if given["save"] is not None:
        save(results, given["save"])
    elif given["as_json"]:
        write_json({name: array.tolist() for name, array in results.items()})
    else:
        show(results)
    return 0


def chosen(session: Session, names: Sequence[str]) -> str:
    """The model that is named, or the only one."""
    models = session.program.models
    if len(names) > 1:
        raise Refused(f"one model at a time, not {' and '.join(names)}; inputs are name=value")
    if names and names[0] not in models:
        raise Refused(f"no model is called {names[0]}{suggestion(names[0], models)}")
    if not names and len(models) != 1:
        raise Refused(f"name a model: {', '.join(models) or 'the spec has none'}")
    return names[0] if names else next(iter(models))


def types_of(session: Session, entry: str) -> dict[str, TensorType]:
    """The inputs of an entry."""
    arrays = session.program.entries[entry].arrays
    return {array.name: array.type for array in arrays if array.role == "input"}


def save(results: Mapping[str, np.ndarray], path: Path) -> None:
    """One array as .npy; several as .npz."""
    stream = BytesIO()
    if len(results) == 1:
        np.save(stream, next(iter(results.values())), allow_pickle=False)
    else:
        np.savez(stream, allow_pickle=False, **results)
    write_atomically(path, stream.getvalue())
    say(f"wrote {', '.join(f'{n} {list(a.shape)}' for n, a in results.items())} to {path}")


def show(results: Mapping[str, np.ndarray]) -> None:
    """The numbers; one example without its leading axis."""
    for name, array in results.items():
        values = array[0] if len(array) == 1 else array
        text = np.array2string(values, precision=DIGITS, threshold=10_000, max_line_width=100)
        write(text if len(results) == 1 else f"{name} = {text}")
