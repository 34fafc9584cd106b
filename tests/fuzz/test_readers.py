"""Damaged files by the thousand: each is read, or refused in one line of bounded length.

A few hundred of each kind in every run; a hundred thousand with `pytest -m wide tests/fuzz`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import load
from gradc_runtime.session.checkpoint import Checkpoint, from_bytes
from gradc_runtime.system.errors import LONGEST, RunError
from gradc_runtime.training.position import Position, position_of
from gradc_runtime.training.run_folder import METRICS, RunFolder
from tests.fuzz.mutations import WORDS, of_bytes
from tests.fuzz.samples import FILES, metrics
from tests.runtime import linear

FEW, MANY, PARTS = 300, 100_000, 4
FIELDS = {"x": TensorType((2,)), "k": TensorType((), Kind.INDEX, 3)}
SEQUENCES = {"xs": TensorType((2,), time="xs")}
WHOLE = {"k": TensorType((), Kind.INDEX)}
LETTERS = {"xs": TensorType((), Kind.INDEX, 40, "xs"), "ys": TensorType((), Kind.INDEX, 40, "xs")}
ALONE = [{name: type} for name, type in {**FIELDS, **SEQUENCES}.items()]  # one array a file
DECLARED = {"text": [LETTERS], "npy": [*ALONE, WHOLE], "idx": [*ALONE, WHOLE]}
Attempt = Callable[[Random], bool]  # whether an input was accepted


def attempts(attempt: Attempt, count: int, part: int = 0) -> Counter[str]:
    """So many inputs; what is raised beside a `RunError` of one line is told with its seed."""
    found, faults = Counter[str](), list[str]()
    for number in range(part * count, (part + 1) * count):
        try:
            found["accepted" if attempt(Random(number)) else "refused"] += 1
        except RunError as refusal:
            line = str(refusal)
            assert "\n" not in line and len(line) <= LONGEST + 4, number
            found["refused"] += 1
        except Exception as fault:
            faults.append(f"{number}: {type(fault).__name__}: {str(fault)[:80]}")
    assert not faults, f"{len(faults)} of {count}: {faults[:5]}"
    return found


def reader(kind: str, folder: Path) -> Attempt:
    """Read one damaged file as a data source does."""
    (path := folder / f"a.{kind}").touch()

    def attempt(draw: Random) -> bool:
        path.write_bytes(FILES[kind](draw))
        fields = draw.choice(DECLARED.get(kind, [FIELDS, FIELDS, SEQUENCES, WHOLE]))
        source = DataSource(
            name="d", fields=tuple(fields.items()), function=kind, arguments=(path.name,),
            directory=str(folder),
        )  # fmt: skip
        dtype, streamed = draw.choice(["float32", "float64"]), draw.random() < 0.5
        how = {"in_memory": 0, "block": draw.choice([1, 40, 10**6])} if streamed else {}
        data = load(source, dtype=dtype, **how)
        arrays = data.take(slice(None), fields)
        for name in fields:
            right(arrays[name], fields[name], data.examples)
        return True

    return attempt


def right(rows: Any, type: TensorType, examples: int) -> None:
    """What was accepted is of its type to the last number."""
    values = rows.values if isinstance(rows, Ragged) else rows
    assert len(rows) == examples > 0 and values.shape[1:] == type.shape
    assert np.isfinite(values).all() and values.flags.c_contiguous
    if isinstance(rows, Ragged):
        assert rows.lengths.min() >= 0 and sum(rows.lengths.tolist()) == len(values)
    if type.kind is Kind.INDEX:
        assert values.min(initial=0) >= 0 and values.max(initial=0) < (type.classes or 2**63)


def a_checkpoint(draw: Random, whole: Checkpoint, data: bytes) -> bool:
    """A damaged checkpoint is refused; only what says the same may be taken."""
    found = from_bytes(of_bytes(draw, data), "a")
    assert found.state == whole.state and found.tensors.keys() == whole.tensors.keys()
    assert all(found.tensors[n].tobytes() == array.tobytes() for n, array in whole.tensors.items())
    return True


VALUES = (
    None,
    True,
    -1,
    0,
    1,
    3,
    1.5,
    "x",
    [],
    {},
    {"loss": 1.0},
    {"loss": "x"},
    float("nan"),
    *WORDS,
)


def a_state(draw: Random) -> bool:
    """A position that may be anything: it is refused, or every part of it is of its kind."""
    position: dict[str, Any] = {**asdict(Position()), "epoch": 1, "step": 6}
    for _ in range(draw.randint(0, 3)):
        name = draw.choice([*position, "more"])
        if draw.random() < 0.1:
            position.pop(name, None)
        else:
            position[name] = draw.choice(VALUES)
    data = Checkpoint(tensors={}, state={"position": position}).to_bytes()
    state = from_bytes(data, "a").state
    found = position_of(state, batches=6, metrics={"loss"})
    assert found.step == found.epoch * 6 + found.batch and 0 <= found.batch <= 6
    return True


def some_rows(draw: Random, folder: RunFolder) -> bool:
    """The rows that can be read are kept, in order, and written again as they are."""
    (folder.path / METRICS).write_bytes(metrics(draw))
    rows = folder.rows()
    folder.append({"epoch": 9, "step": 54, "seconds": 0.1, "loss": 0.5})
    last = json.loads((folder.path / METRICS).read_bytes().splitlines()[-1])
    assert last["epoch"] == 9 and folder.rows()[: len(rows)] == rows
    epochs = [row["epoch"] for row in rows]
    assert epochs == sorted(set(epochs)) and all(epoch > 0 for epoch in epochs)
    return len(rows) == 4


def attempt_of(kind: str, folder: Path) -> Attempt:
    """One attempt for each kind of file."""
    if kind == "metrics":
        run = RunFolder(folder)
        return lambda draw: some_rows(draw, run)
    if kind == "state":
        return a_state
    if kind == "checkpoint":
        whole = Checkpoint(tensors=linear.session().memory.views, state={"position": {"epoch": 1}})
        data = whole.to_bytes()
        return lambda draw: a_checkpoint(draw, whole, data)
    return reader(kind, folder)


KINDS = [*FILES, "checkpoint", "state", "metrics"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    found = attempts(attempt_of(kind, tmp_path), FEW)
    assert found["accepted"] > 5 and found["refused"] > 5


@pytest.mark.wide
@pytest.mark.parametrize("part", range(1, PARTS + 1))
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_damaged_files(kind: str, part: int, tmp_path: Path) -> None:
    found = attempts(attempt_of(kind, tmp_path), MANY // PARTS, part)
    print(f"{kind} {part}: {dict(found)}")
    assert found.total() == MANY // PARTS
