"""The settings of a training run: the spec's, with those of the caller on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.readers.reader_context import BLOCK, LARGEST_IN_MEMORY
from gradc_runtime.system.errors import SessionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a training run needs to know besides the program and the data."""

    batch: int = 32  # examples of one step
    epochs: int = 10
    held_out: float = 0.2  # share of the data kept for evaluation, unless the source has its own
    seed: int = 0
    patience: int | None = None  # epochs without improvement before stopping early
    limit: int | None = None  # the most examples that are trained on, and that are held out
    in_memory: int = LARGEST_IN_MEMORY  # bytes of files that are loaded whole
    block: int = BLOCK  # bytes of a larger file that are read at once
    memory: int | None = None  # bytes that training may take

    def as_dict(self) -> dict[str, Any]:
        """For settings.json and checkpoints."""
        return asdict(self)


LIMITS: Mapping[str, tuple[float, float, str]] = {
    "batch": (1, 2**31 - 1, "a whole number from 1"),
    "epochs": (0, 2**31 - 1, "a whole number from 0"),
    "held_out": (0.0, 1.0 - 1e-9, "at least 0 and less than 1"),
    "seed": (0, 2**31 - 1, "a whole number from 0 to 2147483647"),
    "patience": (1, 2**31 - 1, "a whole number from 1"),
    "limit": (1, 2**31 - 1, "a whole number from 1"),
    "in_memory": (0, 2**53, "a whole number of bytes, from 0"),
    "memory": (1, 2**53, "a whole number of bytes, from 1"),
    "block": (1, 2**31 - 1, "a whole number of bytes, from 1"),
}


def resolve(spec: Mapping[str, float], **overrides: float | None) -> Settings:
    """The settings of a run: overrides that are not None, then the spec's, then the defaults."""
    given = {**spec, **{name: value for name, value in overrides.items() if value is not None}}
    return Settings(**{name: checked(name, value) for name, value in given.items()})


def checked(name: str, value: Any) -> Any:
    """A setting's value as the number it must be.

    Raises `SessionError` for an unknown setting or a value outside its limits.
    """
    if name not in LIMITS:
        known = ", ".join(field.name for field in fields(Settings))
        raise SessionError(f"no setting is called {name}; there are {known}")
    low, high, wanted = LIMITS[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or (name != "held_out" and value != int(value)):
        raise SessionError(f"{name} must be {wanted}, not {value!r}")
    return float(value) if name == "held_out" else int(value)
