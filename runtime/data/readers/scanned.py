"""Images as sequences of their rows, from top to bottom, or of their columns, from left to right.

Rows without ink at either end are left out, so that lengths differ.  scikit-learn's digits are all
as high as their image; their columns differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.bundled import digits
from gradc_runtime.data.readers.idx import idx
from gradc_runtime.data.readers.reader_context import Context

NO_LIMIT = 1 << 62  # bytes


def rows(context: Context, folder: str = "", size: int = 28) -> Columns:
    """The rows of scikit-learn's digits, `size` pixels each way, or of a folder of IDX files."""
    return scanned(images(context, folder, size), down=True)


def columns(context: Context, folder: str = "", size: int = 28) -> Columns:
    """The columns of the same images."""
    return scanned(images(context, folder, size), down=False)


def images(context: Context, folder: str, size: int) -> Columns:
    """Images and labels."""
    if not folder:
        return digits(context, size)
    found = idx(replace(context, in_memory=NO_LIMIT), folder)
    assert isinstance(found, Columns), "without a limit all is loaded"
    return found


def scanned(found: Columns, *, down: bool) -> Columns:
    """Every image as a sequence; labels as they are."""

    def read(arrays: dict[str, np.ndarray]) -> dict[str, object]:
        return {
            name: cropped(lines(array, down=down)) if array.ndim == 4 else array
            for name, array in arrays.items()
        }

    held_out = None if found.held_out is None else read(dict(found.held_out))
    return Columns(origin=found.origin, arrays=read(dict(found.arrays)), held_out=held_out)


def lines(images: np.ndarray, *, down: bool) -> np.ndarray:
    """The rows of images [N, h, w, 1] as [N, h, w], or their columns as [N, w, h]."""
    grey = images[..., 0]
    return grey if down else grey.swapaxes(1, 2)


def cropped(images: np.ndarray) -> Ragged:
    """The rows of images [N, rows, columns] from the first with ink to the last."""
    ink = (images != 0).any(axis=2)
    after_first = np.maximum.accumulate(ink, axis=1)
    before_last = np.maximum.accumulate(ink[:, ::-1], axis=1)[:, ::-1]
    inside = after_first & before_last
    return Ragged(images[inside], inside.sum(axis=1))
