"""Inputs that are far from unit size, which a network hardly learns from; and the mend.

First values and rates are made for numbers about 1 (LeCun et al., Efficient BackProp, 1998, section
4.3).  An income of 40,000 beside an age of 40 drowns the age, and lets the loss explode.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradc_compiler.graph.types import Kind
from gradc_runtime.cli.actions.request_data import source_of
from gradc_runtime.data import Dataset, Examples
from gradc_runtime.data.arrays.validate import values_of
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import DataError

FAR = 30.0  # times larger or smaller than 1
LOOKED_AT = 1000  # examples
BYTE = 255.0  # the greatest number of a picture's bytes
TABLES = ("csv",)  # sources that can standardise


def unscaled_inputs(session: Session, data: Examples) -> Iterator[str]:
    """A line for each such field that a prediction reads and that was not standardised.

    None where a file that is read in blocks does not fit: training says so, and saves the run.
    """
    known = data.encoding.centres if isinstance(data, Dataset) and data.encoding else {}
    entries = [session.program.entries[s.predict] for s in session.training.steps if s.predict]
    read = dict.fromkeys(name for entry in entries for name in entry.inputs)
    fields = [n for n in read if session.fields[n].kind is Kind.REAL and n not in known]
    if not fields or not data.examples:
        return
    try:
        head = data.take(slice(0, LOOKED_AT), fields)
    except DataError:
        return
    for name in fields:
        numbers = np.abs(values_of(head[name]).astype(float))
        size = float(np.sqrt(np.mean(np.square(numbers)))) if numbers.size else 0.0
        if size > FAR or 0 < size < 1 / FAR:
            yield f"note: {name} is about {in_words(size)} in size; {mend(session, name, numbers)}"


def in_words(size: float) -> str:
    """Two digits of a size."""
    return f"{float(f'{size:.2g}'):,.0f}" if size > 1 else f"{size:.2g}"


def mend(session: Session, name: str, numbers: np.ndarray) -> str:
    """What to do about it."""
    about = "networks learn best from numbers about 1"
    if source_of(session).function in TABLES:
        return f'{about}: say standardised = "{name}" in the data\'s csv(...)'
    if numbers.max() == BYTE:
        return f"{about}: read {name} / 255 in the model"
    return f"{about}: subtract its mean, and divide by its standard deviation"
