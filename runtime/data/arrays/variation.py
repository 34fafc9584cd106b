"""Pictures seen a little differently in every epoch: flipped, shifted, cropped.

What happens to an example follows from the seed, the epoch and its place in it alone, so a run that
is resumed sees what it would have seen.  A picture is sampled on a grid of its own: at whole pixels
where it is only flipped or shifted, between them, linearly, where it is cropped.  Beyond an edge
the edge goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import Epoch
from gradc_runtime.data.arrays.shuffle import keys
from gradc_runtime.system.errors import DataError

FLIPS = {"": (False, False), "horizontal": (False, True), "vertical": (True, False),
         "both": (True, True)}  # fmt: skip
PURPOSE = 1 << 40  # above the numbers of epochs, which order the examples
DRAWS = 8  # for each example: room for seven numbers that are needed
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Variation:
    """What may happen to the pictures of a field."""

    field: str
    flip: str
    shift: float  # up to this share of the size, each way
    crop: float  # up to this share of the size is cut off

    @staticmethod
    def of(field: str, flip: str, shift: float, crop: float) -> Variation | None:
        """The variation with these settings, once checked; None where nothing is varied.

        Raises `DataError` for words and numbers that mean nothing here.
        """
        if flip not in FLIPS:
            known = ", ".join(f'"{name}"' for name in FLIPS if name)
            raise DataError(f'images: flip is one of {known}, not "{flip}"')
        for name, share in (("shift", shift), ("crop", crop)):
            if not 0.0 <= share < 1.0:
                raise DataError(f"images: {name} is a share of the size, from 0 to below 1")
        return Variation(field, flip, shift, crop) if flip or shift or crop else None

    def told(self) -> str:
        """The settings as text, for the file of a run."""
        return f"flip {self.flip or 'none'}, shift {self.shift:g}, crop {self.crop:g}"

    def applied(
        self, pictures: NDArray[np.floating], seed: int, epoch: int, first: int
    ) -> NDArray[np.floating]:
        """The pictures [n, h, w, c] at the places from `first` on of an epoch, varied."""
        end = first + len(pictures)
        drawn = keys(first * DRAWS, end * DRAWS, seed, PURPOSE + epoch)
        uniform = ((drawn >> np.uint64(11)) / float(1 << 53)).reshape(-1, DRAWS)
        kept = 1.0 - self.crop * uniform[:, 0]
        down, across = FLIPS[self.flip]
        rows = self.places(pictures.shape[1], kept, uniform[:, 1:4], down)
        columns = self.places(pictures.shape[2], kept, uniform[:, 4:7], across)
        return sampled(sampled(pictures, rows, 1), columns, 2)

    def places(self, size: int, kept: Numbers, uniform: Numbers, flips: bool) -> Numbers:
        """[n, size] where each of the pixels along an axis is taken from."""
        along = np.arange(size)
        span = (size - 1) * kept[:, None]
        places = along * kept[:, None] + ((size - 1) - span) * uniform[:, :1]
        far = np.floor(self.shift * size)
        places = places + np.rint((2.0 * uniform[:, 1:2] - 1.0) * far)
        if flips:
            places = np.where(uniform[:, 2:] < 0.5, places[:, ::-1], places)
        inside: Numbers = np.clip(places, 0, size - 1)
        return inside


def sampled(pictures: NDArray[np.floating], places: Numbers, axis: int) -> NDArray[np.floating]:
    """Pictures taken at other places along an axis."""
    low = np.floor(places).astype(np.intp)
    part = (places - low).astype(pictures.dtype)
    found = taken(pictures, low, axis)
    if not part.any():
        return found
    above = taken(pictures, np.minimum(low + 1, pictures.shape[axis] - 1), axis)
    shape = [len(pictures), 1, 1, 1]
    shape[axis] = -1
    between: NDArray[np.floating] = found + (above - found) * part.reshape(shape)
    return between


def taken(
    pictures: NDArray[np.floating], indices: NDArray[np.intp], axis: int
) -> NDArray[np.floating]:
    """Rows or columns of pictures, by indices that each picture has for itself."""
    number = np.arange(len(pictures))
    if axis == 1:
        return pictures[number[:, None], indices]
    rows = np.arange(pictures.shape[1])
    return pictures[number[:, None, None], rows[:, None], indices[:, None, :]]


class Varied:
    """The examples of an epoch, varied as they are asked for."""

    def __init__(self, epoch: Epoch, variation: Variation, seed: int, number: int) -> None:
        self.epoch, self.variation = epoch, variation
        self.seed, self.number = seed, number

    def take(self, start: int, stop: int) -> Batches:
        """The examples at the places `start` to before `stop` of the epoch, varied."""
        found, field = self.epoch.take(start, stop), self.variation.field
        if field not in found:
            return found
        pictures = found[field]
        assert isinstance(pictures, np.ndarray), "pictures are all of one size"
        varied = self.variation.applied(pictures, self.seed, self.number, start)
        return Batches({**found, field: np.ascontiguousarray(varied)})

    def close(self) -> None:
        """Close the epoch beneath: no more examples are wanted."""
        self.epoch.close()
