"""The small data sets that scikit-learn carries, so that a first run needs no network.

Features are standardised (mean 0, deviation 1).  The digits, 8x8 in the original, are resampled to
the size of MNIST so that the same networks take them: linear interpolation along each axis, with
the triangle widened when shrinking, which averages instead of skipping (no aliasing).
"""

from __future__ import annotations

import gzip
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import advice


def bundled(name: str) -> Any:
    """One of scikit-learn's sets, with `data` and `target`; imported only when asked for.

    The digits, on which most specs train, are read from their file: to import scikit-learn takes
    longer than to compile such a spec.  Raises `DataError` where it is not installed.
    """
    try:
        if name == "digits" and (file := _file_of_digits()):
            return _read_digits(file)
        datasets = import_module("sklearn.datasets")
    except ImportError:
        raise DataError(advice("sklearn", f"{name}()")) from None
    return getattr(datasets, f"load_{name}")()


def _file_of_digits() -> Path | None:
    """Where scikit-learn has its digits; it is not imported for that."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        return None
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return file if file.is_file() else None


def _read_digits(file: Path) -> SimpleNamespace:
    """What `load_digits` gives: a line has the 64 pixels of a digit, and which it is."""
    with gzip.open(file, "rt") as lines:
        numbers = np.loadtxt(lines, delimiter=",")
    data, target = numbers[:, :-1], numbers[:, -1].astype(np.int64)
    return SimpleNamespace(data=data, target=target, images=data.reshape(-1, 8, 8))


def digits(context: Context, size: int = 28) -> Columns:
    """1,797 handwritten digits, [size, size, 1], from 0 to 1."""
    found = bundled("digits")
    along = resampling(found.images.shape[1], size)
    images = (along @ (found.images / 16.0) @ along.T).astype(np.float32)[..., np.newaxis]
    return Columns(origin="digits()", arrays={"image": images, "label": found.target})


def resampling(old: int, new: int) -> np.ndarray:
    """The [new, old] matrix that resamples a line of pixels; its rows sum to 1."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    distance = np.abs(centres[:, None] - np.arange(old)[None, :]) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - distance)
    result: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return result


def iris(context: Context) -> Columns:
    """150 flowers: 4 measurements, 3 classes."""
    return classified("iris")


def wine(context: Context) -> Columns:
    """178 wines: 13 measurements, 3 classes."""
    return classified("wine")


def breast_cancer(context: Context) -> Columns:
    """569 tumours: 30 measurements, 2 classes."""
    return classified("breast_cancer")


def classified(name: str) -> Columns:
    """Standardised features and a class."""
    found = bundled(name)
    arrays = {"features": standardised(found.data), "label": found.target}
    names = Encoding(classes={"label": tuple(map(str, found.target_names))})
    return Columns(origin=f"{name}()", arrays=arrays, encoding=names)


def diabetes(context: Context) -> Columns:
    """442 patients: 10 measurements and the disease's progression, standardised too."""
    found = bundled("diabetes")
    arrays = {"features": standardised(found.data), "target": standardised(found.target)}
    return Columns(origin="diabetes()", arrays=arrays)


def standardised(array: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1, column by column."""
    result: np.ndarray = (array - array.mean(axis=0)) / array.std(axis=0)
    return result
