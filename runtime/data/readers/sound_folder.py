"""Sounds from a folder that has a folder of WAV files for each class.

A sound is a sequence of samples, or, where the field says how many, exactly so many: longer ones
are cut off, shorter ones end in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.folders.file_blocks import FileBlocks, FileSet
from gradc_runtime.data.folders.found_files import FoundFile, Search
from gradc_runtime.data.folders.sounds import OTHERS, SUFFIXES, decoded
from gradc_runtime.data.readers.class_folder import base_of, fields_of, files_of
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError

GROWS = 2  # samples of two bytes in a file are numbers of four


def audio(context: Context, folder: str, rate: int = 16_000) -> Columns | FileBlocks:
    """WAV files in a folder for each class, from -1 to 1, `rate` samples a second.

    Raises `DataError` for a folder that is not so.
    """
    field, label = fields_of(context, "sound")
    require_samples(field, dict(context.source.fields)[field])
    found = files_of(context, Search("sound", SUFFIXES, OTHERS, base_of(context)), folder, label)
    encoding = Encoding(classes={label: found.classes}) if label else None
    type = dict(context.source.fields)[field]
    files = FileSet(found.origin, found.files, partial(arrays_of, field, label, type, rate),
                    encoding)  # fmt: skip
    size = GROWS * sum(file.path.stat().st_size for file in found.files)
    if size > context.in_memory:
        return FileBlocks(files, context.block, max(1, size // len(found.files)))
    return files.whole()


def require_samples(field: str, type: TensorType) -> None:
    """Refuse a field that no sound can be.

    Raises `DataError`.
    """
    of_length = type.time is None and len(type.shape) == 1
    if type.kind is not Kind.REAL or not (of_length or (type.time is not None and not type.shape)):
        raise DataError(f"{field} : {type} is no sound: it is seq scalar, or [16_000] for a second")


def arrays_of(
    field: str, label: str, type: TensorType, rate: int, files: Sequence[FoundFile]
) -> Mapping[str, Any]:
    """The sounds of some files, and their classes."""
    sounds = [fitted(decoded(file.read(), file.name, rate), type) for file in files]
    labels = np.array([file.label for file in files])
    given = np.stack(sounds) if type.time is None else Ragged.of(sounds, ())
    return {field: given, **({label: labels} if label else {})}


def fitted(sound: NDArray[Any], type: TensorType) -> NDArray[Any]:
    """A sound cut or filled up to the length that the field declares, if it declares one."""
    length = type.shape[0] if type.time is None else type.time
    if not isinstance(length, int):
        return sound
    return np.pad(sound[:length], (0, max(0, length - len(sound))))
