"""The workloads in gradc: each is a spec, and a call makes many steps in native code."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Workload

import gradc
from runtime.cli.actions.bench import necessary_bytes
from runtime.cpu.profile import Profile

VERSION = importlib.metadata.version("gradc")
MANY = 50  # steps of one call
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
        given = self.given = workload.data()
        (source,) = self.session.program.data
        types = self.types = dict(source.fields)
        self.read = {k: given[k] for k in self.session.program.inputs["net"]}
        self.steps = max(1, min(MANY, 2**25 // sum(a.nbytes for a in given.values())))
        many = {k: np.concatenate([v] * self.steps) for k, v in given.items()}
        self.data, self.batches = (
            {
                name: batch
                for step in self.session.training.steps
                for name, batch in self.session.checked(step.entry, arrays, types).items()
            }
            for arrays in (given, many)
        )

    def work(self) -> dict[str, float]:
        """What a step needs: operations, bytes that must move, bytes of what persists."""
        program, word = self.session.program, self.session.memory.words.itemsize
        total = {"operations": 0.0, "bytes": 0.0}
        for step in self.session.training.steps:
            entry = program.entries[step.entry]
            wanted = self.session.checked(step.entry, self.given, self.types)
            rows = Profile(self.session.runner(step.entry), wanted).rows()
            for item in (i for phase in entry.phases for i in phase.instructions):
                own = rows[0 if item.time is None else item.time + 1]
                total["operations"] += item.work.operations + item.work.operations_each * own
            total["bytes"] += necessary_bytes(entry, program, rows[0], word)
        footprint = word * sum(p.type.size for p in program.persistents)
        return {**total, "footprint": footprint}

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
