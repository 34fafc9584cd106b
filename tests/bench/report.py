"""The results as a page of Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def short(seconds: float | None) -> str:
    """A time with three digits and its unit."""
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size or unit == "us":
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError("the last unit fits")


def is_peer(name: str) -> bool:
    """Whether a setting is another framework."""
    return not name.startswith("gradc")


def best(times: dict[str, float]) -> tuple[str, float]:
    """The fastest peer."""
    return min(((n, t) for n, t in times.items() if is_peer(n)), key=lambda x: x[1])


def step_table(rows: dict[str, Any]) -> list[str]:
    """Training steps and inference."""
    lines = [
        "| workload | gradc | best peer | | times faster | on 1 thread | inference |"
        " times faster |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        peer, time = best(row["advance"])
        ours, infer = row["advance"]["gradc"], row["infer"]["gradc"]
        single = row["advance"].get("gradc@1")
        cells = [name, short(ours), short(time), peer, f"{time / ours:.2f}", short(single)]
        cells += [short(infer), f"{best(row['infer'])[1] / infer:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def write_report(known: dict[str, Any], path: Path) -> None:
    """Write the page."""
    rows = {k: r for k, r in known["rows"].items() if len(r["advance"]) > 2}
    lines = ["# gradc beside other frameworks", "", *step_table(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
