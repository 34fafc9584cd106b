"""PNG and JPEG files as numbers from 0 to 1, [height, width, channels].

The form of a picture is that of the field which takes it.  Only these two formats are opened, by
what their bytes say and not their names; sizes are compared with a limit before anything is
unpacked, so a file of a few bytes cannot take all memory.
"""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import optional
from gradc_runtime.system.files import one_line

SUFFIXES = (".png", ".jpg", ".jpeg")
CONVERT = "convert it to one of these"
OTHERS = dict.fromkeys(
    (".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".jp2", ".ppm", ".pgm"), CONVERT
)
FITS = ("crop", "stretch", "pad")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
MOST_PIXELS = 1 << 26
FINER = 2  # a JPEG is unpacked at this many times the size that is wanted, not in full
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # modes of 16 bits, from 0 to 65,535
MARKS = {b"\x89PNG\r\n\x1a\n": "PngImageFile", b"\xff\xd8\xff": "JpegImageFile"}


@dataclass(frozen=True, slots=True)
class PictureForm:
    """The size and channels that every picture is brought to."""

    height: int
    width: int
    channels: int
    fit: str = "crop"

    @staticmethod
    def of(type: TensorType, field: str, fit: str) -> PictureForm:
        """The form that a field wants.

        Raises `DataError` for a field that no picture can be.
        """
        if fit not in FITS:
            raise DataError(f'fit is one of {", ".join(FITS)}, not "{fit}"')
        shape = type.shape
        if len(shape) == 3 and shape[2] in MODES:
            return PictureForm(shape[0], shape[1], shape[2], fit)
        mend = ""
        if len(shape) == 3 and shape[0] in MODES:
            mend = f"; channels come last: {field} : [{shape[1]}, {shape[2]}, {shape[0]}]"
        elif len(shape) == 2:
            mend = f"; write {field} : [{shape[0]}, {shape[1]}, 1], or 3 for colour"
        raise DataError(
            f"{field} : {type} is no picture: it is [height, width, channels], with 1 channel for"
            f" grey, 3 for colour, 4 with transparency{mend}"
        )


def library() -> tuple[ModuleType, ModuleType]:
    """Pillow, which is imported when the first picture is read.

    Raises `DataError` where it is not installed.
    """
    optional("PIL", "a picture", DataError)
    return import_module("PIL.Image"), import_module("PIL.ImageOps")


def decoded(data: bytes, name: str, form: PictureForm) -> NDArray[np.float32]:
    """A picture [height, width, channels].

    Raises `DataError` for bytes that are none, or that would take more pixels than are accepted.
    """
    image, ops = library()
    opener = next((cls for mark, cls in MARKS.items() if data.startswith(mark)), None)
    if opener is None:
        raise DataError(f"{name}: neither PNG nor JPEG (it starts with {data[:4].hex(' ') or '-'})")
    with one_line(name, "a picture"):
        module = import_module(f"PIL.{opener.removesuffix('ImageFile')}ImagePlugin")
        picture = getattr(module, opener)(BytesIO(data))
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise DataError(
                f"{name}: {width:,} x {height:,} pixels; up to {MOST_PIXELS:,} are accepted"
            )
        return as_numbers(picture, form, image, ops)


def as_numbers(picture: Any, form: PictureForm, image: Any, ops: Any) -> NDArray[np.float32]:
    """An opened picture in its form."""
    mode, full = MODES[form.channels], 255.0
    edge = FINER * max(form.height, form.width)
    if picture.format == "JPEG" and form.channels < 4:
        picture.draft(mode, (edge, edge))
    picture.load()
    picture = ops.exif_transpose(picture)
    if picture.mode in DEEP:
        picture, full = picture.convert("I").convert("F"), 65535.0
    else:
        picture = picture.convert(mode)
    fitted = fit(picture, form, image.Resampling.BILINEAR, image)
    array = np.asarray(fitted, np.float32) / np.float32(full)
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.shape[2] < form.channels:  # of 16 bits: grey in every channel, nothing transparent
        array = np.repeat(array, form.channels, axis=2)
        array[..., 3:] = 1.0
    bounded: NDArray[np.float32] = np.clip(array, 0.0, 1.0)
    return bounded


def fit(picture: Any, form: PictureForm, filter: Any, image: Any) -> Any:
    """The picture in the size that is wanted: its middle, all of it, or all of it with borders."""
    width, height = picture.size
    goal = (form.width, form.height)
    if (width, height) == goal:
        return picture
    if form.fit == "stretch":
        return picture.resize(goal, filter)
    if form.fit == "crop":
        return picture.resize(goal, filter, middle(width, height, form))
    scale = min(form.width / width, form.height / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    framed = image.new(picture.mode, goal)
    place = (form.width - size[0]) // 2, (form.height - size[1]) // 2
    framed.paste(picture.resize(size, filter), place)
    return framed


def middle(width: int, height: int, form: PictureForm) -> tuple[float, float, float, float]:
    """The largest box about a picture's middle that has the shape of the form; within the picture,
    also where a quotient is rounded up.
    """
    scale = max(form.width / width, form.height / height)
    w, h = min(width, form.width / scale), min(height, form.height / scale)
    left, top = (width - w) / 2, (height - h) / 2
    return left, top, min(width, left + w), min(height, top + h)
