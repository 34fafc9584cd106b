"""What users hand over is looked at once, before native code or `np.repeat` reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.ragged import Ragged, SequenceIndex
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.binding.packed_sequences import PackedBatch
from gradc_runtime.data import DataError, Dataset
from gradc_runtime.data.arrays.validate import conform
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import RunError
from tests.runtime import recurrent

TARGETS = pytest.mark.parametrize("target", ["reference", "cpu"])
EDGE = 2**62
LYING = [
    ([EDGE] * 4, 0, "sample 0 of length 4611686018427387904, for 0 elements"),
    ([2**63 - 1, 2**63 - 1, 5], 3, "sample 0 of length 9223372036854775807, for 3 elements"),
    (np.array([2**64 - 1, 4], np.uint64), 3, "sample 0 of length 18446744073709551615, for 3"),
    ([-1, 4], 3, "sample 0 of length -1, for 3 elements"),
    ([3, 3], 3, "the lengths add up to 6, for 3 elements"),
    ([[1], [2]], 3, "lengths are whole numbers, one a sequence; got int64 [2, 1]"),
    ([1.5, 1.5], 3, "lengths are whole numbers, one a sequence; got float64 [2]"),
    (3, 3, "lengths are whole numbers, one a sequence; got int64 []"),
]  # fmt: skip


def lying(lengths: Any, rows: int) -> dict[str, Any]:
    """The inputs of the recurrent net, all of which lie about their lengths."""
    wrong = np.asarray(lengths)
    return {
        "x": Ragged(np.ones((rows, 2)), wrong),
        "k": Ragged(np.ones(rows, int), wrong),
        "z": Ragged(np.ones(rows), wrong),
        "y": np.ones(len(wrong) if wrong.ndim else 1),
    }


def line_of(call: Callable[[], object]) -> str:
    """The one line of a call that must fail."""
    with pytest.raises(RunError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@TARGETS
@pytest.mark.parametrize(("lengths", "rows", "expected"), LYING)
def test_lengths_that_lie_are_refused_wherever_they_come_in(
    target: str, lengths: Any, rows: int, expected: str
) -> None:
    session, given = recurrent.session(target=target), lying(lengths, rows)
    made = Dataset(name="own", types=dict(recurrent.FIELDS), arrays=given)
    calls = [
        lambda: session.run("says", x=given["x"], k=given["k"]),
        lambda: session.step(**given),
        lambda: session.gradients(**given),
        lambda: session.evaluate(given),
        lambda: session.evaluate(made),
        lambda: session.train(made),
        lambda: session.train(replace(recurrent.examples(), held_out=made)),
    ]
    for call in calls:
        assert expected in line_of(call)


@pytest.mark.parametrize("lengths", [[EDGE] * 4, [2**63 - 1, 2**63 - 1, 5], [-1, 1]])
def test_numpy_is_never_asked_to_repeat_more_often_than_it_can_count(lengths: list[int]) -> None:
    wrong = np.array(lengths)
    calls: list[Callable[[], object]] = [
        lambda: Ragged(np.zeros((0, 2)), wrong).take(slice(None)),
        lambda: SequenceIndex(wrong),
        lambda: PackedBatch(wrong, 1, 2),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="are those of no sequences"):
            call()


def test_lengths_that_change_during_a_call_change_nothing() -> None:
    session, given = recurrent.session(target="cpu"), recurrent.arrays([2, 1])
    checked = session.checked("says", {"x": given["x"], "k": given["k"]}, session.fields)
    given["x"].lengths[:] = EDGE
    assert isinstance(checked["x"], Ragged)
    assert checked["x"].lengths.tolist() == list(checked["length/n"]) == [2, 1]


def labelled(classes: int, held_out: Dataset | None = None) -> Dataset:
    """Labels of so many classes, as a data set that somebody made."""
    arrays = {"x": np.ones((6, 2)), "c": np.arange(6) % classes}
    types = {"x": TensorType((2,)), "c": TensorType((), Kind.INDEX, classes)}
    return Dataset(name="own", types=types, arrays=arrays, held_out=held_out)


NET = """model f(x : [2]) -> [2] { x |> dense(2) }
data d(x : [2], c : class(2)) = blobs(9, classes = 2)
train on d { minimize cross_entropy(f(x), c) using sgd(lr = 0.1), epochs 1 }
"""


@TARGETS
def test_a_data_set_of_other_types_is_refused_with_both(target: str) -> None:
    session = Session(gradc.compile_source(NET), target)
    other = labelled(5)
    wrong = [other, labelled(2, held_out=other)]
    for data in wrong:
        for call in (session.train, session.evaluate, session.dataset):
            expected = "own: c is class(5), but is declared class(2)"
            assert line_of(partial(call, data)) == expected
    plain = {"x": np.ones((6, 2))}
    missing = Dataset(name="own", types={"x": TensorType((2,))}, arrays=plain)
    expected = "own: has no c, which is declared class(2)"
    assert line_of(lambda: session.train(missing)) == expected
    lying = Dataset(name="own", types=labelled(2).types, arrays=labelled(5).arrays)
    assert "c: 2 of sample 2 is outside class(2)" in line_of(lambda: session.evaluate(lying))
    short = Dataset(name="own", types=lying.types, arrays={**lying.arrays, "c": np.zeros(5)})
    assert "x has 6, c has 5" in line_of(lambda: session.evaluate(short))
    assert session.train(labelled(2)).step == 1


def test_a_masked_array_is_refused_and_a_filled_one_is_taken() -> None:
    session = Session(gradc.compile_source(NET), "reference")
    masked = np.ma.masked_greater(np.ones((6, 2)) * np.arange(2), 0.5)
    expected = "some of it is masked; say what stands there: array.filled(0)"
    c = np.zeros(6, int)
    assert line_of(lambda: session.run("f", x=masked)) == f"x: {expected}"
    assert line_of(lambda: session.run("f", x=list(masked))) == f"x: {expected}"
    assert line_of(lambda: session.step(x=masked, c=c)) == f"x: {expected}"
    assert line_of(lambda: session.train({"x": masked, "c": c})) == f"d: x: {expected}"
    weights = np.ma.masked_equal(session.parameters["f.dense1.W"], 0)
    weights.mask = True
    with pytest.raises(RunError, match="some of it is masked"):
        session.parameters["f.dense1.W"] = weights
    assert session.run("f", x=masked.filled(0)).shape == (6, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", ["f4", "f8", "u8"])
def test_an_index_is_never_larger_than_its_words(dtype: str, given: str) -> None:
    most = 2**31 if dtype == "float32" else 2**63
    with pytest.raises(DataError, match=f"is larger than {most - 1}, the largest index"):
        conform(np.array([most], given), TensorType((), Kind.INDEX), name="k", dtype=dtype)


@TARGETS
def test_there_may_be_no_sequences_of_nothing(target: str) -> None:
    program = gradc.compile_source("model f(xs : seq [2]) -> [2] { time_sum(xs) }")
    expected = "inputs need the same number of examples, at least one: xs has 0"
    assert line_of(lambda: Session(program, target).run("f", xs=np.zeros((0, 0, 2)))) == expected


@pytest.mark.parametrize("wrong", [3, 1.5, b"f", [1], {}, ("f",), 10**400])
def test_what_is_no_name_is_an_unknown_one(wrong: Any) -> None:
    program = gradc.compile_source(NET)
    session = Session(program, "reference")
    x, c = np.ones((2, 2)), np.zeros(2, int)
    assert "a model's name comes first" in line_of(lambda: session.run(wrong, x=x))
    assert "no step is called" in line_of(lambda: session.gradients(wrong, x=x, c=c))
    assert "no target is called" in line_of(lambda: Session(program, wrong))
    assert "no parameter is called" in line_of(lambda: session.parameters[wrong])
    if not isinstance(wrong, bytes):
        assert "a path is text" in line_of(lambda: session.save(wrong))
        assert "a path is text" in line_of(lambda: session.load(wrong))
    if not isinstance(wrong, dict):
        line = line_of(lambda: session.train(wrong))
        assert line.startswith("data is a Dataset, a data frame or arrays by name, as in train(")
        assert line.endswith(f"; not of type {type(wrong).__name__}")


@pytest.mark.parametrize("give", [
    lambda: ("f", {"x": np.broadcast_to(np.float32(0), (2**40, 2)), "c": np.zeros(2, int)}),
    lambda: ("f", {"x": np.zeros((2, 2)), "c": np.broadcast_to(np.int8(0), (2**40,))}),
    lambda: ("g", {"xs": [np.broadcast_to(np.float32(0), (2**40, 2))]}),
    lambda: ("g", {"xs": np.broadcast_to(np.float32(0), (2**37, 5, 2))}),
])  # fmt: skip
def test_a_view_that_would_be_copied_beyond_memory_is_refused(give: Callable[[], Any]) -> None:
    text = "model f(x : [2], c : class(3)) -> [2] { x }\nmodel g(xs : seq(n) [2]) { time_sum(xs) }"
    model, inputs = give()
    with pytest.raises(RunError, match=r"needs [\d.]+ GB of memory; [\d.]+ GB are free"):
        Session(gradc.compile_source(text), target="reference").run(model, **inputs)


class Endless:
    """Looks like a sequence of 2^62 numbers."""

    def __len__(self) -> int:
        return 2**62

    def __getitem__(self, place: int) -> float:
        return 1.0


def test_what_claims_to_be_longer_than_memory_is_refused_in_a_line() -> None:
    session = Session(gradc.compile_source(NET), "reference")
    told = "there is not enough memory for an array of it"
    c, data = np.zeros(6, int), {"x": Endless(), "c": [1]}
    assert line_of(lambda: session.run("f", x=Endless())) == f"x: {told}"
    assert line_of(lambda: session.run("f", x=[[Endless(), 1]])) == f"x: {told}"
    assert line_of(lambda: session.step(x=Endless(), c=c)) == f"x: {told}"
    for call in (session.train, session.evaluate):
        assert line_of(partial(call, data)) == f"d: x: {told}"
    with pytest.raises(RunError, match=told):
        session.parameters["f.dense1.W"] = Endless()
    with pytest.raises(RunError, match="rows of different lengths"):
        session.parameters["f.dense1.W"] = [[1, 2], [3]]
