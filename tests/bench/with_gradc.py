"""The workloads in gradc: each is a spec, and a call makes many steps in native code.

The variant "numba" has Numba compile the same kernels.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from functools import cached_property
from typing import Any

import numpy as np
from workloads import Workload

import gradc

VERSION = importlib.metadata.version("gradc")
MOST = 2**25  # bytes of the batches of one call
THREADS = [2]


def load(threads: int) -> None:
    """Use this many threads."""
    THREADS[0] = threads


def covers(workload: Workload, variant: str) -> bool:
    """Everything."""
    return True


class Run:
    """One workload."""

    def __init__(self, workload: Workload, target: str) -> None:
        program = gradc.compile_file(workload.file())
        self.session = gradc.Session(program, target=target, threads=THREADS[0])
        names = [p.name for p in self.session.program.persistents if p.role == "parameter"]
        for name, value in zip(names, workload.start(), strict=True):
            self.session.parameters[name] = value
        given = self.given = workload.data()
        (source,) = self.session.program.data
        self.types = dict(source.fields)
        self.read = {k: given[k] for k in self.session.program.inputs["net"]}
        fitting = MOST // sum(array.nbytes for array in given.values())
        self.steps = max(1, min(workload.at_once, fitting))
        self.data = self.checked(given)

    def checked(self, arrays: dict[str, np.ndarray]) -> Any:
        """Batches as the steps read them."""
        return {
            name: batch
            for step in self.session.training.steps
            for name, batch in self.session.checked(step.entry, arrays, self.types).items()
        }

    @cached_property
    def batches(self) -> Any:
        """Those of many steps; no part of the memory that a step needs."""
        return self.checked({k: np.concatenate([v] * self.steps) for k, v in self.given.items()})

    def work(self) -> dict[str, float]:
        """What a step needs; a module of its own, whose imports no start and no memory count."""
        return importlib.import_module("needed").work_of(self.session, self.given, self.types)

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

    def numbers(self, token: Any) -> np.ndarray:
        """They are such."""
        return token


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload, variant or "cpu")
