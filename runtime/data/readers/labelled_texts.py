"""Texts and what they are: files in a folder for each class, or the rows of one file.

A text becomes a sequence of classes (`gradc_runtime/data/tables/vocabulary.py`), which stand for
characters, words or byte pairs of the texts that a network is trained on.  Where the field says how
long a sequence is, longer texts are cut off, and class 0 fills shorter ones up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.dataset import held_out_count
from gradc_runtime.data.arrays.shuffle import SPLIT, permutation
from gradc_runtime.data.folders.file_blocks import FileBlocks, FileSet
from gradc_runtime.data.folders.found_files import FoundFile, Search
from gradc_runtime.data.readers.class_folder import base_of, fields_of, files_of
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.readers.text_labels import TextLabels
from gradc_runtime.data.readers.text_rows import TextRow, rows_of
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.data.tables.vocabulary import WAYS, Vocabulary
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.not_text import not_utf8

WORD = 4  # bytes of a class in memory
ROWS_OF_HEAD = 1000  # of a file whose first examples are looked at


@dataclass(frozen=True)
class TextReading:
    """How texts become numbers: of which field, with which words."""

    field: str
    label: str  # the field of their class; empty where there is none
    type: TensorType
    vocabulary: Vocabulary

    def sequences(self, texts: Sequence[str]) -> Any:
        """Texts as sequences of classes."""
        found = [self.sequence(text) for text in texts]
        return Ragged.of(found, ())

    def sequence(self, text: str) -> NDArray[np.int64]:
        """One text as a sequence, of the length that the field declares, if it declares one."""
        length = self.type.time
        if not isinstance(length, int):
            return self.vocabulary.read(text)
        found = self.vocabulary.read(text, length)
        return np.pad(found, (0, length - len(found)))

    @staticmethod
    def of_input(name: str, type: TensorType, vocabulary: Vocabulary) -> TextReading:
        """How a model's input is read as a text."""
        return TextReading(name, "", type, vocabulary)

    def encoding(self, classes: Sequence[str]) -> Encoding:
        """The encoding that is kept with a run."""
        names = {self.label: tuple(classes)} if self.label and classes else {}
        return Encoding(classes=names, texts={self.field: self.vocabulary})


def texts(
    context: Context, file: str, by: str = "words", longest: int = 0, categories: str = "",
    missing: str = "", **columns: str,
) -> Columns | FileBlocks:  # fmt: skip
    """Texts and their classes: a folder for each class, or the rows of a file (see below).

    Raises `DataError` for fields that are none, and for a file or folder that is not so.
    """
    field, label = fields_of(context, "text")
    type = dict(context.source.fields)[field]
    if type.kind is not Kind.INDEX or type.time is None or type.shape or type.classes is None:
        raise DataError(f"{field} : {type} is no text: write {field} : seq class(5_000)")
    if by not in WAYS:
        raise DataError(f'texts: by is one of {", ".join(WAYS)}, not "{by}"')
    if unknown := [name for name in columns if name not in (field, label)]:
        raise DataError(
            f"texts: {unknown[0]} is neither a field nor a setting of texts"
            " (by, longest, categories, missing)"
        )
    labels = labels_of(context, label).wished(missing, categories)
    wanted = Wanted(context, field, label, type, by, longest, labels)
    path = context.path(file)
    return from_folder(wanted, file) if path.is_dir() else from_file(wanted, path, file, columns)


def labels_of(context: Context, label: str) -> TextLabels:
    """What is known of the labels before any is read."""
    count = dict(context.source.fields)[label].classes if label else None
    earlier = context.encoding
    return TextLabels(label, count, None if earlier is None else earlier.classes.get(label, ()))


@dataclass(frozen=True)
class Wanted:
    """The fields that are declared, and how their texts are to be divided."""

    context: Context
    field: str
    label: str
    type: TensorType
    by: str
    longest: int
    labels: TextLabels

    def reading(self, found: Iterator[str]) -> TextReading:
        """How texts are read: with the vocabulary of an earlier run, or one made of `found`.

        Raises `DataError` where the field has too few classes.
        """
        earlier = self.context.encoding
        known = earlier.texts.get(self.field) if earlier is not None else None
        if known is None:
            assert self.type.classes is not None, "the field has been checked"
            filled = isinstance(self.type.time, int)
            known = Vocabulary.of(
                found, self.by, self.type.classes, filled=filled, longest=self.longest
            )
        return TextReading(self.field, self.label, self.type, known)

    def training(self, count: int) -> NDArray[np.int64]:
        """The numbers of the examples, out of `count`, that are trained on."""
        held = held_out_count(count, self.context.held_out)
        return np.sort(permutation(count, self.context.split_seed, SPLIT)[held:])


def from_folder(wanted: Wanted, folder: str) -> Columns | FileBlocks:
    """Text files in a folder for each class."""
    search = Search("text", (".txt",), {}, base_of(wanted.context))
    found = files_of(wanted.context, search, folder, wanted.label)
    rows = wanted.training(len(found.files))
    reading = wanted.reading(text_of(found.files[k]) for k in rows.tolist())
    files = FileSet(
        found.origin, found.files, partial(arrays_of, reading), reading.encoding(found.classes)
    )
    size = WORD * sum(file.path.stat().st_size for file in found.files)
    if size > wanted.context.in_memory:
        return FileBlocks(files, wanted.context.block, max(1, size // len(found.files)))
    return files.whole()


def text_of(file: FoundFile) -> str:
    """The text that a file holds.

    Raises `DataError` where it is not UTF-8.
    """
    data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise not_utf8(file.name, data) from None


def arrays_of(reading: TextReading, files: Sequence[FoundFile]) -> Mapping[str, Any]:
    """The texts of some files, and their classes."""
    found = {reading.field: reading.sequences([text_of(file) for file in files])}
    labels = np.array([file.label for file in files])
    return {**found, **({reading.label: labels} if reading.label else {})}


def from_file(wanted: Wanted, path: Path, file: str, columns: Mapping[str, str]) -> Columns:
    """The rows of one file.

    Raises `DataError` for a file that is too large, has no rows, or a label that is unknown.
    """
    path = wanted.context.file(file)
    if wanted.context.is_streamed([path]):
        raise DataError(
            f"{file}: does not fit into memory; raise in_memory, or put its texts into a folder for"
            " each class, which is read in blocks"
        )
    fields = [wanted.field, *filter(None, [wanted.label])]
    rows = list(rows_of(path, file, fields, columns, wanted.context.head and ROWS_OF_HEAD))
    kept = wanted.labels.kept(rows)
    left, rows = len(rows) - len(kept), [rows[k] for k in kept]
    if left:
        file += f" ({left:,} row{'s' * (left > 1)} without a label left out)"
    found = columns_of(wanted, rows, file)
    return replace(found, kept=np.array(kept)) if left else found


def columns_of(wanted: Wanted, rows: Sequence[TextRow], origin: str) -> Columns:
    """Rows as sequences and classes.

    Raises `DataError` where there are none, or for a label that is unknown.
    """
    if not rows:
        raise DataError(f"{origin}: there are no texts in it")
    reading = wanted.reading(rows[k][0] for k in wanted.training(len(rows)).tolist())
    arrays = {wanted.field: reading.sequences([text for text, _, _ in rows])}
    classes: Sequence[str] = ()
    if wanted.label:
        classes = wanted.labels.names(rows)
        arrays[wanted.label] = wanted.labels.numbers(rows, classes)
    return Columns(origin=origin, arrays=arrays, by_name=True, encoding=reading.encoding(classes))
