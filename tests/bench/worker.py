"""One framework in one process: reads requests from standard input, answers each with a line.

    python worker.py gradc 2        # the framework, and how many threads

A request is JSON: a workload and a variant, what to time (`advance` or `infer`; nothing: the first
losses) and for how many seconds.  Runs are kept, so that frameworks can take turns.  The first
line says the version, or what is `missing`.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import numpy as np
from framework import Run, peak_memory, seconds
from workloads import WORKLOADS

LOSSES = 5


def answer(module: Any, runs: dict[Any, Run], request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked."""
    key = request["workload"], request["variant"]
    workload = WORKLOADS[key[0]]
    if not module.covers(workload, key[1]):
        return {"uncovered": True}
    if request.get("forget"):
        runs.clear()
    if key not in runs:
        runs[key] = module.build(workload, key[1])
    run = runs[key]
    if "time" not in request:
        return first(run, request)
    if request["time"] == "advance" and not run.steps:
        return {"uncovered": True}
    inner = run.steps if request["time"] == "advance" else 1
    call = getattr(run, request["time"])
    return {"seconds": seconds(call, run.wait, request["seconds"]) / inner}


def first(run: Run, request: dict[str, Any]) -> dict[str, Any]:
    """What a run gives before it is timed: losses of steps, and where it is asked for, the work of
    a step, and mean and size of the output.
    """
    found: dict[str, Any] = {}
    if request.get("output"):
        found |= {"work": run.work()} if hasattr(run, "work") else {}
        output = run.numbers(run.infer())
        found["output"] = [float(output.mean()), float(np.sqrt(np.square(output).mean()))]
    count = request.get("steps", LOSSES) if run.steps else 0
    found["losses"] = [run.loss(run.step()) for _ in range(count)]
    found["memory"] = peak_memory()
    return found


def main() -> None:
    """Serve until the input ends."""
    try:
        module = importlib.import_module(f"with_{sys.argv[1]}")
    except ImportError as error:  # a framework that is not installed
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    module.load(int(sys.argv[2]))
    print(json.dumps({"version": module.VERSION}), flush=True)
    runs: dict[Any, Run] = {}
    for line in sys.stdin:
        try:
            result = answer(module, runs, json.loads(line))
        except Exception as error:  # the driver puts it into the table
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
