"""IDX files in blocks: the same numbers, scaled alike, with the test part that a folder brings."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data import DataError, Dataset, load, split
from tests.runtime.data.streaming import both, source, streamed

IMAGE = TensorType((4, 3, 1))
LABEL = TensorType((), Kind.INDEX, 3)
FIELDS = {"image": IMAGE, "label": LABEL}


def idx(path: Path, array: np.ndarray, code: int) -> None:
    """An IDX file."""
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


def folder(path: Path, train: int = 23, test: int = 9) -> None:
    """Both parts of a set of images."""
    draw = np.random.default_rng(0)
    for prefix, count in (("train", train), ("t10k", test)):
        images = draw.integers(0, 256, (count, 4, 3), np.uint8)
        idx(path / f"{prefix}-images-idx3-ubyte", images, 0x08)
        labels = (np.arange(count) % 3).astype(np.uint8)
        idx(path / f"{prefix}-labels-idx1-ubyte", labels, 0x08)


def test_a_folder_in_blocks_is_the_folder(tmp_path: Path) -> None:
    folder(tmp_path)
    found, whole = both(tmp_path, "idx", ".", block=150, **FIELDS)
    train, test = split(found, 0.5, 1)
    assert test is not None and test is found.held_out and whole.held_out is not None
    assert (train.examples, test.examples) == (23, 9)
    for read, kept in ((train, whole), (test, whole.held_out)):
        for name in FIELDS:
            np.testing.assert_array_equal(read.take(slice(None))[name], kept.arrays[name])


@pytest.mark.parametrize(("code", "kind"), [(0x0B, ">i2"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_numbers_of_every_width_are_read(tmp_path: Path, code: int, kind: str) -> None:
    array = np.arange(34).reshape(17, 2).astype(kind)
    idx(tmp_path / "x.idx", array, code)
    found, whole = both(tmp_path, "idx", "x.idx", block=40, x=TensorType((2,)))
    np.testing.assert_array_equal(found.take(slice(None))["x"], whole.arrays["x"])
    np.testing.assert_array_equal(whole.arrays["x"], array)


def test_a_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    folder(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    said = "276 bytes of data expected for .23, 4, 3. of uint8 .IDX type 08., found 275"
    for read in (both, streamed):
        with pytest.raises(DataError, match=said):
            read(tmp_path, "idx", ".", **FIELDS)


@pytest.mark.parametrize("rows", [2**20, 2**32 - 1])  # of the latter the counts took 32 GB
def test_examples_of_no_numbers_are_refused(tmp_path: Path, rows: int) -> None:
    (tmp_path / "x.idx").write_bytes(struct.pack(">HBB2I", 0, 0x0D, 2, rows, 0))
    with pytest.raises(DataError, match=f"x.idx: {rows:,} examples of no numbers"):
        streamed(tmp_path, "idx", "x.idx", block=1, x=TensorType((2,)))


def test_compressed_files_are_loaded_whole(tmp_path: Path) -> None:
    folder(tmp_path)
    for path in list(tmp_path.iterdir()):
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert isinstance(load(source(tmp_path, "idx", ".", **FIELDS), in_memory=0), Dataset)
