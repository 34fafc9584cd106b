"""Pictures from a folder that has a folder for each class.

The field of pictures says their size and their channels; the field of a class takes the names of
the folders, which are kept with the run.  A folder without folders gives pictures alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.variation import Variation
from gradc_runtime.data.folders.file_blocks import FileBlocks, FileSet
from gradc_runtime.data.folders.found_files import FoundFile, FoundFiles, Search
from gradc_runtime.data.folders.pictures import OTHERS, SUFFIXES, PictureForm, decoded, library
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError

WORD = 4  # bytes of a number in memory


def images(
    context: Context, folder: str, fit: str = "crop", flip: str = "", shift: float = 0.0,
    crop: float = 0.0,
) -> Columns | FileBlocks:  # fmt: skip
    """PNG and JPEG files in a folder for each class, from 0 to 1 (see below).

    Raises `DataError` for a folder that is not so.
    """
    field, label = fields_of(context, "picture")
    type = dict(context.source.fields)[field]
    form = PictureForm.of(type, field, fit)
    variation = Variation.of(field, flip, shift, crop)
    library()
    search = Search("picture", SUFFIXES, OTHERS, base_of(context))
    found = files_of(context, search, folder, label)
    encoding = Encoding(classes={label: found.classes}) if label else None
    decode = partial(arrays_of, field, label, form)
    files = FileSet(found.origin, found.files, decode, encoding, variation)
    each = WORD * prod(type.shape)
    if each * len(found.files) > context.in_memory:
        return FileBlocks(files, context.block, each)
    return files.whole()


def fields_of(context: Context, what: str) -> tuple[str, str]:
    """Which field takes what a file holds, and which its class, if one does.

    Raises `DataError` where another field is declared.
    """
    labels = [n for n, t in context.source.fields if is_class(t)]
    others = [n for n, t in context.source.fields if not is_class(t)]
    if len(others) != 1 or len(labels) > 1:
        told = ", ".join(f"{name} : {type}" for name, type in context.source.fields)
        raise DataError(
            f"{context.source.function}: gives a {what} and its class; the fields are {told}"
        )
    return others[0], labels[0] if labels else ""


def is_class(type: TensorType) -> bool:
    """Whether a field is one class."""
    return type.kind is Kind.INDEX and type.time is None and not type.shape


def base_of(context: Context) -> Path | None:
    """The directory that nothing may lead out of, if there is one."""
    return None if context.allow_outside else Path(context.source.directory).resolve()


def files_of(context: Context, search: Search, folder: str, label: str) -> FoundFiles:
    """The files of a folder, by class if a field takes it.

    Raises `DataError` for what is no folder, or has other classes than the field.
    """
    path = context.path(folder)
    if not path.is_dir():
        raise DataError(f'"{folder}" is not a folder; it is to have a folder for each class')
    name = folder.rstrip("/")
    if not label and not any(search.folders(path)):
        return search.flat(path, name)
    known = context.encoding.classes.get(label) if context.encoding is not None else None
    found = search.classed(path, name, known)
    count = dict(context.source.fields)[label].classes if label else None
    if count is not None and known is None and count != len(found.classes):
        told = ", ".join(found.classes[:12])
        raise DataError(
            f"{name}: has {len(found.classes)} folders ({told}), but {label} : class({count})"
        )
    return found


def arrays_of(
    field: str, label: str, form: PictureForm, files: Sequence[FoundFile]
) -> Mapping[str, Any]:
    """The pictures of some files, and their classes."""
    pictures = np.empty((len(files), form.height, form.width, form.channels), np.float32)
    for place, file in enumerate(files):
        pictures[place] = decoded(file.read(), file.name, form)
    labels = np.array([file.label for file in files])
    return {field: pictures, **({label: labels} if label else {})}
