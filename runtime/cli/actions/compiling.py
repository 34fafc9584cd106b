"""Compiling before a network trains, while a terminal shows what is being waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

from gradc_runtime.cli.actions.output import console, say
from gradc_runtime.cli.actions.request import prepare
from gradc_runtime.session.session import Session
from gradc_runtime.system.quiet_threads import start_quietly

if TYPE_CHECKING:
    from rich.status import Status

BUILDING = "gradc_runtime.cpu.build_ahead"
GPU_KERNELS = "gradc_runtime.cuda.execution.kernels_ahead"
NATIVE = ("cpu", "numba")  # targets whose kernels can be built before the first call
FELT = 0.5  # seconds from which on people are told how long it took


def compiled(session: Session, batch: int, *, watched: bool) -> None:
    """Compile the steps, saying meanwhile which, and then how long it took if it was felt.

    What every step of the run needs is built now, for its batches; kernels of what only measures
    are built when it is measured.
    """
    steps, started = session.training.steps, monotonic()
    entries = [entry for step in steps for entry in (step.entry, step.evaluate)]
    if watched:
        entries += [e for step in steps for e in (step.gradients, step.adjoints) if e is not None]
    updating = {step.entry for step in steps}
    own = updating if session.target in NATIVE else set()
    with shown("compiling") as status:
        for k, entry in enumerate(entries, 1):
            status.update(f"compiling {entry} ({k} of {len(entries)})")
            prepare(session, [entry])
            if session.target == "cuda" and entry in updating:
                kernels: Any = import_module(GPU_KERNELS)
                kernels.build_ahead(session, entry, batch, partial(told, status, entry))
            if entry in own:
                status.update(f"building the kernels of {entry} ({k} of {len(entries)})")
                import_module(BUILDING).build_ahead(session.runner(entry), batch)
    if (seconds := monotonic() - started) > FELT:
        say(f"compiled in {seconds:.1f} s; the next run finds the kernels in the cache")


def told(status: Status, entry: str, done: int, of: int) -> None:
    """How many kernels of an entry are compiled."""
    status.update(f"compiling the kernels of {entry} ({done} of {of})")


@contextmanager
def shown(said: str) -> Iterator[Status]:
    """A line on standard error, there only while a terminal shows it, that copies may be made
    beside.
    """
    status = console(stderr=True).status(said)
    start_quietly(status.start)
    try:
        yield status
    finally:
        status.stop()
