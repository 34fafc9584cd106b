"""What a session is opened with, checked before anything is allocated."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from gradc_compiler.diagnostics.wording import a_kind, any_of
from gradc_compiler.program.program import Program
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.session.backends import TARGETS
from gradc_runtime.session.state import LARGEST_SEED, is_known, suggestion
from gradc_runtime.system.errors import SessionError

WIDTHS = ("float32", "float64")
PRECISIONS = ("float32", "tf32", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Where a session runs, how wide its numbers are, and the seed of its random draws."""

    program: Program  # in the form that the width and the target want
    target: str
    dtype: str
    threads: int
    seed: int

    @staticmethod
    def of(
        program: Program, target: str, dtype: Any, threads: Any, seed: Any, precision: Any = None
    ) -> SessionConfig:
        """Check the arguments; None means all cores, and the spec's own seed and precision.

        Raises `SessionError` where an argument is not what a session takes.
        """
        if not isinstance(program, Program):
            kind = a_kind(program)
            raise SessionError(f"a session needs a program, as compile_file gives it, not {kind}")
        if not is_known(target, TARGETS):
            raise SessionError(f"no target is called {target}{suggestion(target, TARGETS)}")
        program = rounded_or_not(program, precision, width(dtype))
        settings = program.training.settings if program.training else {}
        return SessionConfig(
            program=program.of_width(width(dtype)).of_target(target),
            target=target,
            dtype=width(dtype),
            threads=whole(threads, "threads", 1, 1024, len(os.sched_getaffinity(0))),
            seed=whole(seed, "seed", 0, LARGEST_SEED, int(settings.get("seed", 0))),
        )


def rounded_or_not(program: Program, precision: Any, dtype: str) -> Program:
    """The program with its products in the precision asked for, or as it is.

    Raises `SessionError` for one that does not exist, and for one of rounded numbers in float64.
    """
    if precision is not None and precision not in PRECISIONS:
        raise SessionError(f"a precision is {any_of(PRECISIONS)}, not {precision}")
    program = program.of_precision(precision)
    if program.precision != "float32" and dtype != "float32":
        asked = f"precision {program.precision} goes with float32"
        raise SessionError(f"{asked}, not with {dtype}: ask for one")
    return program


def width(dtype: Any) -> str:
    """`float32` or `float64`, given as a name or as anything that NumPy takes for a dtype.

    Raises `SessionError` for any other.
    """
    try:
        name = str(np.dtype(dtype).name)
    except TypeError:
        name = str(dtype)
    if dtype is None or name not in WIDTHS:
        raise SessionError(f"a session is {' or '.join(WIDTHS)}, not {name}")
    return name


def whole(given: Any, name: str, least: int, most: int, otherwise: int) -> int:
    """A whole number from `least` to `most`, or `otherwise` where none is given.

    Raises `SessionError` for anything else.
    """
    if given is None:
        return otherwise
    if not isinstance(given, int | np.integer) or not least <= given <= most:
        raise SessionError(f"{name} is a whole number from {least} to {most}, not {given}")
    return int(given)
