"""What a picture file becomes: sizes, channels, depths, orientation; and what is no picture."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gradc_compiler.graph.types import TensorType
from gradc_runtime.data.folders.pictures import PictureForm, decoded, middle
from gradc_runtime.system.errors import DataError
from tests.runtime.data.folders.drawn import saved

HALVES = np.zeros((4, 8, 3), np.uint8)
HALVES[:, 4:, 0] = 255  # black, and red from the middle on


def read(data: bytes, height: int, width: int, channels: int, fit: str = "crop") -> np.ndarray:
    return decoded(data, "a.png", PictureForm(height, width, channels, fit))


def test_a_picture_of_the_right_size_is_its_bytes_over_255() -> None:
    array = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    np.testing.assert_array_equal(read(saved(array), 4, 5, 3), array / np.float32(255))


def test_the_middle_is_cut_out_or_all_is_kept() -> None:
    red = {fit: read(saved(HALVES), 4, 4, 3, fit)[:, :, 0] for fit in ("crop", "stretch", "pad")}
    np.testing.assert_array_equal(red["crop"], [[0, 0, 1, 1]] * 4)
    assert red["stretch"][0, 0] == 0 and red["stretch"][0, 3] == 1
    assert not red["pad"][[0, 3]].any() and red["pad"][1, 3] == 1


@pytest.mark.parametrize("goal", [(28, 28), (32, 32), (64, 48), (224, 224)])
def test_no_middle_is_outside_its_picture(goal: tuple[int, int]) -> None:
    """A quotient may be rounded up: 49 pixels were 49.00000000000001, and the picture damaged."""
    form = PictureForm(*goal, 3)
    for height in range(1, 260, 3):
        for width in range(1, 260):
            left, top, right, bottom = middle(width, height, form)
            assert 0 <= left < right <= width and 0 <= top < bottom <= height
            assert abs((bottom - top) * goal[1] - (right - left) * goal[0]) < 1e-6
    assert decoded(saved(np.full((49, 56, 3), 255, np.uint8)), "a.png", form).min() == 1


def test_grey_colour_and_transparency() -> None:
    grey = read(saved(HALVES), 4, 8, 1)
    assert grey.shape == (4, 8, 1) and grey[0, 7, 0] == pytest.approx(0.299, abs=0.01)
    assert read(saved(HALVES[..., 0]), 4, 8, 3).shape == (4, 8, 3)
    clear = np.dstack([HALVES, np.full((4, 8), 51, np.uint8)])
    assert read(saved(clear), 4, 8, 4)[0, 0, 3] == pytest.approx(0.2)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_too(channels: int) -> None:
    deep = np.full((4, 4), 65535 // 4, np.uint16)
    found = read(saved(deep), 4, 4, channels)
    np.testing.assert_allclose(found[..., : min(channels, 3)], 0.25, atol=1e-4)
    assert channels < 4 or (found[..., 3] == 1).all()


def test_a_photo_is_turned_as_the_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    found = read(saved(HALVES, "JPEG", exif=exif, quality=100), 4, 8, 3)
    assert found[0, 0, 0] > 0.8 and found[0, 7, 0] < 0.2


def test_a_large_photo_keeps_its_colours() -> None:
    large = np.repeat(np.repeat(HALVES, 100, 0), 100, 1)
    red = read(saved(large, "JPEG"), 4, 8, 3)[:, :, 0]
    assert (red[:, :3] < 0.1).all() and (red[:, 5:] > 0.9).all()


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3, 32, 32), "channels come last: image : [32, 32, 3]"),
        ((28, 28), "write image : [28, 28, 1], or 3 for colour"),
        ((32, 32, 2), "is no picture: it is [height, width, channels]"),
        ((), "image : scalar is no picture"),
    ],
)
def test_a_field_that_no_picture_can_be(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(DataError) as fault:
        PictureForm.of(TensorType(shape), "image", "crop")
    assert said in str(fault.value)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has many pixels."""
    chunk = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", chunk), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d))
              for n, d in parts]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "a.png: neither PNG nor JPEG (it starts with -)"),
        (b"GIF89a", "a.png: neither PNG nor JPEG (it starts with 47 49 46 38)"),
        (saved(HALVES)[:45], "a.png: damaged or not a picture ("),
        (saved(np.zeros((64, 64, 3), np.uint8), "JPEG")[:400], "a.png: damaged or not a picture ("),
        (b"\xff\xd8\xff" + b"x" * 100, "a.png: damaged or not a picture ("),
        (bomb(60_000, 60_000), "a.png: 60,000 x 60,000 pixels; up to 67,108,864 are accepted"),
        (bomb(10_000, 10_000), "a.png: 10,000 x 10,000 pixels; up to 67,108,864 are accepted"),
        (bomb(2_000, 2_000), "a.png: damaged or not a picture ("),
    ],
    ids=["empty", "gif", "cut png", "cut jpeg", "no jpeg", "bomb", "smaller bomb", "few pixels"],
)
def test_a_file_that_is_none(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as fault:
        read(data, 4, 4, 3)
    assert str(fault.value).startswith(said) and "\n" not in str(fault.value)
