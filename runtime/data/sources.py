"""The table of data sources, and how a declaration calls one.

A source is a function from a `Context` and its own arguments to `Columns`.  Its signature is what
a spec may write: `sine(200, noise = 0.05)` is checked against it, by name and type, before it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, Signature, signature
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gradc_compiler.program.program import DataSource
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.dataset import Dataset, from_columns
from gradc_runtime.data.blocks.streamed_examples import Blocks, Streamed
from gradc_runtime.data.readers.reader_context import Context, located
from gradc_runtime.system.errors import DataError

Found = Columns | Blocks
Source = Callable[..., Found]

READERS = {  # the module of `runtime/data/readers` that has each source
    "csv": "csv_table",
    "jsonl": "json_lines",
    "parquet": "arrow_tables",
    "arrow": "arrow_tables",
    "npz": "numpy_files",
    "npy": "numpy_files",
    "idx": "idx",
    "images": "image_folder",
    "audio": "sound_folder",
    "texts": "labelled_texts",
    "mnist": "online_sets",
    "fashion_mnist": "online_sets",
    "cifar10": "online_sets",
    "digits": "bundled",
    "iris": "bundled",
    "wine": "bundled",
    "breast_cancer": "bundled",
    "diabetes": "bundled",
    "line": "synthetic",
    "sine": "synthetic",
    "circle": "synthetic",
    "spirals": "synthetic",
    "blobs": "synthetic",
    "shapes": "synthetic",
    "rows": "scanned",
    "columns": "scanned",
    "text": "text",
    "addition": "tasks",
    "copying": "tasks",
    "reversal": "tasks",
    "sums": "tasks",
}
LARGEST_COUNT = 100_000_000


class Sources(Mapping[str, Source]):
    """The sources by name; a reader is imported when its source is asked for."""

    def __getitem__(self, name: str) -> Source:
        source: Source = getattr(import_module(f"{FOLDER}.{READERS[name]}"), name)
        return source

    def __iter__(self) -> Iterator[str]:
        return iter(READERS)

    def __len__(self) -> int:
        return len(READERS)


FOLDER = "gradc_runtime.data.readers"
SOURCES = Sources()


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
    how |= {"seed": seed, "split_seed": split_seed}
    if source.validation is None:
        return loaded(source, dtype, how)
    data = loaded(source, dtype, {**how, "held_out": 0.0})
    how["encoding"] = how.get("encoding") or data.encoding
    part = loaded(replace(source.validation, fields=source.fields), dtype, how)
    if isinstance(data, Dataset):
        return replace(data, held_out=part)
    return replace(data, named=part)


def loaded(source: DataSource, dtype: DTypeLike, how: dict[str, Any]) -> Dataset | Streamed:
    """The checked data of one source."""
    found = run(source, Context(source=source, **how))
    if isinstance(found, Columns):
        return from_columns(dict(source.fields), found, dtype)
    return begun(Streamed(blocks=found, types=dict(source.fields), dtype=dtype))


def run(source: DataSource, context: Context) -> Found:
    """The result of calling the function of a source.

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
    """Data that is read as it is needed, once its first examples are known to fit.

    Raises `DataError` where they do not.
    """
    for part in (data, data.held_out):
        if part is not None:
            part.look()
    return data


def prepared(source: DataSource) -> Callable[[Context], Found]:
    """The function of the source that a declaration names, with its checked arguments, not yet run.

    Raises `DataError` for an unknown source or for arguments that do not fit it.
    """
    function = SOURCES.get(source.function)
    try:
        if function is None:
            near = get_close_matches(source.function, SOURCES, n=1)
            near = near or [name for name in ("csv", "jsonl", "parquet") if name in source.function]
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
    """Whether a value in a spec is accepted by a parameter with this annotation."""
    if annotation == "str":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return False
    return annotation == "float" or (isinstance(value, int) and 1 <= value <= LARGEST_COUNT)
