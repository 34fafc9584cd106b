"""Inputs that are far from unit size, which a network hardly learns from; and the mend.

First values and rates are made for numbers about 1 (LeCun et al., Efficient BackProp, 1998, section
4.3).  An income of 40,000 beside an age of 40 drowns the age, and lets the loss explode.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradc_compiler.diagnostics.source import WARNING, Diagnostic, Label, Source, Span
from gradc_compiler.graph.types import Kind
from gradc_compiler.program.program import DataSource, Program, Training
from gradc_runtime.data import DataError, Examples
from gradc_runtime.data.arrays.validate import values_of

CODE = "W0015"
FAR = 30.0  # times larger or smaller than 1
LOOKED_AT = 1000  # examples
BYTE = 255.0  # the greatest number of a picture's bytes
TABLES = ("csv", "parquet", "arrow")  # sources that can standardise


def unscaled_inputs(program: Program, data: Examples) -> Iterator[Diagnostic]:
    """A warning of each such field that a prediction reads and that was not standardised.

    None where a file that is read in blocks does not fit: training says so, and saves the run.
    """
    assert program.training is not None, "there are data to train on"
    name = program.training.data
    (source,) = (one for one in program.data if one.name == name)
    fields = fields_read(program, program.training, source, data)
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
            place = Label(span_of(source, program.source), "of these data")
            yield warning(name, size, place, mend(source, name, numbers))


def warning(name: str, size: float, place: Label, hint: str) -> Diagnostic:
    """W0015 of a field."""
    message = (
        f"`{name}` is about {in_words(size)} in size, and networks learn best from numbers about 1"
    )
    return Diagnostic(code=CODE, message=message, primary=place, hint=hint, severity=WARNING)


def fields_read(
    program: Program, training: Training, source: DataSource, data: Examples
) -> list[str]:
    """The fields of numbers that predictions read, and that nobody standardised."""
    types, known = dict(source.fields), data.encoding.centres if data.encoding else {}
    entries = [program.entries[step.predict] for step in training.steps if step.predict]
    read = dict.fromkeys(name for entry in entries for name in entry.inputs)
    return [name for name in read if types[name].kind is Kind.REAL and name not in known]


def span_of(source: DataSource, text: str) -> Span:
    """Where the text of a spec names a source; a place of no text where the command line does."""
    if not source.place:
        return Span(source=Source("--data", ""), start=0, end=0)
    file, line, column = source.place.rsplit(":", 2)
    spec = Source(file, text)
    start = spec.line_starts[int(line) - 1] + int(column) - 1
    return Span(source=spec, start=start, end=start + len(source.function))


def in_words(size: float) -> str:
    """Two digits of a size."""
    return f"{float(f'{size:.2g}'):,.0f}" if size > 1 else f"{size:.2g}"


def mend(source: DataSource, name: str, numbers: np.ndarray) -> str:
    """What to do about it."""
    if source.function in TABLES:
        return f'say `standardised = "{name}"` in {source.function}(...)'
    if numbers.max() == BYTE:
        return f"read `{name} / 255` in the model"
    return f"subtract the mean of `{name}`, and divide by its standard deviation"
