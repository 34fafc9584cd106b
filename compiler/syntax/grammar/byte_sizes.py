"""Sizes in bytes as people write them: `500MB`, `1.5GB`, `2e9`."""

from __future__ import annotations

from contextlib import suppress

UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZED = frozenset({"memory", "in_memory", "block"})  # settings whose number may have a unit


def bytes_in(text: str) -> float | None:
    """The bytes that a text stands for, a whole number where it is one; None if it is no size.

    A unit may be in capitals or not.
    """
    number = text.rstrip("BKMGIbkmgi")
    unit = text[len(number) :].strip().lower()
    scale = {unit.lower(): bytes for unit, bytes in UNITS.items()}.get(unit)
    with suppress(ValueError, OverflowError):
        found = float(number) * scale if scale is not None else None
        return int(found) if found is not None and found == int(found) else found
    return None
