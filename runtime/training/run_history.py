"""How a run came to be what it is: a line for each time that it began or was resumed.

`settings.json` says what a run is asked for now.  Its `history` says when it began, where it went
on each time, and what was changed then, from which value to which: so the course of a run whose
rate was lowered after ten epochs can be told from its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def history_with(
    earlier: Mapping[str, Any], now: Mapping[str, Any], position: Mapping[str, Any]
) -> list[Any]:
    """The history in the settings of an earlier beginning, and a line for this one."""
    known = earlier.get("history")
    line: dict[str, Any] = {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "after_epoch": position["epoch"], "after_step": position["step"],
    }  # fmt: skip
    if earlier:
        names = [name for name in now if name in earlier and earlier[name] != now[name]]
        line["changed"] = {name: [earlier[name], now[name]] for name in names}
    return [*(known if isinstance(known, list) else []), line]
