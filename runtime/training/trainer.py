"""Training: epochs over shuffled batches, measured, recorded, and resumable to the bit.

Everything that decides the next step is in the session's words and in a `Position`: the order of an
epoch is a function of the seed and its number, and draws are keyed by seed, step and example.  So a
checkpoint is those two things, and a run that was killed goes on exactly as it would have.

Between native calls, each of which may hold many steps, the trainer looks at the losses, at the
signals and at the clock.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from functools import partial
from math import ceil, inf, isfinite
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc_runtime.certificates.certifying import Certifying, begin
from gradc_runtime.data import split
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.chosen_rows import as_arrays
from gradc_runtime.data.arrays.dataset import taken
from gradc_runtime.data.arrays.examples import Epoch, Examples
from gradc_runtime.ranks.group import Ranks
from gradc_runtime.session.history import History
from gradc_runtime.session.index_reach import (
    first_of,
    require_rows_of_data,
    require_rows_of_examples,
)
from gradc_runtime.session.measuring import measured
from gradc_runtime.session.nan_debug import all_finite, find_fault
from gradc_runtime.session.train_settings import Settings
from gradc_runtime.system.errors import DataError, Diverged, Interrupted
from gradc_runtime.system.stop_signals import StopRequest, stop_requests
from gradc_runtime.training import sharing
from gradc_runtime.training.checkpoint_manager import CheckpointManager
from gradc_runtime.training.display import Display, Silent
from gradc_runtime.training.gradient_monitor import Monitor
from gradc_runtime.training.last_state import LastState
from gradc_runtime.training.memory_limit import RunFrame, require_within
from gradc_runtime.training.position import Position, position_of
from gradc_runtime.training.run_folder import Row, RunFolder
from gradc_runtime.training.steps_per_call import StepsPerCall

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session


class Trainer:
    """One training run of a session on a data set."""

    def __init__(
        self,
        session: Session,
        data: Examples,
        settings: Settings,
        *,
        folder: RunFolder | None = None,
        display: Display | None = None,
        checkpoint_seconds: float = 10.0,
        watch: Monitor | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.session, self.settings, self.ranks = session, settings, ranks
        if session.target == "cpu":
            frame = RunFrame(batch=settings.batch, threads=session.threads, dtype=session.dtype)
            require_within(settings.memory, session.program, frame)
        self.entries = [session.program.entries[step.entry] for step in session.training.steps]
        require_rows_of_data(self.entries, data)
        self.display: Display = display or Silent()
        self.train, self.held_out = split(data, settings.held_out, settings.seed, settings.limit)
        read = {n for s in session.training.steps for n in session.inputs(s.entry)}
        self.names = sorted(read) or list(data.types)[:1]  # one at least: it tells the batch's size
        self.batches = ceil(self.train.examples / settings.batch)
        self.keeper = CheckpointManager(session, folder, self.display, checkpoint_seconds)
        self.watch = watch
        self.position = Position()
        self.rows: list[Row] = []
        self.pace = StepsPerCall(int(self.train.bytes_each(self.names) * settings.batch))
        self.last = LastState(session.memory)
        self.certifying = Certifying()
        if ranks is not None:
            sharing.share(session, data, settings.as_dict(), ranks)

    def run(self, *, resume: bool = False) -> History:
        """Train to the end; with a folder, a signal checkpoints and raises `Interrupted`."""
        if resume:
            self.resume()
        if self.keeper.folder is None and self.ranks is None:
            return self.watched(StopRequest())
        with stop_requests() as request:
            return self.watched(request)

    def watched(self, request: StopRequest) -> History:
        """Train to the end, or until a signal asks to stop."""
        self.keeper.begin(self.state())
        folder = self.keeper.folder
        if self.ranks is None:
            self.certifying = begin(
                self.session, self.train, self.settings.batch, folder.path if folder else None
            )
        self.display.start(self.settings.epochs, self.batches)
        try:
            self.epochs(request)
            saved = self.keeper.save(self.state()) is not None
            self.tell(self.certifying.end())
            self.tell(sharing.summed_up(self.ranks))
        finally:
            self.certifying.leave()
            sharing.leave(self.session, self.ranks)
            self.display.finish(self.rows)
        return History(
            rows=self.rows, step=self.position.step, stopped_early=self.finished_early(),
            saved=self.keeper.folder is None or (saved and not self.keeper.lost()),
        )  # fmt: skip

    def epochs(self, request: StopRequest) -> None:
        """Epoch after epoch, until the last or until nothing improves.

        Raises `DataError` where data that is read meanwhile does not fit, once the run is saved.
        """
        at = self.position
        while at.epoch < self.settings.epochs and not self.finished_early():
            self.obey(request)
            started = monotonic()
            try:
                if at.batch < self.batches:
                    self.steps(request)
                self.end_epoch(monotonic() - started)
            except DataError as fault:  # in a file that is read in blocks during the run
                kept = f"; {self.kept()}" if self.keeper.folder is not None else ""
                raise DataError(f"{fault}{kept}") from None
            self.look_up(request)

    def kept(self) -> str:
        """Save a run that cannot go on; returns the words that say so."""
        path = self.keeper.save(self.state())
        return f"saved {path}; add --resume to go on" if path else "nothing could be saved"

    def steps(self, request: StopRequest) -> None:
        """Train on the batches of the epoch that are left."""
        at, size = self.position, self.settings.batch
        self.last.forget()
        order = self.train.epoch(self.settings.seed, at.epoch, at.batch * size, self.names)
        with closing(order):
            while at.batch < self.batches:
                self.call(order)
                self.look_up(request)

    def finished_early(self) -> bool:
        """Whether patience has run out."""
        patience = self.settings.patience
        return patience is not None and self.position.stale >= patience

    def call(self, order: Epoch) -> None:
        """One native call: as many whole batches as the pace allows, or the last, partial one."""
        at, size = self.position, self.settings.batch
        whole = self.train.examples // size - at.batch
        steps = max(1, min(self.pace.steps, whole))
        if len(self.session.training.steps) > 1 or self.ranks is not None:
            steps = 1  # the steps take turns on each batch; ranks meet after it
        start = at.batch * size
        count = min(steps * size, self.train.examples - start)
        arrays = taken(order, start, start + count, copied=self.session.target != "cuda")
        require_rows_of_examples(
            self.entries, arrays, f"{self.train.name}: after step {at.step}, example"
        )
        self.last.keep(at.batch)
        if self.watch is not None and at.batch == 0:
            self.look(first_of(arrays, steps, 1))
        started = monotonic()
        found = self.session.advance(arrays, steps)
        self.pace.took(steps, monotonic() - started)
        self.certifying.built()
        if not all_finite(found) or not self.session.memory.finite():
            raise self.diverged(arrays, steps)
        self.count(found, steps, count // steps)

    def look(self, arrays: Batches) -> None:
        """Watch the gradients on the first batch of an epoch."""
        watch = self.watch
        assert watch is not None, "asked only of a run that is watched"
        watch.look(self.position.epoch + 1, self.position.step, arrays)
        self.keeper.attempt(lambda folder: watch.write(folder.path))

    def count(self, found: dict[str, np.ndarray], steps: int, examples: int) -> None:
        """Move the position past a call, adding up what it found."""
        at = self.position
        for name, values in found.items():
            for value in values.tolist():  # one by one, so that the sum does not depend on the pace
                at.sums[name] = at.sums.get(name, 0.0) + value * examples
        at.batch += steps
        at.step += steps
        last = {name: float(values[-1]) for name, values in found.items()}
        self.display.batch(at.epoch + 1, at.batch, last)

    def end_epoch(self, seconds: float) -> None:
        """Evaluate, write the row, and keep the best."""
        at = self.position
        row: Row = {"epoch": at.epoch + 1, "step": at.step, "seconds": float(f"{seconds:.3g}")}
        for step in self.session.training.steps:  # in this order, not a checkpoint's
            row |= {n: at.sums[n] / self.train.examples for n in self.session.metrics(step)}
        if self.held_out is not None:
            found = measured(self.session, self.held_out, self.ranks)
            row |= {f"held_out.{name}": value for name, value in found.items()}
        first = next(iter(self.session.metrics(self.session.training.steps[0])))
        score = float(row[f"held_out.{first}" if self.held_out is not None else first])
        score = score if isfinite(score) else inf
        if self.ranks is not None:
            sharing.require_same_weights(self.ranks, self.session, at.epoch + 1)
        at.epoch, at.batch, at.sums, at.stale = at.epoch + 1, 0, {}, at.stale + 1
        if at.best is None or score < at.best:
            at.best, at.stale = score, 0
            self.keeper.mark_best(self.state())
        self.rows.append(row)
        self.keeper.record(row)
        self.display.epoch(row)

    def look_up(self, request: StopRequest) -> None:
        """Between calls: obey a signal, or save if it is time.

        Raises `Interrupted` after a signal, once the run is saved.
        """
        self.obey(request)
        self.keeper.save_if_due(self.state)
        self.tell(self.certifying.look())

    def obey(self, request: StopRequest) -> None:
        """Save the run and raise `Interrupted`, if somebody has asked to stop."""
        asked = request.signal is not None
        if asked if self.ranks is None else self.ranks.all_stop(asked):
            saved = f"interrupted after step {self.position.step}: {self.kept()}"
            raise Interrupted(saved, self.keeper.last_path)

    def tell(self, line: str) -> None:
        """A note, if there is anything to say."""
        if line:
            self.display.note(line)

    def diverged(self, arrays: Batches, steps: int) -> Diverged:
        """Which step, batch, operator and line made a number that is not finite in a call."""
        at, seed = self.position, self.settings.seed
        again = partial(self.train.epoch, seed, at.epoch, names=self.names)
        self.last.take_again(self.session.advance, again, at.batch, self.settings.batch)
        finding = find_fault(self.session, Batches(as_arrays(arrays)), steps)
        step, batch = at.step + finding.index + 1, at.batch + finding.index + 1
        place = f"step {step} (epoch {at.epoch + 1}, batch {batch}); {finding.where}"
        kept = f"; {path} is the last checkpoint" if (path := self.keeper.last_path) else ""
        return Diverged(f"{finding.what} at {place}{kept}")

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds besides the words."""
        return {
            "position": asdict(self.position), "settings": self.settings.as_dict(),
            "data": self.train.name,
            "examples": self.train.examples,
            "order": self.train.order,
            "target": self.session.target,
            "precision": self.session.program.precision,
        }  # fmt: skip

    def resume(self) -> None:
        """Go back to the newest whole checkpoint of the folder."""
        ranks = self.ranks
        found = self.keeper.newest(self.state()) if ranks is None or ranks.first else None
        checkpoint = found if ranks is None else sharing.restored(ranks, found)
        if checkpoint is None:
            self.display.note("no checkpoint yet: starting from the beginning")
            return
        steps = self.session.training.steps
        metrics = {name for step in steps for name in self.session.metrics(step)}
        position = position_of(checkpoint.state, batches=self.batches, metrics=metrics)
        self.session.tables.restore(checkpoint)
        self.position = position
        self.rows = self.keeper.rewind(self.position.epoch)
        if (watch := self.watch) is not None:
            self.keeper.attempt(lambda folder: watch.resume(folder.path, self.position.step))
        done = self.position.epoch >= self.settings.epochs
        more = f"; all {self.settings.epochs} epochs are done, --epochs N goes on" if done else ""
        self.display.note(f"resumed after step {self.position.step} ({checkpoint.name}){more}")
