"""Pictures that are varied: by the seed, for training alone, and equally after a resumed run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.data import split
from gradc_runtime.data.arrays.variation import Variation
from tests.runtime.data.folders.drawn import FIELDS, loaded, pictures

RAMP = np.broadcast_to(np.arange(8.0)[None, :, None], (64, 6, 8, 1)).astype(np.float32)


def varied(flip: str = "", shift: float = 0.0, crop: float = 0.0, *, seed: int = 0) -> np.ndarray:
    """What becomes of pictures that grow brighter to the right."""
    return Variation("image", flip, shift, crop).applied(RAMP, seed, 0, 0)


def test_a_flip_turns_about_half_of_the_pictures() -> None:
    rows = varied("horizontal")[:, 0, :, 0]
    turned = (rows == RAMP[0, 0, ::-1, 0]).all(axis=1)
    assert 20 < turned.sum() < 44 and (rows[~turned] == RAMP[0, 0, :, 0]).all()
    np.testing.assert_array_equal(varied("vertical"), RAMP)  # which is alike from above and below


def test_a_shift_is_by_whole_pixels_and_the_edge_goes_on() -> None:
    rows = varied(shift=0.25)[:, 0, :, 0]
    moves = {int(row[4] - 4) for row in rows}
    assert moves == {-2, -1, 0, 1, 2}
    for row in rows:
        np.testing.assert_array_equal(row, np.clip(np.arange(8) + row[4] - 4, 0, 7))


def test_a_crop_is_a_part_of_the_picture_in_its_size() -> None:
    rows = varied(crop=0.5)[:, 0, :, 0].astype(float)
    steps = np.diff(rows, axis=1)
    np.testing.assert_allclose(steps, steps[:, :1].repeat(7, 1), atol=1e-5)
    assert (steps > 0.49).all() and (steps <= 1).all() and np.unique(steps[:, 0].round(2)).size > 9
    assert rows.min() >= 0 and rows.max() <= 7


def test_what_happens_follows_from_seed_epoch_and_place() -> None:
    made = Variation("image", "both", 0.2, 0.3)
    whole = made.applied(RAMP, 3, 1, 0)
    np.testing.assert_array_equal(made.applied(RAMP[20:30], 3, 1, 20), whole[20:30])
    assert (made.applied(RAMP, 3, 2, 0) != whole).any()
    assert (made.applied(RAMP, 4, 1, 0) != whole).any()


@pytest.mark.parametrize("how", [{}, {"in_memory": 0, "block": 2000}])
def test_only_what_is_trained_on_is_varied(tmp_path: Path, how: dict[str, int]) -> None:
    pictures(tmp_path / "imgs")
    plain = loaded(tmp_path, "imgs", how=how)
    data = loaded(tmp_path, "imgs", how=how, flip="both", shift=0.2, crop=0.2)
    train, held = split(data, 0.25, 0)
    same, held_too = split(plain, 0.25, 0)
    assert held is not None and held_too is not None
    assert (held.take(slice(None))["image"] == held_too.take(slice(None))["image"]).all()
    assert (train.take(slice(None))["image"] == same.take(slice(None))["image"]).all()
    seen, unvaried = (part.epoch(1, 0, 0, FIELDS).take(0, 9) for part in (train, same))
    assert (seen["label"] == unvaried["label"]).all() and (seen["image"] != unvaried["image"]).any()
    again = train.epoch(1, 0, 4, FIELDS)
    np.testing.assert_array_equal(again.take(4, 9)["image"], seen["image"][4:])
    again.close()
    assert data.order != plain.order  # so a run is not resumed with another variation


def test_a_field_that_is_not_read_is_left_alone(tmp_path: Path) -> None:
    pictures(tmp_path / "imgs")
    data = loaded(tmp_path, "imgs", flip="both")
    assert [*data.epoch(0, 0, 0, ["label"]).take(0, 3)] == ["label"]
    assert replace(data, variation=None).order in data.order
