"""Frameworks as processes that wait for requests, so that they can take turns within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STEPS = 20  # after which memory is read


@dataclass(frozen=True)
class Setting:
    """A framework in one of its settings, on a number of threads."""

    framework: str
    variant: str = ""
    threads: int = 2
    slow: bool = False  # its compiler takes long, so it is measured in a run of its own

    @property
    def name(self) -> str:
        """As the table has it."""
        variant = f"-{self.variant}" if self.variant else ""
        return f"{self.framework}{variant}{'@1' if self.threads == 1 else ''}"


class Worker:
    """One process; `ask` sends a request and waits for its answer."""

    def __init__(self, setting: Setting, python: str, cache: str) -> None:
        self.setting = setting
        self.process = subprocess.Popen(
            [python, "worker.py", setting.framework, str(setting.threads)],
            cwd=HERE,
            env=environment(setting.threads, cache),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.version: str | None = self._read().get("version")  # none if it is not installed

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to a request; with `error` where it could not be done."""
        assert self.process.stdin is not None, "a worker is started with pipes"
        self.process.stdin.write(json.dumps({"variant": self.setting.variant, **request}) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None, "a worker is started with pipes"
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self) -> None:
        """Let it end."""
        self.process.communicate()


def environment(threads: int, cache: str) -> dict[str, str]:
    """Numbers of threads, and caches of compiled code of the benchmark's own."""
    result = dict(os.environ)
    result["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [result.get("PYTHONPATH")])])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CPU_COUNT"):
        result[name] = str(threads)
    result["GRADC_CACHE"] = f"{cache}/gradc"
    result["JAX_COMPILATION_CACHE_DIR"] = f"{cache}/jax"
    result["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    result["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    result["TORCHINDUCTOR_CACHE_DIR"] = f"{cache}/torch"
    result["PYTENSOR_FLAGS"] = f"base_compiledir={cache}/pytensor"
    result["CACHEDB"] = f"{cache}/tinygrad.db"
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        result["XLA_FLAGS"] = flags
    return result


def start(setting: Setting, workload: str, python: str, cache: str) -> dict[str, float]:
    """Seconds from nothing to the first finished step in a new process; and its peak memory."""
    begin = time.perf_counter()
    worker = Worker(setting, python, cache)
    first = worker.ask(workload=workload, steps=1)
    took = time.perf_counter() - begin
    memory = worker.ask(workload=workload, steps=STEPS).get("memory", float("nan"))
    worker.close()
    return {"start": took if "error" not in first else float("nan"), "memory": memory}


def cold_and_warm(setting: Setting, workload: str, python: str) -> dict[str, float]:
    """A start with empty caches, and one more with what it left there."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (start(setting, workload, python, cache) for _ in range(2))
    return {
        "cold": cold["start"],
        "warm": warm["start"],
        "memory": max(cold["memory"], warm["memory"]),
    }
