"""A path that means several files: their examples one after another, by the names of the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.types import TensorType
from gradc_runtime.data import DataError
from tests.runtime.data.streaming import both, streamed

FIELDS = {"x": TensorType((2,)), "y": TensorType()}


def parts(folder: Path, name: str, array: np.ndarray, ends: list[int]) -> None:
    """An array in several files."""
    for number, part in enumerate(np.split(array, ends)):
        np.save(folder / f"{name}-{number:02}.npy", part)


def test_fields_may_be_divided_at_different_places(tmp_path: Path) -> None:
    x, y = np.arange(82, dtype=np.float32).reshape(41, 2), np.arange(41, dtype=np.float64)
    parts(tmp_path, "x", x, [7, 19])
    parts(tmp_path, "y", y, [30])
    found, whole = both(tmp_path, "npy", "x-*.npy", "y-??.npy", block=70, **FIELDS)
    assert found.examples == whole.examples == 41
    for data in (found.take(slice(None)), whole.arrays):
        np.testing.assert_array_equal(data["x"], x)
        np.testing.assert_array_equal(data["y"], y)


def test_files_come_in_the_order_of_their_names_as_texts(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        np.save(tmp_path / f"x-{number}.npy", np.full((1, 2), number))
    found, whole = both(tmp_path, "npy", "x-[0-9]*.npy", x=FIELDS["x"])
    for data in (found.take(slice(None)), whole.arrays):
        np.testing.assert_array_equal(np.asarray(data["x"])[:, 0], [1, 10, 2])


def test_a_file_that_is_called_like_a_pattern_is_meant_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "x[1].npy", np.ones((3, 2)))
    np.save(tmp_path / "x1.npy", np.zeros((3, 2)))
    assert both(tmp_path, "npy", "x[1].npy", x=FIELDS["x"])[1].arrays["x"].min() == 1


def test_wrong_files_get_one_line(tmp_path: Path) -> None:
    def fault(*files: str) -> str:
        lines = []
        for read in (streamed, both):
            with pytest.raises(DataError) as caught:
                read(tmp_path, "npy", *files, **FIELDS)
            lines.append(str(caught.value))
        assert lines[0] == lines[1]
        return lines[0]

    assert fault("x-*.npy", "y.npy") == 'no file matches "x-*.npy"'
    parts(tmp_path, "x", np.ones((9, 2), np.float32), [5])
    np.save(tmp_path / "x-02.npy", np.ones((9, 3), np.float32))
    np.save(tmp_path / "y.npy", np.ones(18, np.float32))
    assert fault("x-*.npy", "y.npy") == "x-02.npy: examples of [3], but x-00.npy has [2]"
    with (tmp_path / "x-01.npy").open("r+b") as stream:
        stream.truncate(140)
    promised = "x-01.npy: header promises 32 bytes of data, file has 12"
    assert fault("x-0[01].npy", "y.npy") == promised


def test_a_pattern_stays_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    with pytest.raises(DataError, match="--allow-path"):
        streamed(tmp_path / "in", "npy", "../*.npy", x=FIELDS["x"])


def test_what_cannot_be_read_in_pieces_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(np.arange(6.0).reshape(3, 2)))
    with pytest.raises(DataError, match=r"x.npy: stored column by column, which cannot be read in"):
        streamed(tmp_path, "npy", "x.npy", x=FIELDS["x"])
    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    np.save(tmp_path / "y.npy", np.ones(4))
    with pytest.raises(DataError, match=r"number of examples: array 1 has 3, array 2 has 4"):
        streamed(tmp_path, "npy", "x.npy", "y.npy", **FIELDS)
    np.save(tmp_path / "y.npy", np.array([{}, 1, 2], object), allow_pickle=True)
    with pytest.raises(DataError, match="pickles are never read"):
        streamed(tmp_path, "npy", "x.npy", "y.npy", **FIELDS)
