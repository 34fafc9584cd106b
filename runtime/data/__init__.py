"""Where examples come from: files, bundled sets, downloads and synthetic generators.

A spec declares the fields of its data and names a source: `data d(x : [2], y : class(2)) =
circle(500)`.  `load` runs that source and returns a `Dataset`, whose arrays have been checked
against the declared types, so that nothing after it meets a wrong shape, a label out of range or a
number that is not finite.  Every fault of a user is a `DataError` of one line.
"""

from gradc_runtime.data.arrays.dataset import Dataset, as_declared, from_arrays, split
from gradc_runtime.data.arrays.examples import Examples
from gradc_runtime.data.blocks.streamed_examples import Streamed
from gradc_runtime.data.sources import SOURCES, load, prepared
from gradc_runtime.system.errors import DataError

__all__ = [
    "SOURCES", "DataError", "Dataset", "Examples", "Streamed", "as_declared", "from_arrays",
    "load", "prepared", "split",
]  # fmt: skip
