"""Inputs on the command line in the words and measures of the table that a run was trained on.

`city=Rome age=34 joined=2021-06-07` mean what they mean in the table: the class of a category, a
number of days, and both on the scale that the network knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from gradc_compiler.graph.types import TensorType
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.actions.read_inputs import meaning, words
from gradc_runtime.cli.actions.unknown_texts import UnknownTexts
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.folders.found_files import FoundFile
from gradc_runtime.data.readers.labelled_texts import TextReading
from gradc_runtime.data.tables.cells import GAPS, days
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.data.tables.measures import standardised
from gradc_runtime.data.tables.vocabulary import Vocabulary

FEW = 4  # numbers that are written out
SHOWN = 20  # categories, in a message


def encoded_inputs(
    texts: Mapping[str, str], types: Mapping[str, TensorType], encoding: Encoding,
    predicted: Collection[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Those of the inputs that the table says something of, as numbers [N, *shape].

    What is `predicted` of fields is brought back to their own units.

    Raises `Refused` for a text that means nothing in the table.
    """
    known = {
        *encoding.classes, *encoding.dates, *encoding.gaps, *encoding.centres, *encoding.texts,
    }  # fmt: skip
    wanted = [n for n in texts if n in types and n in known and texts[n] != "random"]
    warn_of_others(texts, {*types, *predicted}, encoding)
    found = {name: encoded(name, texts[name], types[name], encoding) for name in wanted}
    unknown = UnknownTexts(encoding)
    unknown.look(found)
    unknown.warn()
    return found


def as_in_table(
    texts: Mapping[str, str], types: Mapping[str, TensorType], encoding: Encoding
) -> dict[str, str]:
    """The same inputs, of which numbers that are spelt as in the table are spelt plainly."""
    if encoding.signs is None:
        return dict(texts)
    decimal, thousands = encoding.signs
    table, found = Dialect("", decimal, thousands), dict(texts)
    for name, text in texts.items():
        is_number = name in types and types[name] == TensorType() and name not in encoding.dates
        if is_number and table.reads(text):
            found[name] = repr(table.number(text))
            if Dialect().reads(text) and float(text) != table.number(text):
                say(f"note: {name}={text} is read as {table.number(text):g}, as in the table")
    return found


def require_all(
    texts: Mapping[str, str], types: Mapping[str, TensorType], encoding: Encoding
) -> None:
    """Refuse inputs of which one is missing, with an example in the words of the table.

    Raises `Refused`.
    """
    if missing := [f"{name} : {types[name]}" for name in types if name not in texts]:
        written = " ".join(quote(f"{n}={in_words(n, t, encoding)}") for n, t in types.items())
        raise Refused(f"{', '.join(missing)} must be given, as in {written}")


def in_words(name: str, type: TensorType, encoding: Encoding) -> str:
    """A value of an input: a category, a date, or a number near the mean."""
    if name in encoding.classes:
        return next((word for word in encoding.classes[name] if word), "NA")
    if name in encoding.dates:
        return "2024-01-31"
    if name in encoding.centres and type.size <= FEW:
        return ",".join(f"{centre:.3g}" for centre in encoding.centres[name])
    return words(type)


def warn_of_others(texts: Mapping[str, str], types: Collection[str], encoding: Encoding) -> None:
    """Say so, where inputs are written out and the scale of some fields is not used."""
    others = [name for name in encoding.centres if name not in types]
    if texts and others:
        say(
            f"note: {', '.join(others)} had another scale when the network was trained, and no"
            " input is called so; an input of another name is taken as it is, and a result is"
            " given on that scale (gradc predict answers in the table's units)"
        )


def encoded(name: str, text: str, type: TensorType, encoding: Encoding) -> Any:
    """One input; `encoding` knows the name.

    Raises `Refused` for a text that means nothing.
    """
    if name in encoding.texts:
        return text_of(name, text, type, encoding.texts[name])
    if name in encoding.classes:
        if type.shape:
            return meaning(name, text, type, None)
        names = encoding.classes[name]
        word = "" if text.strip() in GAPS else text.strip()
        if word not in names:
            shown = ", ".join(one or "(missing)" for one in names[:SHOWN])
            raise Refused(f'{name}: "{text}" is none of {shown}')
        return np.array([names.index(word)])
    flat = as_numbers(name, text, type, encoding)
    found = standardised(flat, name, encoding).reshape(len(flat), *type.shape)
    if np.isnan(found).any():
        raise Refused(f"{name}: {text[:40]} is no number, and no gap was trained on")
    return found


def text_of(name: str, text: str, type: TensorType, vocabulary: Vocabulary) -> Any:
    """A text, or what is in a file of text, as classes; lists of classes and arrays stay so.

    Raises `Refused` for a file that is not there, or not UTF-8.
    """
    if text.startswith("[") or text.endswith(".npy"):
        return meaning(name, text, type, None)
    if text.endswith(".txt") and (Path(text).is_file() or len(text.split()) == 1):
        if not Path(text).is_file():
            raise Refused(f"{name}: there is no file {text}")
        try:
            text = FoundFile(Path(text), text, 0).read().decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            raise Refused(f"{name}: {text} is not UTF-8 text (byte {fault.start})") from None
    return [TextReading.of_input(name, type, vocabulary).sequence(text)]


def as_numbers(name: str, text: str, type: TensorType, encoding: Encoding) -> Any:
    """[N, elements] numbers on their own scale; NaN for a gap.

    Raises `Refused` for a text that is no number, or no date where dates are wanted.
    """
    if text.strip() in GAPS and name in encoding.gaps and not type.shape:
        return np.array([[np.nan]])
    if name in encoding.dates and not type.shape:
        for form in (encoding.dates[name], "%Y-%m-%d"):
            try:
                return np.array([[days(text.strip(), form)]])
            except ValueError:
                continue
        raise Refused(f'{name}: "{text}" is no date such as {encoding.dates[name]}')
    value = np.asarray(meaning(name, text, type, None), float)
    shape = value.shape if value.ndim > type.rank else (1, *value.shape)
    if shape[1:] != type.shape:
        raise Refused(f"{name} : {type} is given {list(value.shape)}")
    return value.reshape(shape[0], type.size)
