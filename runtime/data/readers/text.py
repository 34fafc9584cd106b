"""Characters of a text as sequences of classes, for a network that learns to say what comes next.

The text is cut into windows, each of them one example: `xs` are its characters and `ys` those one
later, so that ys[t] follows xs[t].  Without a file it is the reference of the Python language that
every Python has beside `help()`: its words differ a little from version to version.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.not_text import not_utf8_file

LARGEST = 1 << 28  # bytes
SYMBOLS = 256  # characters with a class of their own, unless a field says how many


def text(context: Context, file: str = "", window: int = 64) -> Columns:
    """The characters of a UTF-8 file, or of Python's reference, `window` at a time.

    A field that declares a fixed length, `seq(64) class(96)`, says the window itself.

    Raises `DataError` for a text that is too short, or a file that cannot be read.
    """
    origin = file or "text()"
    whole = read(context, file) if file else reference()
    if len(whole) < 2:
        raise DataError(f"{origin}: a text of two characters at least is needed")
    classes = [type.classes for _, type in context.source.fields if type.classes is not None]
    alphabet = Alphabet.of(whole, min(classes, default=SYMBOLS))
    numbers = alphabet.read(whole, origin)
    fixed = [type.time for _, type in context.source.fields if isinstance(type.time, int)]
    window = min(fixed, default=window)
    starts = np.arange(0, len(numbers) - 1, window)
    lengths = np.minimum(window, len(numbers) - 1 - starts)
    if fixed:  # a rest that is shorter is left out
        lengths = lengths[lengths == window]
        numbers = numbers[: lengths.sum() + 1]
    arrays = {"xs": Ragged(numbers[:-1], lengths), "ys": Ragged(numbers[1:], lengths)}
    return Columns(origin=origin, arrays=arrays, alphabet=alphabet)


def reference() -> str:
    """The text of what `help()` says about the Python language."""
    topics = import_module("pydoc_data.topics").topics
    return "\n".join(topics[name] for name in sorted(topics))


def read(context: Context, file: str) -> str:
    """A text file, strictly UTF-8.

    Raises `DataError` for a file that is too large or not UTF-8.
    """
    path = context.file(file)
    if path.stat().st_size > LARGEST:
        raise DataError(f"{file}: more than {LARGEST >> 20} MB of text are not accepted")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise not_utf8_file(path, file) from None
