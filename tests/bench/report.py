"""The results as a page of Markdown."""

from __future__ import annotations

import os
from math import exp, log
from pathlib import Path
from typing import Any

from workloads import WORKLOADS

REMARKS = "## What the figures say"
CPU = Path("/proc/cpuinfo")


def short(seconds: float | None) -> str:
    """A time with three digits and its unit."""
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size or unit == "us":
            number = seconds / size
            return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f} {unit}"
    raise AssertionError("the last unit fits")


def is_peer(name: str) -> bool:
    """Whether a setting is another framework."""
    return not name.startswith("gradc")


def best(times: dict[str, float]) -> tuple[str, float]:
    """The fastest peer."""
    return min(((n, t) for n, t in times.items() if is_peer(n)), key=lambda x: x[1])


def limit(row: dict[str, Any], limits: dict[str, Any]) -> float:
    """The least seconds of a step: of its arithmetic, or of the bytes it must move."""
    work = row["work"]
    sizes = sorted(int(size) for size in limits["bandwidth"])
    level = next((s for s in sizes if s >= work["footprint"]), sizes[-1])
    traffic = work["bytes"] / limits["bandwidth"][str(level)]
    return max(work["operations"] / limits["operations"], traffic)


def geometric_mean(values: list[float]) -> float:
    """Of ratios."""
    return exp(sum(map(log, values)) / len(values))


def step_table(rows: dict[str, Any], limits: dict[str, Any]) -> list[str]:
    """Training steps and inference."""
    lines = [
        "| workload | gradc | of the limit | best peer | | times faster | 1 thread : 2"
        " | inference | best peer | times faster |",
        "|---" * 10 + "|",
    ]
    for name, row in rows.items():
        peer, time = best(row["advance"])
        other, least = best(row["infer"])
        ours, infer = row["advance"]["gradc"], row["infer"]["gradc"]
        single = row["advance"].get("gradc@1", ours)
        cells = [name, short(ours), f"{limit(row, limits) / ours:.0%}", short(time), peer]
        cells += [f"{time / ours:.2f}", f"{single / ours:.2f}", short(infer)]
        cells += [f"{short(least)} {other}", f"{least / infer:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    ratios = [best(row["advance"])[1] / row["advance"]["gradc"] for row in rows.values()]
    lines += ["", f"Geometric mean over these workloads: {geometric_mean(ratios):.2f} times."]
    return lines


def all_times(rows: dict[str, Any]) -> list[str]:
    """A step of every setting."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row["advance"]))
    lines = [f"| workload | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for workload, row in rows.items():
        cells = [short(row["advance"].get(name)) for name in names]
        lines.append(f"| {workload} | {' | '.join(cells)} |")
    return lines


def start_table(rows: dict[str, Any]) -> list[str]:
    """Starts and memory, where they were measured."""
    measured = {name: row["starts"] for name, row in rows.items() if "starts" in row}
    if not measured:
        return []
    names = list(next(iter(measured.values())))
    heads = [f"{name} {what}" for what in ("cold", "warm", "memory") for name in names]
    lines = ["", "## Starts and memory", "", f"| workload | {' | '.join(heads)} |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for workload, starts in measured.items():
        cells = [f"{starts[n][what]:.2f} s" for what in ("cold", "warm") for n in names]
        cells += [f"{starts[n]['memory']:.0f} MB" for n in names]
        lines.append(f"| {workload} | {' | '.join(cells)} |")
    return lines


def processor() -> str:
    """The processor's name, and how many cores may be used."""
    names = [line for line in CPU.read_text().splitlines() if "model name" in line]
    return f"{names[0].split(':')[1].strip()}, {len(os.sched_getaffinity(0))} cores"


def write_report(known: dict[str, Any], path: Path) -> None:
    """Write the page; the remarks at its end are kept."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    remarks = before[before.index(REMARKS) :] if REMARKS in before else f"{REMARKS}\n"
    rows = {k: known["rows"][k] for k in WORKLOADS if k in known["rows"]}
    rows = {k: r for k, r in rows.items() if "gradc" in r.get("advance", {})}
    limits = known["limits"]
    rates = ", ".join(f"{v / 1e9:.0f} within {int(k) // 10**6 or 0.4} MB"
                      for k, v in limits["bandwidth"].items())  # fmt: skip
    versions = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    lines = [
        "# gradc beside other frameworks", "",
        f"{known['date']}, {processor()}, two threads, float32; {versions}.",
        f"Limits of two threads: {limits['operations'] / 1e9:.0f} GFLOP/s; GB/s: {rates}.",
        "Written by `tests/bench/run.py`, whose text says how things are measured.", "",
        *step_table(rows, limits), "", "## All settings, time of a step", "", *all_times(rows),
        *start_table(rows), "",
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n" + remarks, encoding="utf-8")
