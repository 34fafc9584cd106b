"""What callers hand to the compiler: checked here, so that no stage meets anything else.

Settings replace what a spec says, so they are numbers that a spec could say: finite, and not too
large for a float.  A fault is a diagnostic like any other, of the call as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from math import inf
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from gradc_compiler.diagnostics.source import CompileError, refused
from gradc_compiler.diagnostics.wording import a_kind, any_of

Given = ParamSpec("Given")
Made = TypeVar("Made")
CALL = "call"  # what diagnostics name instead of a file
LONGEST = 40  # characters of a value that are shown


def short_traceback(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Decorator: a traceback of wrong specs ends at the call; the compiler's inside is not shown.

    Raises `CompileError` as the function did.
    """

    @wraps(function)
    def call(*args: Given.args, **named: Given.kwargs) -> Made:
        try:
            return function(*args, **named)
        except CompileError as fault:
            raise fault.with_traceback(None) from None

    return call


def text_of(given: object) -> str:
    """The text of a spec; E0101 for anything else."""
    if isinstance(given, str):
        return given
    message = f"a spec is text, not {a_kind(given)}"
    raise refused(CALL, "E0101", message, "compile_source takes text, compile_file a path")


def file_of(given: object) -> Path:
    """The path of a spec; E0101 for what is none."""
    if isinstance(given, str | PathLike) and isinstance(path := fspath(given), str):
        return Path(path)
    message = f"a path is text, not {a_kind(given)}"
    raise refused(CALL, "E0101", message, "compile_file takes a path, compile_source text")


def settings_of(given: object) -> dict[str, Any]:
    """Settings by name as plain numbers, and `data` as text; E0403 for what is none."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise _no_setting(f"settings are a mapping by name, not {a_kind(given)}")
    return {_name_of(name): _value_of(str(name), value) for name, value in given.items()}


def passes_of(
    given: object, known: Collection[str], former: Mapping[str, str] | None = None
) -> frozenset[str]:
    """The passes to switch off, `former` names read as those of today; `ValueError` for none."""
    names = {given} if isinstance(given, str) else given
    if not isinstance(names, Collection):
        raise ValueError(f"passes are names, not {a_kind(given)}")
    names = {(former or {}).get(name, name) if isinstance(name, str) else name for name in names}
    if unknown := sorted(str(name) for name in names if name not in known):
        raise ValueError(f"no optimisation is called {unknown[0]}; there are {', '.join(known)}")
    return frozenset(names)


def checked_precision(given: object, known: Collection[str]) -> str | None:
    """The precision asked for, or none; `ValueError` for one that does not exist."""
    if given is None or (isinstance(given, str) and given in known):
        return given
    raise ValueError(f"a precision is {any_of(known)}, not {_shown(given)}")


def _name_of(given: object) -> str:
    if isinstance(given, str):
        return given
    raise _no_setting(f"a setting is named by text, not by {_shown(given)}")


def _value_of(name: str, given: object) -> Any:
    if name == "data":
        return given
    if isinstance(given, Real) and not isinstance(given, bool):
        number = int(given) if isinstance(given, Integral) else float(given)
        if -inf < number < inf and _fits_a_float(number):
            return number
    raise _no_setting(f"`{name}` is a finite number, got {_shown(given)}")


def _fits_a_float(number: float) -> bool:
    try:
        float(number)
    except OverflowError:
        return False
    return True


def _shown(given: object) -> str:
    """A value in a message; Python refuses to write the largest integers."""
    try:
        text = repr(given)
    except ValueError:
        return "a whole number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _no_setting(message: str) -> CompileError:
    return refused(CALL, "E0403", message, "such as {'batch': 64, 'lr': 1e-4, 'data': 'mnist()'}")
