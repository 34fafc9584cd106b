"""The results as a page of Markdown; what was written about them stands in `remarks.md`."""

from __future__ import annotations

import os
from math import exp, log
from pathlib import Path
from typing import Any

from workloads import WORKLOADS

REMARKS = Path(__file__).with_name("remarks.md")
CPU = Path("/proc/cpuinfo")
TIMES = {  # how many times faster than the best peer a step should be
    "W1-b1": 5, "W1-b1024": 8, "W2-b32": 5, "W3-b64": 5,
    "W5-b1": 5, "W5-b32": 3.5, "W5-b128": 3.5, "W5-b512": 2.75,
}  # fmt: skip
SHARES = {  # or how much of the machine's limit it should reach
    "W4-b1": 0.9, "W4-b32": 0.75, "W4-b128": 0.85, "W4-b512": 0.92, "W6-b32": 0.88,
    "W7-b32": 0.65, "W8-b32": 0.75, "W9-b32": 0.75, "W10-b128": 0.85, "W11-b128": 0.85,
    "W12-b64": 0.85, "W13-b16": 0.75,
}  # fmt: skip
REAL, REAL_TIMES, REAL_SHARE = ("S", "VGG", "WaveNet", "DDPM"), 2, 0.85  # the lower demand
NOT_FOR_INFERENCE = ("gradc", "numpy", "pytensor", "tinygrad")  # a step's peers, in the table only


def short(seconds: float | None) -> str:
    """A time with three digits and its unit."""
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if seconds >= size or unit == "ns":
            number = seconds / size
            return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f} {unit}"
    raise AssertionError("the last unit fits")


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of Markdown."""
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return lines + [f"| {' | '.join(cells)} |" for cells in rows]


def best(times: dict[str, float], excluded: tuple[str, ...] = ("gradc",)) -> tuple[str, float]:
    """The fastest peer; gradc itself where there is none."""
    peers = {name: time for name, time in times.items() if not name.startswith(excluded)}
    return min((peers or times).items(), key=lambda pair: pair[1])


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


def bar(name: str, times: float, share: float) -> str:
    """What a step should reach, in bold where it does not."""
    if name in TIMES:
        text, missed = f"{TIMES[name]}x", times < TIMES[name]
    elif name.startswith(REAL):
        text, missed = (
            f"{REAL_TIMES}x or {REAL_SHARE:.0%}",
            times < REAL_TIMES and share < REAL_SHARE,
        )
    elif name in SHARES:
        text, missed = f"{SHARES[name]:.0%}", share < SHARES[name]
    else:
        return "1x" if times >= 1 else "**1x**"
    return f"**{text}**" if missed else text


def step_table(rows: dict[str, Any], limits: dict[str, Any]) -> list[str]:
    """Training steps."""
    cells, ratios = [], []
    for name, row in rows.items():
        peer, time = best(row["advance"])
        ours = row["advance"]["gradc"]
        share, times = limit(row, limits) / ours, time / ours
        single = row["advance"].get("gradc@1", ours)
        ratios.append(times)
        cells.append([name, short(ours), f"{share:.0%}", short(time), peer, f"{times:.2f}",
                      bar(name, times, share), f"{single / ours:.2f}"])  # fmt: skip
    heads = ["workload", "gradc", "of the limit", "best peer", "", "times faster", "bar"]
    mean = f"{geometric_mean(ratios):.2f}" if ratios else "-"
    text = f"Geometric mean of times faster: {mean} (bar 2.5)."
    return [*table([*heads, "1 thread : 2"], cells), "", text]


def infer_table(rows: dict[str, Any]) -> list[str]:
    """Inference on the batch."""
    cells = []
    for name, row in rows.items():
        peer, time = best(row["infer"], NOT_FOR_INFERENCE)
        ours = row["infer"]["gradc"]
        cells.append([name, short(ours), short(time), peer, f"{time / ours:.2f}"])
    return table(["workload", "gradc", "best peer", "", "times faster"], cells)


def all_times(rows: dict[str, Any], what: str, names: list[str]) -> list[str]:
    """Every setting."""
    cells = [[name, *(short(row[what].get(n)) for n in names)] for name, row in rows.items()]
    return table(["workload", *names], cells)


def start_table(rows: dict[str, Any]) -> list[str]:
    """Starts and memory, where they were measured."""
    measured = {name: row["starts"] for name, row in rows.items() if "starts" in row}
    names = list(dict.fromkeys(n for starts in measured.values() for n in starts))
    kinds = {"cold": ".2f", "warm": ".2f", "memory": ".0f"}
    heads = [f"{name} {what}" for what in kinds for name in names]
    cells = [
        [
            workload,
            *(
                f"{starts[n][what]:{digits}}" if n in starts else "-"
                for what, digits in kinds.items()
                for n in names
            ),
        ]
        for workload, starts in measured.items()
    ]
    return table(["workload", *heads], cells)


def processor() -> str:
    """The processor's name, and how many cores may be used."""
    names = [line for line in CPU.read_text().splitlines() if "model name" in line]
    return f"{names[0].split(':')[1].strip()}, {len(os.sched_getaffinity(0))} cores"


def write_report(known: dict[str, Any], names: list[str], path: Path) -> None:
    """Write the page, of all rows that have been measured; `names` are those of all settings."""
    rows = {k: known["rows"][k] for k in WORKLOADS if k in known["rows"]}
    stepped = {k: r for k, r in rows.items() if "gradc" in r.get("advance", {})}
    limits = known["limits"]
    rates = ", ".join(f"{v / 1e9:.0f} within {int(k) // 10**6 or 0.4} MB"
                      for k, v in limits["bandwidth"].items())  # fmt: skip
    versions = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    lines = [
        "# gradc beside other frameworks", "",
        f"{known['date']}, {processor()}, two threads, float32; {versions}.",
        f"Limits of two threads: {limits['operations'] / 1e9:.0f} GFLOP/s; GB/s: {rates}.",
        "Written by `tests/bench/run.py`, whose text says how things are measured.", "",
        "## A training step", "", *step_table(stepped, limits), "",
        "## Inference on the batch", "", *infer_table(stepped), "",
        "## Starts (s) and peak memory (MB)", "", *start_table(rows), "",
        "## All settings, a training step", "", *all_times(stepped, "advance", names), "",
        "## All settings, inference", "", *all_times(stepped, "infer", names), "",
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n" + REMARKS.read_text("utf-8"), encoding="utf-8")
