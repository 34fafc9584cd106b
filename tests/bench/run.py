"""gradc beside other frameworks on the same workloads: step, inference, start, memory.

    python3 -m venv peers && peers/bin/pip install -r tests/bench/peers.txt
    python tests/bench/run.py --python peers/bin/python            # steps and inference
    python tests/bench/run.py --python peers/bin/python --slow     # peers that compile for long
    python tests/bench/run.py --python peers/bin/python --starts   # cold, warm, peak memory
    python tests/bench/run.py --python peers/bin/python --target cuda  # on a GPU, into other files
    python tests/bench/run.py --python peers/bin/python --only S,VGG,WaveNet,DDPM  # real sizes

Every framework is a process that waits; they take turns, round after round, because machines
drift, and the table has the median over the rounds.  Their outputs and first losses must agree to
1e-3, the fifth to 1e-2.  What was measured is kept in `results.json`, row by row, so that a run
may be done in parts (`--only W4,W5`); RESULTS.md is written from all of it, with `remarks.md` at
its end.  A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from crew import HERE, Setting, Worker, cold_and_warm
from report import short, write_report
from workloads import WORKLOADS

from gradc_runtime.cpu.tuning.roofline import measure as measure_limits

SETTINGS = [
    Setting("gradc"),
    Setting("gradc", threads=1),
    Setting("torch"),
    Setting("torch", "last"),
    Setting("jax"),
    Setting("jax", "scan"),
    Setting("onnxruntime"),
    Setting("numpy"),
    Setting("gradc", "numba", slow=True),
    Setting("torch", "compile", slow=True),
    Setting("pytensor", slow=True),
    Setting("tinygrad", slow=True),
    Setting("keras", slow=True),
]
ON_GPU = [Setting("gradc", "cuda"), Setting("torch", "cuda"), Setting("jax", "cuda")]
ON_GPU += [Setting("torch", "cuda-compile", slow=True)]
STARTED = ("gradc", "torch", "jax")  # whose cold and warm starts are measured
STARTS = ["W1-b1", "W2-b32", "W3-b64", "W4-b32", "W4-b512", "W5-b32", "W5-b512", "W6-b32"]
STARTS += ["S1-b256", "S2-b64", "S3-b32", "S4-b16", "S5-b8", "VGG11-b40"]
STARTS += ["W7-b32", "W8-b32", "W9-b32", "W10-b128", "W11-b128", "W12-b64", "W13-b16"]
SLOW_ROWS = ["W1-b1", "W2-b32", "W3-b64", "W4-b1", "W4-b32", "W4-b128", "W5-b32", "W5-b128"]
SLOW_ROWS += ["W7-b32", "W10-b128", "W13-b16", "S1-b256", "S3-b32", "S4-b16", "S5-b8"]
SLOW_ROWS += ["VGG11-b40", "WaveNet-b8", "DDPM-b16"]  # of peers that compile for a minute each
CLOSE, FIFTH = 1e-3, 1e-2  # how far losses may lie apart
SMALL = 1e-2  # what a number near 0 is measured by


def differing(row: dict[str, Any]) -> list[str]:
    """Who disagrees with gradc about the output's mean and size, or about losses."""
    return list(
        chain(
            apart("output", row["outputs"], {0: CLOSE, 1: CLOSE}),
            apart("loss", row["losses"], {0: CLOSE, 4: FIFTH}),
        )
    )


def apart(what: str, numbers: dict[str, list[float]], bounds: dict[int, float]) -> Iterator[str]:
    """Numbers at these places that lie further from gradc's than so much of its own."""
    ours = numbers.get("gradc", [])
    for name, found in numbers.items():
        for k, bound in bounds.items() if ours and found else ():
            if not abs(found[k] - ours[k]) <= bound * max(abs(ours[k]), SMALL):
                yield f"{name}: {what} {k + 1} is {found[k]:.6f}, not {ours[k]:.6f}"


def measure(
    row: dict[str, Any], workload: str, workers: list[Worker], rounds: int, seconds: float
) -> None:
    """Losses, and the median time of a step and of inference for each setting, into its row."""
    for what in ("outputs", "losses", "advance", "infer", "spread"):
        row.setdefault(what, {})
    row["errors"], chosen = {}, []
    for worker in workers:
        name = worker.setting.name
        found = worker.ask(workload=workload, forget=True, output=True)
        if "error" in found:
            row["errors"][name] = found["error"]
        elif "losses" in found:
            chosen.append(worker)
            row["outputs"][name], row["losses"][name] = found["output"], found["losses"]
            row["work"] = found.get("work") or row.get("work")
    for time in ("advance", "infer"):
        samples: dict[str, list[float]] = {}
        for worker in chosen * rounds:
            found = worker.ask(workload=workload, time=time, seconds=seconds)
            if "seconds" in found:
                samples.setdefault(worker.setting.name, []).append(found["seconds"])
        row[time] |= {name: statistics.median(s) for name, s in samples.items()}
        row["spread"] |= {f"{name} {time}": [min(s), max(s)] for name, s in samples.items()}


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
    steps = "  ".join(f"{name} {short(s)}" for name, s in row["advance"].items())
    print(f"{workload:12s} {steps}", flush=True)
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
    parser.add_argument("--slow", action="store_true", help="the peers whose compilers are slow")
    parser.add_argument("--starts", action="store_true", help="measure starts and memory instead")
    parser.add_argument("--cache", help="a folder for compiled code (default: a temporary one)")
    parser.add_argument("--target", choices=("cpu", "cuda"), default="cpu", help="where steps run")
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--page", type=Path, default=HERE / "RESULTS.md")
    found = parser.parse_args()
    if found.target == "cuda":  # what was measured on a CPU stays what it is
        for name in ("results", "page"):
            path = getattr(found, name)
            setattr(found, name, path.with_stem(f"{path.stem}_gpu"))
    return found


def chosen_settings(options: argparse.Namespace) -> list[Setting]:
    """Those named, or all that are slow, or all others; those of a GPU, where it is the target."""
    if options.target == "cuda":
        named = options.peers.split(",") if options.peers else [s.name for s in ON_GPU]
        return [s for s in ON_GPU if s.name in named and s.slow == options.slow]
    if options.peers:
        return [s for s in SETTINGS if s.name in options.peers.split(",")]
    if options.starts:
        return [s for s in SETTINGS if s.name in STARTED]
    return [s for s in SETTINGS if s.slow == options.slow]


def main() -> int:
    """Measure, and write the page; 1 if anything differs or fails."""
    options = parse()
    prefixes = tuple(options.only.split(","))
    known = json.loads(options.results.read_text()) if options.results.exists() else {}
    rows = known.setdefault("rows", {})
    known["date"] = str(datetime.date.today())
    rows_of = STARTS if options.starts else SLOW_ROWS if options.slow else list(WORKLOADS)
    names = [name for name in rows_of if name.startswith(prefixes)]
    measured = starts if options.starts else steps
    failed = False
    for name in measured(options, known, names):
        failed |= bool(rows[name].get("differing") or rows[name].get("errors"))
        options.results.write_text(json.dumps(known, indent=1))
    if "limits" in known:  # steps have been measured
        write_report(
            known,
            [s.name for s in (ON_GPU if options.target == "cuda" else SETTINGS)],
            options.page,
        )
    return int(failed)


def python_of(setting: Setting, options: argparse.Namespace) -> str:
    """gradc runs here, its peers in an environment of their own."""
    return sys.executable if setting.framework == "gradc" else options.python


def steps(options: argparse.Namespace, known: dict[str, Any], names: list[str]) -> Iterator[str]:
    """Measure steps and inference; gives each row's name when it is done."""
    with tempfile.TemporaryDirectory() as own:
        cache = options.cache or own
        crew = [Worker(s, python_of(s, options), cache) for s in chosen_settings(options)]
        workers = [worker for worker in crew if worker.version]
        versions = {w.setting.framework: w.version for w in workers}
        known["versions"] = known.get("versions", {}) | versions
        known["limits"] = limits(known.get("limits"))
        for name in names:
            row = known["rows"].setdefault(name, {})
            measure(row, name, workers, options.rounds, options.seconds)
            row["differing"] = differing(row)
            show(name, row)
            yield name
        for worker in workers:
            worker.close()


def starts(options: argparse.Namespace, known: dict[str, Any], names: list[str]) -> Iterator[str]:
    """Measure starts and memory; gives each row's name when it is done."""
    for name in names:
        row = known["rows"].setdefault(name, {})
        row["starts"] = row.get("starts", {}) | {
            s.name: cold_and_warm(s, name, python_of(s, options)) for s in chosen_settings(options)
        }
        print(name, row["starts"], flush=True)
        yield name


if __name__ == "__main__":
    sys.exit(main())
