"""What a graph is evaluated on: arrays by name.

An input may be called what something that persists is called: a model may have a `step` of its own,
beside the number of updates.  Then the name means the input, and what persists has a longer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PERSISTENT = "persistent/"


def values_by_name(persistents: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Both in one mapping, as `evaluate` takes them."""
    hidden = {f"{PERSISTENT}{name}": persistents[name] for name in inputs if name in persistents}
    return {**persistents, **inputs, **hidden}


def persistent_value(values: Mapping[str, Any], name: str) -> Any:
    """What persists under a name.

    Raises `KeyError` where nothing does.
    """
    longer = f"{PERSISTENT}{name}"
    return values[longer if longer in values else name]
