"""What steps of the workloads would take on a GPU, predicted from its data sheet, not measured.

    python tests/bench/predicted.py --gpu H200
    python tests/bench/predicted.py --gpu H100 --only W4,W13,S1

Each row says how many launches a step has, what binds, and the assumption that its time hangs on
most.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from workloads import WORKLOADS

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry
from gradc_runtime.cuda.estimates.data_sheets import DEFAULT, GPUS, DataSheet
from gradc_runtime.cuda.estimates.step_of_entry import planned_calls
from gradc_runtime.cuda.estimates.step_time import DEFAULT as ASSUMED
from gradc_runtime.cuda.estimates.step_time import StepTime, predict, told
from gradc_runtime.cuda.launch.merge_calls import merged
from gradc_runtime.cuda.launch.time_room import TimeRoom

HANGS_ON = {  # what binds most of a step -> the assumption that decides
    "launch": "the microseconds between launches",
    "memory": "the share of the memory's rate",
    "products": "the share of the peak that products reach",
}


def room_of(entry: Entry, batch: int, length: int) -> TimeRoom:
    """Room for sequences that are all so long, unless the spec says how long they are."""
    steps = tuple(time if isinstance(time, int) else length for time in entry.times)
    return TimeRoom(tuple(n * batch for n in steps), steps)


def predicted(spec: Any, batch: int, length: int, sheet: DataSheet) -> tuple[int, StepTime]:
    """Launches of all steps of a spec, and their predicted time; sequences have a `length`."""
    program = compile_file(spec).of_target("cuda")
    assert program.training is not None, "workloads train"
    found = []
    for step in program.training.steps:
        entry = program.entries[step.entry]
        calls = planned_calls(entry, batch, room_of(entry, batch, length))
        found.append(predict(merged(calls), 4, sheet))
    nodes = tuple(node for step in found for node in step.nodes)
    whole = StepTime(sum(s.seconds for s in found), nodes, sum(s.on_the_way for s in found))
    return len(nodes), whole


def row(workload: Any, sheet: DataSheet) -> str:
    """A workload's line."""
    length = workload.image[0] if workload.image else 1  # of sequences; a table's rows have none
    launches, step = predicted(workload.file(), workload.batch, length, sheet)
    own: Counter[str] = Counter()
    for node in step.nodes:
        own[node.binds] += node.seconds + (ASSUMED.launch_s if node.binds == "launch" else 0)
    binds = own.most_common(1)[0][0]
    operations = sum(node.operations for node in step.nodes)
    return (
        f"| {workload.name} | {launches} | {operations / 1e9:.3g} | {step.seconds * 1e6:,.0f} |"
        f" {binds} | {HANGS_ON[binds]} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", choices=sorted(GPUS), default=DEFAULT)
    parser.add_argument("--only", default="W,S")
    given = parser.parse_args()
    sheet, only = GPUS[given.gpu], tuple(given.only.split(","))
    print(f"Predicted, not measured. {' '.join(f'{line};' for line in told(ASSUMED, sheet))}\n")
    print("| step | launches | GFLOP | predicted us | bound by | hangs on |")
    print("|---|---|---|---|---|---|")
    for workload in WORKLOADS.values():
        if workload.name.startswith(only):
            print(row(workload, sheet), flush=True)


if __name__ == "__main__":
    main()
