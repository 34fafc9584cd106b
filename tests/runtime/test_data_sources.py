"""Bundled, synthetic and downloaded sets, splitting, and arrays in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import DataError, Dataset, from_arrays, load, split
from gradc_runtime.data.arrays.shuffle import permutation
from gradc_runtime.data.readers.bundled import bundled, resampling
from gradc_runtime.data.sources_page import table

SCALAR = TensorType()


def label(classes: int) -> TensorType:
    """The type `class(n)`."""
    return TensorType((), Kind.INDEX, classes)


def vector(*shape: int) -> TensorType:
    """A real tensor type."""
    return TensorType(shape)


def made(function: str, *arguments: object, seed: int = 0, **fields: Any) -> Dataset:
    """Load a declaration."""
    source = DataSource(
        name="d", fields=tuple(fields.items()), function=function, arguments=arguments
    )
    return load(source, seed=seed)


@pytest.mark.parametrize(
    ("function", "fields", "examples"),
    [
        ("digits", {"image": vector(28, 28, 1), "label": label(10)}, 1797),
        ("digits", {"pixels": vector(28, 28, 1)}, 1797),
        ("iris", {"x": vector(4), "kind": label(3)}, 150),
        ("wine", {"x": vector(13), "kind": label(3)}, 178),
        ("breast_cancer", {"x": vector(30), "kind": label(2)}, 569),
        ("diabetes", {"x": vector(10), "y": SCALAR}, 442),
    ],
)
def test_bundled_sets_fit_their_fields(
    function: str, fields: dict[str, Any], examples: int
) -> None:
    pytest.importorskip("sklearn")
    data = made(function, **fields)
    assert data.examples == examples
    for name, type in fields.items():
        assert data.arrays[name].shape == (examples, *type.shape)


def test_digits_are_those_of_scikit_learn_which_is_not_imported_for_them() -> None:
    expected = pytest.importorskip("sklearn.datasets").load_digits()
    found = bundled("digits")
    for name in ("data", "target", "images"):
        np.testing.assert_array_equal(getattr(found, name), expected[name])
        assert getattr(found, name).dtype == expected[name].dtype
    text = "import sys; from gradc_runtime.data.readers.bundled import bundled\n"
    text += "bundled('digits'); print('sklearn' in sys.modules, 'scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert run.stdout == "False False\n"


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_without_scikit_learn_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        bundled(name)


def test_resampling_keeps_constants_and_straight_lines() -> None:
    for old, new in ((8, 28), (28, 8), (8, 8)):
        along = resampling(old, new)
        np.testing.assert_allclose(along.sum(axis=1), 1.0)
        middle = along @ np.arange(old)
        slope = np.diff(middle)[new // 4 : -(new // 4)]
        np.testing.assert_allclose(slope, old / new, rtol=0.01)
    np.testing.assert_array_equal(resampling(8, 8), np.eye(8))


@pytest.mark.parametrize(
    ("function", "fields"),
    [
        ("line", {"x": SCALAR, "y": SCALAR}),
        ("sine", {"time": SCALAR, "height": SCALAR}),
        ("circle", {"p": vector(2), "inside": label(2)}),
        ("spirals", {"p": vector(2), "arm": label(2)}),
        ("blobs", {"p": vector(2), "kind": label(3)}),
        ("shapes", {"image": vector(32, 32, 1), "discs": vector(32, 32, 1)}),
    ],
)
def test_synthetic_sets_are_functions_of_the_seed(
    function: str, fields: dict[str, TensorType]
) -> None:
    first, again, other = (made(function, 50, seed=s, **fields) for s in (1, 1, 2))
    name = next(iter(fields))
    np.testing.assert_array_equal(first.arrays[name], again.arrays[name])
    assert (first.arrays[name] != other.arrays[name]).any()
    assert first.examples == 50


def test_arguments_are_checked_before_a_source_runs() -> None:
    for arguments, expected in (
        ((-3,), "sine: n needs a count from 1, got -3"),
        (("many",), "sine: n needs a count from 1, got 'many'"),
        ((1, 2.0, 3.0, 0.1, 5), "sine: too many positional arguments; it is sine(n: int = 200"),
    ):
        with pytest.raises(DataError) as caught:
            made("sine", *arguments, x=SCALAR, y=SCALAR)
        assert str(caught.value).startswith(expected)
    with pytest.raises(DataError, match=r"no data source is called circel; did you mean circle\?"):
        made("circel", x=SCALAR)


def test_fields_are_matched_by_name_then_by_shape() -> None:
    data = made("sine", 20, y=SCALAR, other=SCALAR)
    assert np.abs(data.arrays["other"]).max() > 1.5  # x reaches 3, y does not
    with pytest.raises(DataError, match=r"nothing fits field z : \[3\]; it has p \[2\]"):
        made("circle", 20, z=vector(3))


def test_digits_do_not_train_a_network_of_channels_first() -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(DataError) as caught:
        made("digits", image=vector(1, 28, 28), label=label(10))
    assert "[N, 1, 28, 28] is expected; got [1797, 28, 28, 1]" in str(caught.value)
    assert "declare [28, 28, 1] and write `x |> as([1, 28, 28])`" in str(caught.value)
    with pytest.raises(DataError, match=r"it has image \[28, 28, 1\], label \[\]; to reshape it"):
        made("digits", x=vector(1, 28, 28))


def test_arrays_in_memory_are_checked_too() -> None:
    types = [("x", vector(2)), ("k", label(2))]
    data = from_arrays(types, {"x": [[1, 2], [3, 4]], "k": [0, 1]}, dtype="float64")
    assert data.arrays["x"].dtype == np.float64 and data.arrays["k"].dtype == np.int64
    for arrays, expected in (
        ({"x": np.ones((3, 2)), "k": [0, 1]}, "x has 3, k has 2"),
        ({"x": np.ones((2, 3)), "k": [0, 1]}, r"declared \[2\], so \[N, 2\] is expected; got"),
        ({"x": np.ones((0, 2)), "k": []}, "there are no examples"),
        ({"x": [["a", "b"]], "k": [0]}, "needs numbers"),
        ({"x": [[1.0, np.inf]], "k": [0]}, r"inf of sample 0, element \[1\] is not a finite"),
    ):
        with pytest.raises(DataError, match=expected):
            from_arrays(types, arrays)


def test_a_split_is_seeded_and_loses_nothing() -> None:
    data = from_arrays([("x", SCALAR)], {"x": np.arange(100)})
    train, test = split(data, 0.2, seed=3)
    assert test is not None
    assert (train.examples, test.examples) == (80, 20)
    assert sorted([*train.arrays["x"], *test.arrays["x"]]) == list(range(100))
    again = split(data, 0.2, seed=3)[1]
    other = split(data, 0.2, seed=4)[1]
    assert again is not None and other is not None
    np.testing.assert_array_equal(test.arrays["x"], again.arrays["x"])
    assert (test.arrays["x"] != other.arrays["x"]).any()
    assert split(data, 0.0, seed=3)[1] is None


def test_orders_never_change() -> None:
    assert permutation(8, seed=0, purpose=0).tolist() == FIRST_ORDER
    for epoch in range(3):
        assert sorted(permutation(1000, 7, epoch)) == list(range(1000))


FIRST_ORDER = [6, 7, 1, 2, 0, 5, 3, 4]


def test_the_page_of_sources_is_current() -> None:
    page = Path(__file__).parents[2] / "specs" / "data.md"
    assert table() in page.read_text(), (
        "put what `python -m gradc_runtime.data.sources_page` says into it"
    )
