"""A training run on several ranks: all take the same steps, and only rank 0 writes files.

Every rank has the spec and the data, and shuffles alike.  Spec, data and settings are compared
before the first step.  The weights are compared after every epoch, since processors of two kinds
may round differently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.program.entry import Entry
from gradc_runtime.data.arrays.dataset import Dataset
from gradc_runtime.data.arrays.examples import Examples
from gradc_runtime.ranks.group import Ranks
from gradc_runtime.session.checkpoint import Checkpoint
from gradc_runtime.system.errors import RanksError

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

SHARED: Mapping[str, tuple[str, str]] = {  # of each target the module and the class
    "cpu": ("gradc_runtime.cpu.shared_executable", "SharedExecutable"),
    "cuda": ("gradc_runtime.cuda.execution.shared_cuda", "SharedCudaExecutable"),
}
LOOKED_AT = 64  # examples at the front of data that is read while it trains


def share(session: Session, data: Examples, settings: Mapping[str, Any], ranks: Ranks) -> None:
    """Let the steps of a session run on all ranks from now on.

    Raises `RanksError` where a rank has another spec, other data or other settings.
    """
    require_alike(ranks, facts(session, data, settings))
    if session.target not in SHARED:
        known = " and ".join(SHARED)
        raise RanksError(f"several ranks train on the targets {known}, not {session.target}")
    session.memory.words[...] = ranks.of_first(session.memory.words)
    module, name = SHARED[session.target]
    executable: Any = getattr(import_module(module), name)
    dtype = session.memory.mirror.dtype
    for step in session.training.steps:
        entry = session.program.entries[step.entry]
        words = session.memory.words if session.target == "cpu" else session.memory
        session.runners[step.entry] = executable(entry, words, dtype, session.threads, ranks)


def leave(session: Session, ranks: Ranks | None) -> None:
    """Let the steps of a session run on this rank alone again."""
    for step in session.training.steps if ranks is not None else ():
        session.runners.pop(step.entry, None)


def facts(session: Session, data: Examples, settings: Mapping[str, Any]) -> dict[str, str]:
    """What must be equal on all ranks, under the names that messages use."""
    program = session.program
    told = {
        "another spec": [program.name, program.source],
        "other settings": [sorted(settings.items()), session.target, session.dtype, session.seed],
        "another program": [compiled(program.entries[s.entry]) for s in session.training.steps],
    }
    found = {name: hashlib.sha256(repr(what).encode()).hexdigest() for name, what in told.items()}
    return {**found, "other data": digest(data)}


def compiled(entry: Entry) -> list[Any]:
    """The parts of a step's entry that decide the bits of its results."""
    geometry = [item.geometry for phase in entry.phases for item in phase.instructions]
    constants = [(c.offset, repr(c.value)) for c in entry.constants]
    kernels = [(kernel.name, kernel.source) for kernel in entry.kernels]
    return [kernels, geometry, constants, entry.block, entry.wide_block, entry.chunks]


def digest(data: Examples) -> str:
    """A digest of all numbers in memory; of data read in blocks, of its size and its front."""
    kept = hashlib.blake2b(repr((data.examples, data.order)).encode())
    part = data.arrays if isinstance(data, Dataset) else data.take(slice(0, LOOKED_AT))
    for name in sorted(part):
        batch = part[name]
        arrays = (batch.values, batch.lengths) if isinstance(batch, Ragged) else (batch,)
        for array in arrays:
            kept.update(f"{name} {array.dtype} {array.shape}".encode())
            kept.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return kept.hexdigest()


def require_alike(ranks: Ranks, own: Mapping[str, str]) -> None:
    """Compare this rank's facts with those of all others.

    Raises `RanksError` on every rank, naming the first one that is unlike rank 0.
    """
    first, *others = ranks.all_of(dict(own))
    for rank, found in enumerate(others, 1):
        for what, wanted in first.items():
            if found.get(what) != wanted:
                raise RanksError(f"rank {rank} (on {ranks.hosts[rank]}) has {what} than rank 0")


def require_same_weights(ranks: Ranks, session: Session, epoch: int) -> None:
    """Compare the weights of all ranks after an epoch.

    Raises `RanksError` where a rank computes other bits.
    """
    kept = hashlib.blake2b(session.memory.words.tobytes()).hexdigest()
    require_alike(ranks, {f"other weights after epoch {epoch}, by another processor,": kept})


def restored(ranks: Ranks, checkpoint: Checkpoint | None) -> Checkpoint | None:
    """The checkpoint that rank 0 has found, sent to every rank."""
    tensors = None if checkpoint is None else dict(checkpoint.tensors)
    told = None if checkpoint is None else (tensors, dict(checkpoint.state), checkpoint.name)
    found = ranks.of_first(told)
    if found is None:
        return None
    return Checkpoint(tensors=found[0], state=found[1], name=found[2])


def summed_up(ranks: Ranks | None) -> str:
    """A line on the traffic of all ranks: bytes a step, the least possible, seconds waited."""
    if ranks is None:
        return ""
    told = ranks.all_of(ranks.traffic)
    steps = max(ranks.traffic.steps, 1)
    sent, least = (sum(getattr(t, n) for t in told) / ranks.size / steps for n in ("sent", "least"))
    waited = ", ".join(f"{t.waited:.1f}" for t in told)
    on_way, held_up = (sum(getattr(t, n) for t in told) for n in ("on_way", "held_up"))
    hidden = f"{1 - held_up / on_way:.0%}" if on_way else "none"
    unlike = ranks.traffic.unlike
    order = f"; sums of {unlike:,} of {steps:,} in another order than one machine's"
    idle = ranks.traffic.idle
    left = f"; {idle} had nothing to do, as a batch has {ranks.size - idle} chunks" if idle else ""
    return (
        f"{ranks.size} ranks: {sent:,.0f} bytes a step and rank were sent, {least:,.0f} is the"
        f" least; sums on their way: {hidden} of that time hidden by computing;"
        f" seconds waited: {waited}{order if unlike else '; the bits of one machine'}{left}"
    )
