"""The workloads in gradc: each is a spec, and a call makes many steps in native code."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Workload

import gradc

VERSION = importlib.metadata.version("gradc")
LONGEST, MANY = 0.02, 50  # seconds and steps of one call
THREADS = [2]


def load(threads: int) -> None:
    """Use this many threads."""
    THREADS[0] = threads


class Run:
    """One workload."""

    def __init__(self, workload: Workload) -> None:
        spec = Path(__file__).parent / "specs" / f"{workload.spec}.nn"
        self.session = gradc.Session(gradc.compile_file(spec), threads=THREADS[0])
        names = [p.name for p in self.session.program.persistents if p.role == "parameter"]
        for name, value in zip(names, workload.start(), strict=True):
            self.session.parameters[name] = value
        self.data = workload.data()
        self.read = {k: self.data[k] for k in self.session.inputs("forward/net")}
        self.steps = MANY
        size = sum(a.nbytes for a in self.data.values())
        self.steps = max(1, min(MANY, 2**25 // size))
        self.batches = {k: np.concatenate([v] * self.steps) for k, v in self.data.items()}

    def step(self) -> Any:
        """One step; the losses of all that the spec names, added."""
        return sum(float(losses[-1]) for losses in self.session.advance(self.data).values())

    def advance(self) -> Any:
        """Several steps."""
        return self.session.advance(self.batches, self.steps)

    def infer(self) -> Any:
        """The output."""
        return self.session.run("net", **self.read)

    def wait(self, token: Any) -> None:
        """Nothing is left to do."""

    def loss(self, token: Any) -> float:
        """The number."""
        return float(token)


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload)
