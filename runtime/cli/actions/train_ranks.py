"""What `mpiexec -n 4 gradc train` does: rank 0 trains as ever and tells, the others only train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from time import sleep
from typing import Any

from gradc_runtime.cli.actions import train as alone
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.with_weights import take_weights
from gradc_runtime.ranks.group import Ranks
from gradc_runtime.ranks.guard import guarded
from gradc_runtime.ranks.launched import launched
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.errors import Interrupted, RankLost, RanksError, RunError
from gradc_runtime.training.trainer import Trainer

HEAD_START = 1.0  # seconds in which rank 0 tells what all have found
NAMED = 6.0  # seconds in which a lost rank's own guard says so and ends the others


def train(spec: Path | None, resume: str | None, given: Mapping[str, Any]) -> int:
    """Train with the other ranks; the exit code."""
    guarded()
    ranks = launched()
    assert ranks is not None, "there are several"
    with ending_together(ranks):
        if ranks.first:
            return alone.led(spec, resume, given, ranks)
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(Interrupted):
            return followed(spec, resume is not None, given, ranks)
    return Interrupted.exit_code


@contextmanager
def ending_together(ranks: Ranks) -> Iterator[None]:
    """Let a fault of this rank end all of them, with one line that names it.

    What goes wrong on all ranks alike is told by rank 0, which ends the others before they speak.
    Raises `RanksError` in place of a fault of any other rank, `RankLost` in place of MPI's own.
    """
    try:
        yield
    except Interrupted:
        raise  # on all ranks, after the same step
    except BaseException as fault:
        ranks.end_at_exit()
        if isinstance(fault, ranks.mpi.Exception):
            sleep(NAMED)  # whoever is lost is named meanwhile, and this rank ended
            what = f"a message between ranks has failed ({fault})"
            raise RankLost(f"{what}, and the run ends; --resume goes on with it") from None
        if ranks.first:
            raise
        sleep(HEAD_START)
        if isinstance(fault, RunError) and not isinstance(fault, RankLost):
            raise RanksError(f"rank {ranks.rank} (on {ranks.hosts[ranks.rank]}): {fault}") from None
        raise


def followed(spec: Path | None, resumed: bool, given: Mapping[str, Any], ranks: Ranks) -> int:
    """Train what rank 0 trains, in silence."""
    leading = ranks.of_first(None)
    request = leading if spec is None else replace(Request.of(spec, given).above(leading))
    request = alone.for_ranks(replace(request, threads=given["threads"]), ranks)
    session = request.session(alone.in_its_memory(request, request.compile()))
    take_weights(session, given)
    data = request.dataset(session)
    settings = resolve(session.training.settings, seed=session.seed, **request.settings)
    return Trainer(session, data, settings, ranks=ranks).run(resume=resumed).exit_code
