"""What a step of gradc's needs at least: the work of its instructions, whoever does it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_runtime.cli.actions.bench import necessary_bytes
from gradc_runtime.cpu.tuning.instruction_profile import Profile
from gradc_runtime.session.session import Session


def work_of(session: Session, given: dict[str, np.ndarray], types: Any) -> dict[str, float]:
    """Operations, bytes that must move, bytes of what persists, on this batch."""
    program, word = session.program, session.memory.words.itemsize
    total = {"operations": 0.0, "bytes": 0.0}
    for step in session.training.steps:
        entry = program.entries[step.entry]
        wanted = session.checked(step.entry, given, types)
        rows = Profile(session.runner(step.entry), wanted).rows()
        for item in (i for phase in entry.phases for i in phase.instructions):
            own = rows[0 if item.time is None else item.time + 1]
            total["operations"] += item.work.operations + item.work.operations_each * own
        total["bytes"] += necessary_bytes(entry, program, rows[0], word)
    footprint = word * sum(p.type.size for p in program.persistents)
    return {**total, "footprint": footprint}
