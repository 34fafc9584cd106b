"""Pictures from a folder that has a folder for each class.

The field of pictures says their size and their channels; the field of a class takes the names of
the folders, which are kept with the run.  A folder without folders gives pictures alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.variation import Variation
from gradc_runtime.data.folders.file_blocks import FileBlocks, FileSet
from gradc_runtime.data.folders.found_files import FoundFile, Search
from gradc_runtime.data.folders.pictures import OTHERS, SUFFIXES, PictureForm, decoded, library
from gradc_runtime.data.readers.class_folder import base_of, fields_of, files_of
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.encoding import Encoding

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


def arrays_of(
    field: str, label: str, form: PictureForm, files: Sequence[FoundFile]
) -> Mapping[str, Any]:
    """The pictures of some files, and their classes."""
    pictures = np.empty((len(files), form.height, form.width, form.channels), np.float32)
    for place, file in enumerate(files):
        pictures[place] = decoded(file.read(), file.name, form)
    labels = np.array([file.label for file in files])
    return {field: pictures, **({label: labels} if label else {})}
