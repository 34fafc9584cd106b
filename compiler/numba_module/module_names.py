"""Names of a spec as Python identifiers that mean nothing else in a module."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterable

from gradc_compiler.emitted.distinct_names import DistinctNames
from gradc_compiler.numba_module.frame_parts import ALWAYS, OF_SEQUENCES
from gradc_compiler.numba_module.number_parts import PARTS

WITHIN = re.compile(r"[vn]\d+|(sum|greatest|where)\d*")  # names within nests
OF_LOOPS = re.compile(r"(line_\d+|loops)(_gradient)?(_\d+)?")  # functions
WITHIN_LOOPS = {"e", "begin", "end", "term", "carry", "keys", "order"}
OWN = {"n", "first", "state", *WITHIN_LOOPS, "real", "np", "math", "njit", "json",
       "base64", "zlib", "numba", "Path", "SHAPES", "START", "WEIGHTS", "LOW", "UP", "EIGHT",
       "examples", "predict", "step", "loss_and_gradients", "start",
       *(part.__name__ for part in (*PARTS, *ALWAYS, *OF_SEQUENCES))}  # fmt: skip

MODULES = {"numba", "numpy", "llvmlite"}  # beside Python's own, which a module imports
CALLER = {"last", "once", "found", "gradients"}
USED = {"len", "range", "min", "float", "int", "name"}  # of Python, that callers' functions use


def python_name(text: str) -> str:
    """An identifier that says what a name says; a name that Python knows gets an end."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    plain = re.sub("__+", "_", plain).strip("_") or "x"
    plain = plain if plain[0].isalpha() else f"x{plain}"
    known = keyword.iskeyword(plain) or keyword.issoftkeyword(plain) or hasattr(builtins, plain)
    taken = plain.endswith("_formula") or WITHIN.fullmatch(plain) or len(plain) == 1
    return f"{plain}_of_spec" if known or taken else plain


def module_name(text: str) -> str:
    """A name that can be imported, and under which nothing else is: a module called `numba` would
    import itself.
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    plain = plain if plain[:1].isalpha() or plain[:1] == "_" else f"x{plain}"
    known = keyword.iskeyword(plain) or plain in sys.stdlib_module_names or plain in MODULES
    return f"{plain}_of_spec" if known else plain


class PythonNames(DistinctNames):
    """Gives each thing a name of its own, near to the one that it has."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__({*OWN, *taken}, python_name)


class ArrayNames(DistinctNames):
    """Names of arrays, which stand beside the functions of loops that are given them."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__({*OWN, *taken}, array_name)


def array_name(text: str) -> str:
    """An identifier that says what a name says, and is that of no function of loops."""
    plain = python_name(text)
    return f"{plain}_of_spec" if OF_LOOPS.fullmatch(plain) else plain


class PublicNames(DistinctNames):
    """Names of what callers give: the spec's own, where Python and the function allow it."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__({*(OWN - WITHIN_LOOPS | CALLER), *taken}, public_name)


def public_name(text: str) -> str:
    """An identifier that says what a name says."""
    plain = re.sub("__+", "_", re.sub(r"\W", "_", text, flags=re.ASCII)).strip("_") or "x"
    plain = plain if plain[0].isalpha() else f"x{plain}"
    return f"{plain}_of_spec" if keyword.iskeyword(plain) or plain in USED else plain


def comment(text: str) -> str:
    """A text that can stand in a comment, or in a string between three quotes."""
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text).replace('"', "'")
