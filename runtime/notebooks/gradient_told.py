"""`gradc.derive`: the gradient of a program as numbered steps of the chain rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradc_compiler.explorer.told import ToldDerivation, told_derivation
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import Program
from gradc_runtime.data.arrays.checked import check_inputs
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError


def derive(
    what: Program | Session, of: str | None = None, /, *, wrt: Sequence[str] = (),
    step: str | None = None, at: Mapping[str, Any] | None = None,
) -> ToldDerivation:  # fmt: skip
    """The gradient of a loss, or of the model `of`, by the parameters `wrt` (all, if none is named)
    as `gradc derive` tells it: printed as text, shown in a notebook, `markdown()`, `latex()`.

    `at` has ONE example by name, without an axis of examples; then each step has its numbers, those
    of a session's parameters or of a program's first ones.  `step` is one of several steps.
    Raises `SessionError` for names of nothing, for what is no number, for inputs that do not fit.
    """
    program = what.program if isinstance(what, Session) else what

    def values(types: Mapping[str, TensorType]) -> Mapping[str, Any]:
        session = what if isinstance(what, Session) else Session(program, dtype="float64", seed=0)
        return values_by_name(_in_double(session), one_example(at or {}, types))

    try:
        return told_derivation(program, of, [*wrt], step, None if at is None else values)
    except (KeyError, ValueError) as fault:
        raise SessionError(str(fault.args[0])) from None


def _in_double(session: Session) -> dict[str, Any]:
    """What persists, in float64: a derivation is told exactly."""
    views = session.memory.views
    return {k: v.astype("float64") if v.dtype.kind == "f" else v for k, v in views.items()}


def one_example(given: Mapping[str, Any], types: Mapping[str, TensorType]) -> Mapping[str, Any]:
    """One example, checked, with its axis of examples.

    Raises `SessionError` where an input is missing or unknown.
    """
    if unknown := [name for name in given if name not in types]:
        raise SessionError(f"no input is called {unknown[0]}; there are {', '.join(types)}")
    if missing := [name for name in types if name not in given]:
        raise SessionError(f"{missing[0]} : {types[missing[0]]} is missing")
    return check_inputs({name: [value] for name, value in given.items()}, types, "float64")
