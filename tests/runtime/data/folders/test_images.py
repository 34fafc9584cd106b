"""`images("DIR")`: folders as classes, in memory and in blocks, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data import DataError, Dataset, split
from gradc_runtime.data.tables.encoding import Encoding
from tests.runtime.data.folders.drawn import FIELDS, NAMES, PICTURE, loaded, pictures, saved

BLACK = saved(np.zeros((6, 8, 3), np.uint8))


def test_a_class_is_a_folder_and_keeps_its_name(tmp_path: Path) -> None:
    data = loaded(pictures(tmp_path / "imgs").parent, "imgs")
    assert isinstance(data, Dataset) and data.examples == 12
    assert data.encoding is not None and data.encoding.classes == {"label": NAMES}
    assert data.arrays["label"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    brightest = data.arrays["image"].mean(axis=(1, 2)).argmax(axis=1)
    np.testing.assert_array_equal(brightest, data.arrays["label"])


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_in_blocks_are_the_same_pictures_and_the_same_ones_held_out(
    tmp_path: Path, share: float
) -> None:
    pictures(tmp_path / "imgs")
    whole = loaded(tmp_path, "imgs")
    pieces = loaded(tmp_path, "imgs", how={"in_memory": 0, "block": 3 * 4 * PICTURE.size})
    assert len(pieces.counts) == 4 and pieces.encoding == whole.encoding
    for found, wanted in zip(split(pieces, share, 5), split(whole, share, 5), strict=True):
        for name in FIELDS if wanted is not None else ():
            np.testing.assert_array_equal(
                found.take(slice(None))[name], wanted.take(slice(None))[name]
            )
    epoch = [part.epoch(1, 2, 0, FIELDS).take(0, 12)["label"] for part in (whole, pieces)]
    assert sorted(epoch[0].tolist()) == sorted(epoch[1].tolist())


def test_a_picture_that_changes_while_a_network_trains_is_noticed(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "imgs")
    data = loaded(tmp_path, "imgs", how={"in_memory": 0, "block": 1})
    data.take(slice(None))
    (folder / "dogs" / "001.jpeg").write_bytes(BLACK)
    with pytest.raises(DataError, match=r"imgs/dogs/001\.jpeg was changed while it was read"):
        data.take(slice(None))
    (folder / "dogs" / "001.jpeg").unlink()
    with pytest.raises(DataError, match=r"imgs/dogs/001\.jpeg: No such file"):
        data.take(slice(None))


def test_pictures_without_classes(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "imgs")
    alone = loaded(tmp_path, "imgs/cats", fields={"image": PICTURE})
    assert alone.examples == 4 and alone.encoding is None
    assert loaded(folder.parent, "imgs", fields={"image": PICTURE}).examples == 12


def test_classes_of_an_earlier_run(tmp_path: Path) -> None:
    pictures(tmp_path / "imgs")
    known = Encoding(classes={"label": ("bats", *NAMES)})
    data = loaded(tmp_path, "imgs", how={"encoding": known}, fields=four())
    assert set(data.arrays["label"].tolist()) == {1, 2, 3}
    known = Encoding(classes={"label": NAMES[:2]})
    said = "imgs/owls: is none of the classes that were trained on: cats, dogs"
    with pytest.raises(DataError, match=said):
        loaded(tmp_path, "imgs", how={"encoding": known}, fields=four())


def four() -> dict[str, TensorType]:
    """The fields, with a class more than there are folders."""
    return {**FIELDS, "label": TensorType((), Kind.INDEX, 4)}


def astray(folder: Path) -> None:
    (folder / "photo.png").write_bytes(BLACK)


def empty(folder: Path) -> None:
    (folder / "ants").mkdir()


def too_deep(folder: Path) -> None:
    (folder / "ants" / "more").mkdir(parents=True)


def another_kind(folder: Path) -> None:
    (folder / "cats" / "a.webp").write_bytes(b"RIFF")


def a_fifo(folder: Path) -> None:
    os.mkfifo(folder / "cats" / "a.png")


def a_link(folder: Path) -> None:
    (folder.parent.parent / "secret.png").write_bytes(BLACK)
    (folder / "cats" / "a.png").symlink_to(folder.parent.parent / "secret.png")


def a_linked_class(folder: Path) -> None:
    (folder / "zoo").symlink_to("/")


def damaged(folder: Path) -> None:
    (folder / "dogs" / "a.png").write_bytes(BLACK[:45])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (astray, "imgs/photo.png: lies beside the folders of classes; put it into one"),
        (empty, "imgs/ants: holds no picture (.png, .jpg, .jpeg)"),
        (too_deep, "holds no picture (.png, .jpg, .jpeg) but folders: name the one that holds"),
        (another_kind, "imgs/cats/a.webp: pictures are .png, .jpg, .jpeg; convert it"),
        (a_fifo, "imgs/cats/a.png: not a regular file"),
        (a_link, '"imgs/cats/a.png" leads to'),
        (a_linked_class, '"zoo" leads to /, outside'),
        (damaged, "imgs/dogs/a.png: damaged or not a picture"),
    ],
)
def test_a_folder_that_is_not_so(tmp_path: Path, spoil: Any, said: str) -> None:
    (tmp_path / "specs").mkdir()
    spoil(pictures(tmp_path / "specs" / "imgs"))
    with pytest.raises(DataError) as fault:
        loaded(tmp_path / "specs", "imgs")
    assert said in str(fault.value) and "\n" not in str(fault.value)


def test_links_may_lead_out_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    a_link(pictures(tmp_path / "specs" / "imgs"))
    assert loaded(tmp_path / "specs", "imgs", how={"allow_outside": True}).examples == 13


@pytest.mark.parametrize(
    ("fields", "keywords", "said"),
    [
        (four(), {}, r"imgs: has 3 folders \(cats, dogs, owls\), but label : class\(4\)"),
        ({**FIELDS, "x": PICTURE}, {}, "images: gives a picture and its class; the fields are"),
        (FIELDS, {"fit": "fill"}, 'fit is one of crop, stretch, pad, not "fill"'),
        (FIELDS, {"flip": "left"}, 'flip is one of "horizontal", "vertical", "both", not "left"'),
        (FIELDS, {"shift": 1.5}, "shift is a share of the size, from 0 to below 1"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, fields: Any, keywords: Any, said: str) -> None:
    pictures(tmp_path / "imgs")
    with pytest.raises(DataError, match=said):
        loaded(tmp_path, "imgs", fields=fields, **keywords)


def test_a_file_is_no_folder_and_a_folder_needs_folders(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "imgs")
    with pytest.raises(DataError, match="is not a folder"):
        loaded(tmp_path, "imgs/cats/000.png")
    with pytest.raises(DataError, match="there is no folder for each class in"):
        loaded(folder, "cats")
