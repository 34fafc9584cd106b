"""Documents: text that knows itself on one line, and where it may be broken.

`DocGroup` is a bracketed list, `Spine` a run of infix operators, `DocListing` the items of a
clause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class DocWord:
    """Text that is never broken."""

    flat: str


@dataclass(frozen=True, slots=True)
class Cat:
    """One after the other."""

    parts: tuple[Doc, ...]
    flat: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocGroup:
    """Items in brackets, with commas unless it is a mere parenthesis."""

    open: str
    items: tuple[Doc, ...]
    close: str
    comma: bool
    flat: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spine:
    """`a + b - c`: each operand with the operator before it."""

    items: tuple[tuple[str, Doc], ...]
    flat: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocListing:
    """The items of a clause: a comma lets the line go on."""

    items: tuple[Doc, ...]
    flat: str = field(repr=False)


Doc = DocWord | Cat | DocGroup | Spine | DocListing


def cat(*parts: Doc | str) -> Doc:
    """Documents and words side by side."""
    docs = tuple(DocWord(part) if isinstance(part, str) else part for part in parts if part != "")
    return Cat(docs, "".join([doc.flat for doc in docs]))


def group(open_: str, items: Sequence[Doc], close: str, *, comma: bool = True) -> Doc:
    """`(a, b)`."""
    flat = open_ + ", ".join([item.flat for item in items]) + close
    return DocGroup(open_, tuple(items), close, comma, flat)


def listing(items: Sequence[Doc]) -> Doc:
    """`a, b` in a clause."""
    return DocListing(tuple(items), ", ".join([item.flat for item in items]))
