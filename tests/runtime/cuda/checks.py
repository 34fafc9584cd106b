"""All that is checked of the CUDA back end without a GPU, as one table: kernels x checks.

    python -m tests.runtime.cuda.checks            # within six minutes on two cores
    python -m tests.runtime.cuda.checks --only graph,faults

(a) kernels in the simulator, in any order of threads and of the graph; (b) PTX and machine code
with their resources; (c) graphs, edges against words; (d) planted faults; (e) the same texts
through numba-cuda-mlir, which may fail.  Two parts run at a time, the longest first.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cuda.estimates.step_of_entry import planned_calls
from gradc_runtime.cuda.launch.merge_calls import merged

HERE = "tests/runtime/cuda"
ROOT = Path(__file__).parents[3]
SPECS = ("house", "curve", "circle", "mnist_cnn")
AT_ONCE = 2  # parts
PARTS: dict[str, tuple[str, bool, list[str]]] = {  # the letter, whether in the simulator, tests
    "ptx": ("b", False, [f"{HERE}/test_ptx.py"]),
    "races": ("d", True, [*(f"{HERE}/{name}_in_simulator.py"
                            for name in ("tiles", "rows", "tensors", "tile_faults", "recurrence",
                                         "attention")),
                          "-k", "planted or counting"]),
    "tiles": ("a", True, [f"{HERE}/tiles_in_simulator.py", "-k", "not planted"]),
    "rows": ("a", True, [f"{HERE}/rows_in_simulator.py", "-k", "not planted"]),
    "tensors": ("a", True, [f"{HERE}/tensors_in_simulator.py", "-k", "not planted"]),
    "recurrence": ("a", True, [f"{HERE}/recurrence_in_simulator.py", "-k",
                               "not planted and not counting"]),
    "attention": ("a", True, [f"{HERE}/attention_in_simulator.py", "-k", "not planted"]),
    "specs": ("a", True, [f"{HERE}/specs_in_simulator.py", "-k",
                          "(house or curve or circle or take_turns) or (adding and float32)"]),
    "sequences": ("a", True, [f"{HERE}/sequences_in_simulator.py"]),
    "driver": ("a", True, [f"{HERE}/devices/driver_in_simulator.py"]),
    "resources": ("b", False, [f"{HERE}/test_newer_devices.py", *(f"{HERE}/test_{kind}_resources.py"
                               for kind in ("tile", "row", "recurrence", "attention"))]),
    "cache": ("b", False, [f"{HERE}/devices/test_warm_start.py"]),
    "graph": ("c", False, [f"{HERE}/launch", "-k", "not missing"]),
    "declared": ("c", True, [f"{HERE}/launch/declared_in_simulator.py"]),
    "faults": ("d", False, [f"{HERE}/launch", f"{HERE}/devices/test_driver_calls.py", "-k",
                            "missing or share_words or fails or staged"]),
}  # fmt: skip


def kernels() -> tuple[int, int]:
    """Different kernels, and launches, of a step of some specs."""
    texts: set[tuple[str, int]] = set()
    launches = 0
    for spec in SPECS:
        program = compile_file(ROOT / "specs" / f"{spec}.nn").of_target("cuda")
        for step in program.training.steps if program.training else ():
            graph = merged(planned_calls(program.entries[step.entry], 32))
            launches += len(graph.nodes)
            texts |= {call.kernel for node in graph.nodes for call in node.calls}
    return len(texts), launches


def run(part: str) -> tuple[str, bool]:
    """A part's line of the table, and whether it holds."""
    letter, simulated, tests = PARTS[part]
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"} if simulated else dict(os.environ)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        started = subprocess.Popen(
            [*command, "-W", "ignore::RuntimeWarning"], cwd=ROOT, env=environment,
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().strip()
    took = f"{time.monotonic() - begin:6.1f} s, {used.ru_utime + used.ru_stime:5.1f} of a core"
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", said.splitlines()[-1])
    line = f"({letter}) {part:10s} {', '.join(map(' '.join, counts)) or 'no answer':32s} {took}"
    held = started.returncode == 0 or (started.returncode == 5 and not counts)
    return line if held else f"{line}  FAILS\n{said[-2000:]}", held


def main() -> int:
    """Print the table; 1 if a part but the last does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS))
    wanted = parser.parse_args().only.split(",")
    texts, launches = kernels()
    print(f"{texts} kernels in {launches} launches of {len(SPECS)} specs, checked by:", flush=True)
    held = True
    with ThreadPoolExecutor(AT_ONCE) as two:
        for line, fine in two.map(run, (part for part in PARTS if part in wanted)):
            held &= fine
            print(line, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"{HERE.replace('/', '.')}.in_mlir"], cwd=ROOT, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    print(f"(e) mlir       {(done.stdout or done.stderr).strip().splitlines()[-1]}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
