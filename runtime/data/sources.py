"""The table of data sources, and how a declaration calls one.

A source is a function from a `Context` and its own arguments to `Columns`.  Its signature is what
a spec may write: `sine(200, noise = 0.05)` is checked against it, by name and type, before it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from inspect import Parameter, Signature, signature
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gradc_compiler.program.program import DataSource
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.dataset import Dataset, from_columns
from gradc_runtime.data.blocks.streamed_examples import Blocks, Streamed
from gradc_runtime.data.readers.arrow_tables import arrow, parquet
from gradc_runtime.data.readers.bundled import breast_cancer, diabetes, digits, iris, wine
from gradc_runtime.data.readers.csv_table import csv
from gradc_runtime.data.readers.idx import idx
from gradc_runtime.data.readers.image_folder import images
from gradc_runtime.data.readers.json_lines import jsonl
from gradc_runtime.data.readers.labelled_texts import texts
from gradc_runtime.data.readers.numpy_files import npy, npz
from gradc_runtime.data.readers.online_sets import cifar10, fashion_mnist, mnist
from gradc_runtime.data.readers.reader_context import Context, located
from gradc_runtime.data.readers.scanned import columns, rows
from gradc_runtime.data.readers.sound_folder import audio
from gradc_runtime.data.readers.synthetic import blobs, circle, line, shapes, sine, spirals
from gradc_runtime.data.readers.tasks import addition, copying, reversal, sums
from gradc_runtime.data.readers.text import text
from gradc_runtime.system.errors import DataError

Found = Columns | Blocks
Source = Callable[..., Found]

SOURCES: Mapping[str, Source] = {
    "csv": csv,
    "jsonl": jsonl,
    "parquet": parquet,
    "arrow": arrow,
    "npz": npz,
    "npy": npy,
    "idx": idx,
    "images": images,
    "audio": audio,
    "texts": texts,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
    "digits": digits,
    "iris": iris,
    "wine": wine,
    "breast_cancer": breast_cancer,
    "diabetes": diabetes,
    "line": line,
    "sine": sine,
    "circle": circle,
    "spirals": spirals,
    "blobs": blobs,
    "shapes": shapes,
    "rows": rows,
    "columns": columns,
    "text": text,
    "addition": addition,
    "copying": copying,
    "reversal": reversal,
    "sums": sums,
}
LARGEST_COUNT = 100_000_000


def load(
    source: DataSource, *, dtype: DTypeLike = np.float32, seed: int = 0,
    split_seed: int | None = None, **how: Any,
) -> Dataset | Streamed:  # fmt: skip
    """Run the source that a declaration names, and check what it gives against the fields.

    `how` are the other fields of a `Context`: files of more than `in_memory` bytes are read `block`
    bytes at a time, and checked as they come; what the numbers of a table stand for is `encoding`,
    or is found on the examples that are left when a share `held_out` has been taken from them with
    `split_seed` (or `seed`).

    Raises `DataError` where the source cannot be read or does not fit.
    """
    split_seed = seed if split_seed is None else split_seed
    found = run(source, Context(source=source, seed=seed, split_seed=split_seed, **how))
    if isinstance(found, Columns):
        return from_columns(dict(source.fields), found, dtype)
    return begun(Streamed(blocks=found, types=dict(source.fields), dtype=dtype))


def run(source: DataSource, context: Context) -> Found:
    """What the function of a source gives.

    Raises `DataError` where it cannot be called so, or cannot read.
    """
    make = prepared(source)
    try:
        return make(context)
    except OSError as fault:
        raise DataError(f"{source.function}: {fault.strerror or fault}: {fault.filename}") from None
    except MemoryError:
        raise DataError(f"{source.function}: there is not enough memory for it") from None


def begun(data: Streamed) -> Streamed:
    """Data that is read as it is needed, once its first examples have been found to fit.

    Raises `DataError` where they do not.
    """
    for part in (data, data.held_out):
        if part is not None:
            part.look()
    return data


def prepared(source: DataSource) -> Callable[[Context], Found]:
    """The source that a declaration names, with its arguments: checked, and nothing is read yet.

    Raises `DataError` for an unknown source or for arguments that do not fit it.
    """
    function = SOURCES.get(source.function)
    try:
        if function is None:
            near = get_close_matches(source.function, SOURCES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(SOURCES))}"
            raise DataError(f"no data source is called {source.function}; {hint}")
        positional, keywords = bound(source, function)
    except DataError as fault:
        raise DataError(located(source, str(fault))) from None
    return lambda context: function(context, *positional, **keywords)


def bound(source: DataSource, function: Source) -> tuple[list[Any], dict[str, Any]]:
    """The arguments, checked against the source's own parameters.

    Raises `DataError`, which shows the parameters.
    """
    parameters = list(signature(function).parameters.values())[1:]
    takes = Signature(parameters)
    try:
        arguments = takes.bind(*source.arguments, **source.keywords)
    except TypeError as fault:
        usage = f"{source.function}{str(takes).replace(chr(39), '')}"
        raise DataError(f"{source.function}: {fault}; it is {usage}") from None
    for parameter in parameters:
        check_argument(source.function, parameter, arguments.arguments)
    return list(arguments.args), dict(arguments.kwargs)


def check_argument(function: str, parameter: Parameter, arguments: dict[str, Any]) -> None:
    """Refuse text where a number is wanted, a negative count, and the like.

    Raises `DataError`.
    """
    if parameter.name not in arguments:
        return
    values = [arguments[parameter.name]]
    match parameter.kind:
        case Parameter.VAR_POSITIONAL:
            values = list(values[0])
        case Parameter.VAR_KEYWORD:
            values = list(values[0].values())
    for value in values:
        if not accepts(parameter.annotation, value):
            wanted = {"str": "text in quotes", "int": "a count from 1", "float": "a number"}
            raise DataError(
                f"{function}: {parameter.name} needs {wanted[parameter.annotation]}, got {value!r}"
            )


def accepts(annotation: str, value: Any) -> bool:
    """Whether a value of a spec can be an argument annotated so."""
    if annotation == "str":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return False
    return annotation == "float" or (isinstance(value, int) and 1 <= value <= LARGEST_COUNT)
