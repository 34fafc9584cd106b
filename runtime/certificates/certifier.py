"""The copy of a process that certifies a program's kernels, at the lowest priority.

It begins with the reference's results; the kernels' turn comes once the run has built them.  What
it finds goes into the cache, and to the run while that lasts (`certifying`).  It leaves terminal,
files and locks to the run, takes at most 60 s of one core and 1 GB, and ends by itself.

Nothing is copied where other threads run (their locks stay shut in a copy) or where there is no
cache.
"""

from __future__ import annotations

import os
import resource
import signal
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_compiler.program.entry import Entry, Kernel
from gradc_runtime.certificates import certificate as certificates
from gradc_runtime.certificates.certificate import DIFFERS, TOO_LARGE, Certificate
from gradc_runtime.certificates.certifying import Certifying
from gradc_runtime.certificates.comparison import Comparison
from gradc_runtime.cpu.objects import compile_kernels as kernels
from gradc_runtime.cpu.objects.build_locks import locked
from gradc_runtime.cpu.objects.object_cache import load, trusted_directory
from gradc_runtime.data import Examples

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

EXAMPLES = 4  # of a sample
MOST_WORK = 2e9  # operations of a sample
LARGEST_WORK = 2e10  # of an example, beyond which nothing is compared
SECONDS, BYTES = 60, 1 << 30  # that a copy may take
NICENESS = 19
_copies: list[int] = []  # that may have ended since


class TooLarge(Exception):
    """The copy has used up its time."""


def begin(session: Session, data: Examples, batch: int, folder: Path | None = None) -> Certifying:
    """Look for the certificate of a program that is about to be trained, or have one made.

    Raises `Disagreement` where its kernels are known to be wrong.
    """
    if not certificates.are_wanted() or trusted_directory() is None:
        return Certifying()
    batch = min(batch, data.examples)
    key = certificates.key_for(session, batch)
    if (known := certificates.load(key)) is not None:
        known.require_agreement()
        return Certifying()
    if not kernels.may_copy_process():
        return Certifying()
    return start_copy(session, data, batch, key, folder)


def start_copy(
    session: Session, data: Examples, batch: int, key: str, folder: Path | None
) -> Certifying:
    """Have a certificate made."""
    reap()
    said, say = os.pipe()
    wait, go = os.pipe()
    with warnings.catch_warnings():  # Python's own, about threads of the C library
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        try:
            withdraw({say, wait})
            with locked("@" + key, wait=False) as free:
                if free:
                    answer(key, made_of(session, data, batch, wait), say, folder)
        finally:
            os._exit(0)
    os.close(say)
    os.close(wait)
    _copies.append(process)
    return Certifying(key, said, go)


def reap() -> None:
    """Forget copies that have ended."""
    for process in list(_copies):
        with suppress(ChildProcessError):
            if os.waitpid(process, os.WNOHANG) == (0, 0):
                continue
        _copies.remove(process)


def withdraw(kept: set[int]) -> None:
    """Leave terminal, files, locks and signals to the run, and take little of the machine."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    for handle in range(3, max(*kept, null) + 1):
        if handle not in kept:
            with suppress(OSError):
                os.close(handle)
    beyond = max(*kept, null) + 1
    os.closerange(beyond, max(beyond, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16)))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGXCPU, out_of_time)
    with suppress(OSError, AttributeError):
        if NICENESS:
            os.nice(NICENESS)
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    limit(resource.RLIMIT_CPU, SECONDS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit(resource.RLIMIT_AS, pages * resource.getpagesize() + BYTES)


def limit(what: int, most: int) -> None:
    """Lower a limit of this process."""
    soft, hard = resource.getrlimit(what)
    if soft == resource.RLIM_INFINITY or soft > most:
        resource.setrlimit(what, (most, hard))


def out_of_time(number: int, frame: Any) -> None:
    """What SIGXCPU does.

    Raises `TooLarge`.
    """
    raise TooLarge


def answer(key: str, found: Certificate, say: int, folder: Path | None) -> None:
    """Keep a certificate, in the folder of a run that is wrong too, and tell the run."""
    certificates.save(key, found)
    if found.state == DIFFERS and folder is not None:
        (folder / certificates.FILE).write_bytes(certificates.written(found))
    with suppress(BrokenPipeError):  # it is over
        os.write(say, certificates.written(found))


def made_of(session: Session, data: Examples, batch: int, wait: int) -> Certificate:
    """Compare; the kernels are there once nobody holds the other end of `wait`."""
    too_large = Certificate(
        program=session.program.name, dtype=session.dtype, state=TOO_LARGE,
        found=f"it would take more than {SECONDS} s or {BYTES >> 30} GB",
    )  # fmt: skip
    if (work := max(1.0, work_of(session, data))) > LARGEST_WORK:
        return too_large
    count = max(1, min(EXAMPLES, data.examples, int(MOST_WORK / work)))
    samples = [data.take(slice(at, at + count)) for at in (0, data.examples - count)]
    try:
        comparison = Comparison(session, batch, samples)
        os.read(wait, 1)
        build(session, batch)
        return comparison.certificate()
    except (MemoryError, TooLarge):
        return too_large


def work_of(session: Session, data: Examples) -> float:
    """About how many operations the steps take for an example."""
    rows, total = {time: float(n.mean()) for time, n in data.lengths.items()}, 0.0
    longest = max([1.0, *rows.values()])
    for entry in certificates.entries_of(session, data.examples):
        for phase in entry.phases:
            for item in phase.instructions:
                each = 1.0 if item.time is None else longest
                total += item.work.operations + item.work.operations_each * each
    return total


def build(session: Session, batch: int) -> None:
    """What the run has not built is built here, holding no lock that it might wait for."""
    word = session.memory.words.dtype.itemsize
    for step in session.training.steps:
        for name in (step.entry, step.gradients, step.evaluate):
            for kernel in kernels_of(certificates.as_run(session.program.entries[name], batch)):
                if load(kernels.key_of(kernel.name, kernel.source, word)) is None:
                    kernels.built_anew(kernel, word)


def kernels_of(entry: Entry) -> list[Kernel]:
    """Every kernel that an entry may call."""
    small = entry.whole_step.entry.kernels if entry.whole_step is not None else ()
    return [Kernel("walk"), Kernel("straight"), *small, *entry.kernels]
