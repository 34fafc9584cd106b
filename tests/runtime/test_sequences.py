"""Sequences in the runtime: how they are given, what comes back, and runs that go on to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from gradc_compiler.graph.ragged import Ragged, joined
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_runtime.data import DataError, Dataset, from_arrays, split
from gradc_runtime.session.backends import parts
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import Settings
from gradc_runtime.system.errors import Diverged, SessionError
from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer
from tests.runtime import recurrent

TARGETS = pytest.mark.parametrize("target", ["reference", "cpu"])
LENGTHS = [3, 0, 1, 7, 7]
VECTORS, LABELS = TensorType((2,), time="n"), TensorType((), Kind.INDEX, 5, "n")


def bits(session: Session) -> np.ndarray:
    return session.memory.words.view(f"u{session.memory.words.itemsize}")


@TARGETS
def test_sequences_may_be_given_as_lists_arrays_or_packed(target: str) -> None:
    session, packed = recurrent.session(target=target), recurrent.arrays(LENGTHS)
    x, k = packed["x"], packed["k"]
    said = session.run("says", x=x, k=k)
    assert [s.shape for s in said["said"]] == [(n,) for n in LENGTHS]
    assert said["last"].shape == (5,)
    for form in (list, lambda rows: [row.tolist() for row in rows]):
        other = session.run("says", x=form(x), k=form(k))
        assert_array_equal(other["last"], said["last"])
    equal = recurrent.arrays([4, 4, 4])
    found = session.run("says", x=equal["x"].padded(), k=equal["k"].padded())
    assert_array_equal(np.stack(found["said"]), np.stack(session.run(
        "says", x=equal["x"], k=equal["k"])["said"]))  # fmt: skip


def test_each_example_is_as_it_would_be_alone() -> None:
    session, whole = recurrent.session("float64"), recurrent.arrays(LENGTHS)
    together = session.run("says", x=whole["x"], k=whole["k"])
    for i in range(len(LENGTHS)):
        alone = session.run("says", x=[whole["x"][i]], k=[whole["k"][i]])
        np.testing.assert_allclose(alone["said"][0], together["said"][i], rtol=1e-12)


def test_native_code_computes_what_the_reference_does() -> None:
    native, reference = (recurrent.session("float64", t) for t in ("cpu", "reference"))
    batch = recurrent.arrays(LENGTHS)
    one, other = native.gradients(**batch), reference.gradients(**batch)
    assert one[0] == pytest.approx(other[0], rel=1e-12)
    for name, gradient in other[1].items():
        np.testing.assert_allclose(one[1][name], gradient, rtol=1e-10, atol=1e-12)
    data = recurrent.examples(53)
    rows = [s.train(data, epochs=2, batch=8).rows[-1] for s in (native, reference)]
    for name in ("loss", "held_out.loss"):
        assert rows[0][name] == pytest.approx(rows[1][name], rel=1e-10)


@pytest.mark.parametrize(
    "lengths",
    [[1, 500, 0, 2, 37, 499, 1], [2000], [0], [0, 0, 0], [1], [1, 1, 1], [7] * 9],
    ids=["wild", "long", "empty", "all empty", "one", "ones", "equal"],
)
def test_lengths_of_every_kind(lengths: list[int]) -> None:
    native, reference = (recurrent.session("float64", t) for t in ("cpu", "reference"))
    batch = recurrent.arrays(lengths)
    said = [s.run("says", x=batch["x"], k=batch["k"])["said"] for s in (native, reference)]
    for one, other in zip(*said, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    found = [s.gradients(**batch) for s in (native, reference)]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-10)
    for name, gradient in found[1][1].items():
        np.testing.assert_allclose(found[0][1][name], gradient, rtol=1e-9, atol=1e-12)


@TARGETS
@settings(max_examples=10)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    extra=st.integers(0, 5),
    fill=st.sampled_from([np.nan, np.inf, -1.0, 1e30]),
)
def test_padding_changes_no_bit(target: str, lengths: list[int], extra: int, fill: float) -> None:
    """What stands beyond the lengths is never seen: results, gradients and updates."""
    plain = recurrent.arrays(lengths)
    padded = dict(plain)
    for name in ("x", "k", "z"):
        rows = plain[name].padded(fill if name != "k" else 77)
        beyond = np.full((len(lengths), extra, *rows.shape[2:]), 77, rows.dtype)
        padded[name] = Ragged.of_padded(np.concatenate([rows, beyond], axis=1), lengths)
    one, other = (recurrent.session(target=target) for _ in range(2))
    assert one.gradients(**plain)[0] == other.gradients(**padded)[0]
    assert one.step(**plain) == other.step(**padded)
    assert_array_equal(bits(one), bits(other))


@TARGETS
def test_steps_in_one_call_equal_single_steps(target: str) -> None:
    data = recurrent.examples(12).take(slice(None))
    one, many = (recurrent.session(target=target) for _ in range(2))
    given = ({name: part[name] for name in one.fields} for part in parts(data, 3))
    losses = [one.step(**fields)["loss"] for fields in given]
    assert many.advance(data, steps=3)["loss"].tolist() == losses
    assert_array_equal(bits(one), bits(many))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x": None}, "x : seq [2] is missing"),
        ({"x": [[[1.0, 2.0]], [[1.0, 2.0, 3.0]]]},
         "x: sample 1: declared seq [2], so a list of arrays [T, 2] is expected; got [T, 3]"),
        ({"x": [[[1.0, 2.0]], 3.0]},
         "x: sample 1: declared seq [2], so a list of arrays [T, 2] is expected; got []"),
        ({"x": np.ones((2, 3, 4))}, "so a list of arrays [T, 2] is expected; got [T, 4]"),
        ({"x": np.ones(5)}, "so a list of arrays [T, 2] is expected; got numbers"),
        ({"x": [["a", "b"], ["c"]]}, "x: sample 0: needs numbers, got <U1"),
        ({"x": [[[1, 2], [3]], []]}, "x: sample 0: rows of different lengths are no array"),
        ({"k": [[1, 2, 3], [5]]},
         "k: 5 of sample 1, step 0 is outside class(5), which allows 0 to 4"),
        ({"k": [[1, 2, 0.5], [1]]}, "k: 0.5 of sample 0, step 2 is not a whole number"),
        ({"z": [[1, 2, 3], [4, 5]]},
         "z: sample 1 has 2 elements, but that of x 1, and both are seq(n)"),
        ({"k": [[1, 2, 3]]}, "same number of examples, at least one: x has 2, k has 1"),
        ({"x": Ragged(np.ones((4, 2)), np.array([3, 2]))},
         "x: the lengths add up to 5, for 4 elements"),
        ({"y": Ragged(np.ones(4), np.array([3, 1]))},
         "y: declared scalar, but sequences are given"),
        ({"w": [[1.0]]}, "no input is called w"),
    ],
)  # fmt: skip
def test_wrong_sequences_get_one_line(changes: dict[str, Any], expected: str) -> None:
    inputs = {**recurrent.arrays([3, 1]), **changes}
    with pytest.raises(SessionError) as caught:
        recurrent.session().step(**{k: v for k, v in inputs.items() if v is not None})
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_data_set_checks_its_sequences() -> None:
    arrays = recurrent.arrays(LENGTHS)
    arrays["x"].values[4] = np.nan  # the first step of sample 3
    with pytest.raises(DataError, match=r"x: nan of sample 3, step 0, element \[0\] is not a fin"):
        from_arrays(recurrent.FIELDS, arrays)
    with pytest.raises(DataError, match=r"arrays: z: sample 0 has 1 elements, but that of x 2, a"):
        from_arrays([("x", VECTORS), ("z", recurrent.FIELDS[2][1])],
                    {"x": [[[1, 2], [3, 4]]], "z": [[1]]})  # fmt: skip
    fixed = TensorType((), Kind.INDEX, 3, 4)
    with pytest.raises(DataError, match=r"k: sample 1 has 3 elements, but seq\(4\) class\(3\) has"):
        from_arrays([("k", fixed)], {"k": [[0, 1, 2, 0], [1, 1, 1]]})


def lengths_and_labels(data: Dataset) -> list[Any]:
    return [row.tolist() for row in data.arrays["k"]]


def test_a_split_keeps_sequences_whole() -> None:
    k = [[i % 5] * (i % 4) for i in range(20)]
    data = from_arrays([("k", LABELS)], {"k": k})
    train, test = split(data, 0.25, seed=3)
    assert test is not None
    assert (train.examples, test.examples) == (15, 5)
    assert sorted(lengths_and_labels(train) + lengths_and_labels(test)) == sorted(k)
    taken = data.take(np.array([7, 3, 3]))
    assert [row.tolist() for row in taken["k"]] == [k[7], k[3], k[3]]
    assert taken["length/n"].tolist() == [3, 3, 3]


def test_batches_are_joined_as_they_were_cut() -> None:
    data = recurrent.examples(12).take(slice(None))
    cut = parts(data, 4)
    for name, batch in data.items():
        whole = joined([part[name] for part in cut])
        if isinstance(batch, Ragged):
            assert isinstance(whole, Ragged)
            assert_array_equal(whole.values, batch.values)
            assert_array_equal(whole.lengths, batch.lengths)
        else:
            assert_array_equal(whole, batch)


def test_evaluate_is_a_mean_over_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    data, session = recurrent.examples(40), recurrent.session("float64")
    whole = session.evaluate(data)["loss"]
    monkeypatch.setattr(
        "gradc_runtime.session.measuring.ELEMENTS_AT_ONCE", 60
    )  # so six examples of nine at once
    assert session.evaluate(data)["loss"] == pytest.approx(whole, rel=1e-12)


SETTINGS = Settings(batch=8, epochs=4, held_out=0.2, seed=3)


@TARGETS
@pytest.mark.parametrize("stop", [1, 2])
def test_a_run_goes_on_to_the_bit(tmp_path: Path, stop: int, target: str) -> None:
    data = recurrent.examples(53)
    whole = recurrent.session(target=target)
    rows = Trainer(whole, data, SETTINGS).run().rows
    assert rows[-1]["held_out.loss"] < rows[0]["loss"]
    first = Settings(batch=8, epochs=stop, held_out=0.2, seed=3)
    Trainer(recurrent.session(target=target), data, first, folder=RunFolder(tmp_path)).run()
    again = recurrent.session(target=target)
    Trainer(again, data, SETTINGS, folder=RunFolder(tmp_path)).run(resume=True)
    assert_array_equal(bits(again), bits(whole))


def test_what_explodes_within_a_recurrence_is_named() -> None:
    session, data = recurrent.session(), recurrent.examples(16)
    session.parameters["net.V"] = np.full(3, 3e38)
    with pytest.raises(Diverged) as caught:
        session.train(data, epochs=1, held_out=0, batch=16)
    assert "first non-finite value: contract" in str(caught.value)


@TARGETS
def test_a_recurrence_that_nothing_reads_needs_no_sequence(target: str) -> None:
    text = """
    model f(x : [2], xs : seq scalar) -> [2] {
        h = previous(0.5, xs)
        h' = 0.5 * h + xs
        2 * x
    }
    """
    session = Session(compile_source(text, without=OPTIONAL), target, "float64")
    _, found = session.runner("forward/f").run({"x": np.ones((3, 2))})
    assert_array_equal(found["result"], np.full((3, 2), 2.0))


@TARGETS
def test_what_is_carried_may_be_read_by_nothing_else(target: str) -> None:
    text = """
    model f(xs : seq scalar) -> scalar {
        h = previous(0.5, xs); h' = sin(2 * xs) - 1
        time_sum(h)
    }
    """
    session = Session(compile_source(text, without=OPTIONAL), target, "float64")
    found = session.run("f", xs=[np.zeros(3), np.zeros(1)])
    assert_array_equal(found["result"] if isinstance(found, dict) else found, [-1.5, 0.5])
