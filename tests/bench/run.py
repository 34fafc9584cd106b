"""gradc beside other frameworks on the same workloads, in one run: step, inference, start, memory.

    python3 -m venv peers && peers/bin/pip install torch==2.13.0 jax jaxlib optax
    python tests/bench/run.py --python peers/bin/python [--only W4,W5] [--rounds 5] [--starts]

Every framework is a process that waits; they take turns, round after round, because machines drift,
and the table has the median over the rounds.  Their first losses must agree to 1e-3, the fifth to
1e-2.  What was measured is kept in `results.json`, row by row, so that a run may be done in parts;
RESULTS.md is written from all of it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from crew import HERE, Setting, Worker, cold_and_warm
from report import write_report
from workloads import WORKLOADS

from runtime.limits import measure as measure_limits

SETTINGS = [
    Setting("gradc"),
    Setting("gradc", threads=1),
    Setting("torch"),
    Setting("torch", "last"),
    Setting("jax"),
    Setting("jax", "scan"),
]
STARTED = ("gradc", "torch", "jax")  # whose cold and warm starts are measured
WITHOUT_SCAN = ("W5-b32", "W5-b128", "W5-b512", "W6", "odd-cnn")  # XLA runs it there on one thread
AGREE = ((0, 1e-3), (4, 1e-2))


def fitting(setting: Setting, workload: str) -> bool:
    """Whether a setting makes sense for a workload."""
    if setting.variant == "last":
        return len(WORKLOADS[workload].image) == 3
    return setting.variant != "scan" or not workload.startswith(WITHOUT_SCAN)


def differing(losses: dict[str, list[float]]) -> list[str]:
    """Who disagrees with gradc about the losses."""
    ours = losses.get("gradc", [])
    return [
        f"{name}: loss {k + 1} is {found[k]:.6f}, not {ours[k]:.6f}"
        for name, found in losses.items()
        for k, tolerance in AGREE
        if ours and abs(found[k] - ours[k]) > tolerance * abs(ours[k])
    ]


def measure(workload: str, workers: list[Worker], rounds: int, seconds: float) -> dict[str, Any]:
    """Losses, and the median time of a step and of inference for each setting."""
    chosen = [w for w in workers if fitting(w.setting, workload)]
    row: dict[str, Any] = {"losses": {}, "advance": {}, "infer": {}, "errors": {}}
    for worker in chosen:
        found = worker.ask(workload=workload, forget=True)
        if "error" in found:
            row["errors"][worker.setting.name] = found["error"]
        else:
            row["losses"][worker.setting.name] = found["losses"]
            row["work"] = row.get("work") or found.get("work")
    chosen = [w for w in chosen if w.setting.name in row["losses"]]
    for time in ("advance", "infer"):
        samples: dict[str, list[float]] = {w.setting.name: [] for w in chosen}
        for _ in range(rounds):
            for worker in chosen:
                found = worker.ask(workload=workload, time=time, seconds=seconds)
                samples[worker.setting.name].append(found["seconds"])
        row[time] = {name: statistics.median(s) for name, s in samples.items()}
        row[f"{time} spread"] = {name: [min(s), max(s)] for name, s in samples.items()}
    return row


def limits(known: dict[str, Any] | None) -> dict[str, Any]:
    """What two threads can do here; the best of all runs counts, as others may disturb one."""
    found = measure_limits(2)
    bandwidth = {str(size): rate for size, rate in found.bandwidth.items()}
    before = known or {"operations": 0.0, "bandwidth": bandwidth}
    return {
        "operations": max(found.operations, before["operations"]),
        "bandwidth": {k: max(v, before["bandwidth"][k]) for k, v in bandwidth.items()},
    }


def show(workload: str, row: dict[str, Any]) -> None:
    """One line on the terminal."""
    steps = "  ".join(f"{name} {1e3 * s:.3f}" for name, s in row["advance"].items())
    print(f"{workload:12s} ms a step: {steps}", flush=True)
    for text in [*row["differing"], *(f"{k}: {v}" for k, v in row["errors"].items())]:
        print(f"{'':12s} {text}", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="the one that has the peers")
    parser.add_argument("--only", default="", help="workloads that begin with one of these")
    parser.add_argument("--peers", default="", help="settings, such as gradc,torch,jax-scan")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one measurement")
    parser.add_argument("--starts", action="store_true", help="measure starts and memory instead")
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    return parser.parse_args()


def main() -> int:
    """Measure, and write the table; 1 if any losses differ."""
    options = parse()
    prefixes, peers = tuple(options.only.split(",")), options.peers.split(",")
    if options.starts:
        return starts(options, prefixes)
    settings = [s for s in SETTINGS if s.name in peers or not options.peers]
    pythons = dict.fromkeys(("torch", "jax"), options.python) | {"gradc": sys.executable}
    known = json.loads(options.results.read_text()) if options.results.exists() else {}
    rows = known.setdefault("rows", {})
    failed = False
    with tempfile.TemporaryDirectory() as cache:
        workers = [Worker(s, pythons[s.framework], cache) for s in settings]
        known["versions"] = {w.setting.framework: w.version for w in workers}
        known["date"] = str(datetime.date.today())
        known["limits"] = limits(known.get("limits"))
        for name in WORKLOADS:
            if not name.startswith(prefixes):
                continue
            row = rows.setdefault(name, {})
            row |= measure(name, workers, options.rounds, options.seconds)
            row["differing"] = differing(row["losses"])
            failed |= bool(row["differing"] or row["errors"])
            show(name, row)
            options.results.write_text(json.dumps(known, indent=1))
        for worker in workers:
            worker.close()
    write_report(known, HERE / "RESULTS.md")
    return int(failed)


def starts(options: argparse.Namespace, prefixes: tuple[str, ...]) -> int:
    """Measure starts and memory of workloads whose steps have been measured."""
    known = json.loads(options.results.read_text())
    pythons = dict.fromkeys(("torch", "jax"), options.python) | {"gradc": sys.executable}
    for name, row in known["rows"].items():
        if name.startswith(prefixes):
            chosen = [s for s in SETTINGS if s.name in STARTED]
            row["starts"] = {s.name: cold_and_warm(s, name, pythons[s.framework]) for s in chosen}
            print(name, row["starts"], flush=True)
            options.results.write_text(json.dumps(known, indent=1))
    write_report(known, HERE / "RESULTS.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
