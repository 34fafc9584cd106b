"""Models of sequences in a library: lengths beside the data, bits as a session gives them."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import Kind, TensorType
from tests.runtime.embed.building import NEEDS_CC, SPECS, Built, built, pointer
from tests.runtime.embed.test_program import call

pytestmark = NEEDS_CC
RNG = np.random.default_rng(0)
MODELS = [("row_digits", "digit"), ("transformer", "next"), ("translate", "answer"),
          ("translate", "translate"), ("tagging", "digit")]  # fmt: skip


def opened(spec: str, model: str, folder: Path) -> Built:
    session = gradc.Session(gradc.compile_file(SPECS / f"{spec}.nn"), threads=1, seed=0)
    return Built(session, model, folder)


def drawn(type: TensorType, rows: int) -> np.ndarray:
    shape = rows, *type.shape
    if type.kind is Kind.INDEX:
        return RNG.integers(0, type.classes or 9, shape).astype(np.int32)
    return RNG.random(shape).astype(np.float32)


def inputs_of(made: Built, lengths: dict[str, np.ndarray], count: int) -> dict[str, Any]:
    """Random inputs: of a sequence, a list."""
    found: dict[str, Any] = {}
    for array in made.interface.model.arrays("input"):
        time = array.type.time
        rows = np.full(count, time) if isinstance(time, int) else lengths.get(str(time))
        found[str(array.name)] = (
            drawn(array.type, count) if rows is None else [drawn(array.type, n) for n in rows]
        )
    return found


@pytest.mark.parametrize(("spec", "model"), MODELS)
def test_bits_of_a_session(tmp_path: Path, spec: str, model: str) -> None:
    made = opened(spec, model, tmp_path)
    for count in (1, 5, 40):
        times = made.interface.lengths.values()
        lengths = {time: RNG.integers(1, 12, count).astype(np.int32) for time in times}
        given = inputs_of(made, lengths, count)
        flat = [np.concatenate(v) if isinstance(v, list) else v for v in given.values()]
        wanted = made.session.run(model, **given)
        found = made.run_sequences(lengths, flat, count)[0]
        (output,) = made.interface.model.arrays("output")
        wanted = np.concatenate(list(wanted)) if output.type.time is not None else wanted
        np.testing.assert_array_equal(found, wanted)


def test_lengths_that_do_not_fit(tmp_path: Path) -> None:
    made = built("model f(x : seq [2]) -> [2] { last(x) }", tmp_path)
    lengths, x = np.array([2, 3], np.int32), np.arange(10, dtype=np.float32)
    np.testing.assert_array_equal(made.run_sequences({"x": lengths}, [x], 2)[0], [[2, 3], [8, 9]])
    y, memory = np.zeros((2, 2), np.float32), np.zeros(10**6, np.uint8)
    place = pointer(memory), ctypes.c_size_t(len(memory))
    run, room = made.function("run_in"), made.function("workspace", ctypes.c_size_t)
    lengths[1] = -3
    assert made.message(run(pointer(x), pointer(lengths), pointer(y), 2, *place)) == (
        "a length is negative, or more than the model takes"
    )
    assert room(pointer(lengths), 2) == 0
    assert made.message(run(pointer(x), None, pointer(y), 2, *place)) == "a pointer is null"
    lengths[1] = 3
    small = ctypes.c_size_t(room(pointer(lengths), 2) - 1)
    code = run(pointer(x), pointer(lengths), pointer(y), 2, place[0], small)
    assert made.message(code) == "the workspace has too few bytes"


def test_the_program(tmp_path: Path) -> None:
    made = opened("row_digits", "digit", tmp_path)
    rows = [drawn(TensorType((28,)), n) for n in (5, 28, 1)]
    wanted = made.session.run("digit", rows=rows)
    np.save(tmp_path / "rows.npy", np.concatenate(rows))
    (tmp_path / "lengths.csv").write_text("5\n28\n1\n")
    words = "rows=rows.npy", "rows_lengths=lengths.csv"
    found = call(made, *words, "-o", "y.npy", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), wanted)
    np.save(tmp_path / "one.npy", rows[1])
    call(made, "one.npy", "-o", "y.npy", folder=tmp_path)  # alone, it is one sequence
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), wanted[1:2])
    (tmp_path / "lengths.csv").write_text("5\n28\n")
    found = call(made, *words, folder=tmp_path)
    assert found.returncode == 2 and b"as many elements as the lengths say" in found.stderr


def test_a_model_that_reads_nothing(tmp_path: Path) -> None:
    made = opened("vae", "generate", tmp_path)
    found = call(made, "--examples", "3", "-o", "y.npy", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), made.session.run("generate", 3))
