"""What readers of folders of classes share: which field takes what, and which files there are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.folders.found_files import SHOWN, FoundFiles, Search
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError


def fields_of(context: Context, what: str) -> tuple[str, str]:
    """The field that takes what a file holds, and the field of its class, if there is one.

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
    """Whether a field is a single class."""
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
        return some_of(search.flat(path, name), context.head)
    known = context.encoding.classes.get(label) if context.encoding is not None else None
    found = search.classed(path, name, known)
    count = dict(context.source.fields)[label].classes if label else None
    if count is not None and known is None and count != len(found.classes):
        told = ", ".join(found.classes[:SHOWN])
        raise DataError(
            f"{name}: has {len(found.classes)} folders ({told}), but {label} : class({count})"
        )
    return some_of(found, context.head)


def some_of(found: FoundFiles, head: int) -> FoundFiles:
    """All files, or so many of them, of all classes where that can be."""
    step = max(1, len(found.files) // head) if head else 1
    return replace(found, files=found.files[::step][: head or None])
