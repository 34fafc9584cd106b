"""Damaged pictures, sounds and vocabularies: each is read, or refused in one line."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from gradc_runtime.data.folders import pictures, sounds
from gradc_runtime.data.folders.pictures import PictureForm
from tests.fuzz.mutations import of_bytes
from tests.fuzz.test_readers import FEW, MANY, PARTS, attempts
from tests.runtime.data.folders.drawn import saved
from tests.runtime.data.folders.test_sounds import tone, wav

DRAWN = np.random.default_rng(0).integers(0, 256, (9, 11, 3)).astype(np.uint8)
SAMPLES = {
    "png": [saved(DRAWN), saved(DRAWN[..., 0]), saved(DRAWN[..., 0].astype(np.uint16) * 257)],
    "jpeg": [saved(DRAWN, "JPEG"), saved(DRAWN[..., 0], "JPEG", progressive=True)],
    "wav": [wav(tone(440, 8_000, 0.02), width=width, channels=2) for width in (1, 2, 3)],
}


def attempt(kind: str) -> Callable[[Random], bool]:
    """Read one damaged file."""

    def read(draw: Random) -> bool:
        data = of_bytes(draw, draw.choice(SAMPLES[kind]), draw.choice([0, 1, 2, 4]))
        if kind == "wav":
            found = sounds.decoded(data, "a", draw.choice([8_000, 16_000, 11_025]))
            assert found.ndim == 1 and found.size
        else:
            form = PictureForm(4, 5, draw.choice([1, 3, 4]), draw.choice(pictures.FITS))
            found = pictures.decoded(data, "a", form)
            assert found.shape == (4, 5, form.channels) and found.min() >= 0 and found.max() <= 1
        assert found.dtype == np.float32 and np.isfinite(found).all()
        return True

    return read


@pytest.mark.parametrize("kind", SAMPLES)
def test_damaged_files(kind: str) -> None:
    with warnings.catch_warnings(record=True) as told:
        found = attempts(attempt(kind), FEW)
    assert found["refused"] and found["accepted"] and not told


@pytest.mark.wide
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", SAMPLES)
def test_many_damaged_files(kind: str, part: int) -> None:
    attempts(attempt(kind), MANY // 10, part)
