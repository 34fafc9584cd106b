"""The position of a run in its data, as a checkpoint holds it.  Every number is checked first.

A checkpoint whose checksum is right may still say that the epoch is 1.5 or the batch -5, since
anybody can compute a checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from math import isnan
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.examples import ROWS
from gradc_runtime.system.errors import CheckpointError

LARGEST = 2**63 - 1
FIXED = ("batch", "seed", "held_out", "limit")  # settings that decide the order of the examples


@dataclass
class Position:
    """A place between two steps of a run."""

    epoch: int = 0  # epochs that are finished
    batch: int = 0  # batches of this epoch that are finished
    step: int = 0  # batches of all epochs
    sums: dict[str, float] = field(default_factory=dict)  # of losses, over this epoch
    best: float | None = None  # the lowest loss at the end of an epoch
    stale: int = 0  # epochs since then


def is_count(value: Any) -> bool:
    """Whether a value is a whole number that is not negative."""
    return type(value) is int and 0 <= value <= LARGEST


def is_real(value: Any) -> bool:
    """Whether a value is a real number; infinity counts."""
    return type(value) in (int, float) and not isnan(value)


def are_sums(value: Any) -> bool:
    """Whether a value is a table of real numbers by name."""
    return isinstance(value, dict) and all(map(is_real, value.values()))


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "epoch": is_count,
    "batch": is_count,
    "step": is_count,
    "sums": are_sums,
    "best": lambda value: value is None or is_real(value),
    "stale": is_count,
}


def position_of(state: Mapping[str, Any], *, batches: int, metrics: set[str]) -> Position:
    """The position in a checkpoint's state, of a run with so many batches in an epoch.

    Raises `CheckpointError` where it makes no sense for such a run.
    """
    found = state["position"]
    if not isinstance(found, dict) or found.keys() != {f.name for f in fields(Position)}:
        raise CheckpointError("the checkpoint's position has other parts than a position has")
    for name, fits in KINDS.items():
        if not fits(found[name]):
            raise CheckpointError(f"the checkpoint's position makes no sense: its {name} is wrong")
    at = Position(**found)
    if at.batch > batches or at.step != at.epoch * batches + at.batch:
        raise CheckpointError(
            f"the checkpoint's position makes no sense: step {at.step} is not batch {at.batch} of"
            f" {batches} after {at.epoch} epochs"
        )
    if set(at.sums) != (metrics if at.batch else set()):
        raise CheckpointError("the run measured other losses and reports than the spec has now")
    return at


def _require_settings(then: Any, now: Mapping[str, Any]) -> None:
    for name in FIXED:
        found = then.get(name) if isinstance(then, dict) else None
        if found != now.get(name):
            raise CheckpointError(
                f"the run was started with {name} {str(found)[:40]}, not {now.get(name)}"
            )


def require_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to resume where a setting that decides the order of examples has changed.

    Raises `CheckpointError`.
    """
    if "position" not in then:
        raise CheckpointError("this checkpoint is of a model, not of a training run")
    _require_settings(then.get("settings"), now["settings"])
    if then.get("examples") != now["examples"]:
        raise CheckpointError(
            f"the run was started on {str(then.get('examples'))[:40]} examples, not"
            f" {now['examples']}"
        )
    _require_same_precision(then, now)
    if (found := then.get("order", ROWS)) != now["order"]:
        raise CheckpointError(
            f"the run was started on {str(found)[:40]}, not {now['order']}, which in_memory and"
            " block decide"
        )


def _require_same_precision(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse another precision; a checkpoint that names none is of float32."""
    found, own = (str(state.get("precision", "float32"))[:40] for state in (then, now))
    if found != own:
        raise CheckpointError(f"the run was started in precision {found}, not {own}")
