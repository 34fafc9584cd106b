"""What `gradc sweep` does: a process for each run, several at a time, and one table.

A run is `gradc train` with its settings, in the folder of the sweep, under a name that says them.
What is done is told by the folders, so the same command goes on where one was stopped: runs that
have ended are left alone, one that was interrupted is resumed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import sleep
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.parse.read_file import STANDARD_INPUT
from gradc_runtime.cli.actions.output import counted, say, write_json
from gradc_runtime.cli.actions.run_facts import read_run
from gradc_runtime.cli.actions.runs import show_runs
from gradc_runtime.cli.actions.sweep_plan import name_of, planned
from gradc_runtime.cli.faults import FAULT, Refused
from gradc_runtime.system.folder_lock import held
from gradc_runtime.training.progress import duration, shown
from gradc_runtime.training.run_folder import RunFolder

PASSED = (  # options of `gradc train`, as they are
    "data", "batch", "epochs", "held_out", "patience", "target", "dtype", "precision", "seed",
    "memory",
)  # fmt: skip
ENDED = "ended"  # a file in the folder of a run that has come to its end
LOOK = 0.05  # seconds between two looks at the processes
PATIENCE = 30.0  # seconds to save a run that is stopped


@dataclass
class Job:
    """One run of a sweep."""

    name: str
    settings: Mapping[str, Any]
    folder: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def is_ended(self, asked: Sequence[str]) -> bool:
        """Whether an earlier sweep, asked with the same options, has brought it to its end."""
        file = self.folder / ENDED
        return file.is_file() and file.read_text() == json.dumps([*asked])

    def start(self, arguments: Sequence[str], spec: Path) -> None:
        """Train, or go on."""
        command = [sys.executable, "-m", "gradc_runtime.cli", "train", str(spec)]
        if RunFolder(self.folder).is_run():
            command += ["--resume", str(self.folder)]
        else:
            command += ["--out", str(self.folder.parent), "--name", self.name]
            for name, value in self.settings.items():
                command += ["--set", f"{name}={value}"]
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    def last_line(self) -> str:
        """What the run said last, which of one that failed is why."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        told = [line for line in lines if "error[" in line or line.startswith("gradc: ")]
        return (told or [line for line in lines if line.strip()] or ["it said nothing"])[-1]


def sweep(spec: Path, given: Mapping[str, Any]) -> int:
    """Train all; the exit code.

    Raises `Refused` where nothing can be swept.
    """
    if spec == STANDARD_INPUT:
        raise Refused("a sweep reads its spec many times: it has to be a file")
    folder = given["out"] / (given["name"] or f"{spec.stem}-sweep")
    jobs = [
        Job(name, settings, folder / name, folder / f"{name}.log")
        for settings in planned(given["lists"], given["random"], given["seed"] or 0)
        for name in [name_of(settings)]
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        failed = all_run(spec, jobs, given)
    runs = [read_run(job.folder) for job in jobs if (job.folder / "settings.json").is_file()]
    if given["as_json"]:
        write_json([run.as_data() for run in runs])
    elif runs:
        show_runs(runs)
    for job in failed:
        say(f"failed: {job.name}, see {job.log}")
    return FAULT if failed else 0


def all_run(spec: Path, jobs: Sequence[Job], given: Mapping[str, Any]) -> list[Job]:
    """Run what has not ended yet, some at a time; those that failed."""
    asked, cores = options_of(given), len(os.sched_getaffinity(0))
    waiting = [job for job in jobs if not job.is_ended(asked)]
    at_once = min(given["jobs"] or cores, max(1, len(waiting)))
    done = len(jobs) - len(waiting)
    known = f", {done} of them done" if done else ""
    say(f"{counted(len(jobs), 'run')}{known}, {at_once} at a time; in {jobs[0].folder.parent}")
    asked_each = [*asked, "--threads", str(given["threads"] or cores // at_once or 1)]
    running, failed = list[Job](), list[Job]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(waiting.pop(0))
                running[-1].start(asked_each, spec)
            sleep(LOOK)
            over = [job for job in running if is_over(job)]
            running = [job for job in running if job not in over]
            for job in over:
                done += 1
                failed += [] if tell(job, f"{done}/{len(jobs)}", asked) else [job]
    except KeyboardInterrupt:
        stop(running)
        raise
    return failed


def options_of(given: Mapping[str, Any]) -> list[str]:
    """The options that all runs are trained with, but for threads, which change no number."""
    found = list[str]()
    for name in PASSED:
        if given[name] is not None:
            found += [f"--{name.replace('_', '-')}", str(given[name])]
    for name in given["without"]:
        found += ["--without", name]
    flags = {"--exact": given["exact"], "--allow-path": given["allow_path"]}
    return [*found, *(flag for flag, wanted in flags.items() if wanted)]


def is_over(job: Job) -> bool:
    """Whether a process has ended."""
    return job.process is not None and job.process.poll() is not None


def tell(job: Job, place: str, asked: Sequence[str]) -> bool:
    """Say how a run ended, and keep that it did; whether it ended well."""
    if job.process is None or job.process.returncode != 0:
        say(f"{place}  {job.name}  failed: {job.last_line()}")
        return False
    (job.folder / ENDED).write_text(json.dumps([*asked]))
    run = read_run(job.folder)
    best = f"  {run.score} {shown(run.best_score)}" if run.rows else ""
    say(f"{place}  {job.name}{best}  {duration(run.seconds)}")
    return True


def stop(jobs: Sequence[Job]) -> None:
    """Let the runs save themselves and end, and say so."""
    for job in jobs:
        if job.process is not None and job.process.poll() is None:
            job.process.send_signal(signal.SIGTERM)
    for job in jobs:
        if job.process is not None:
            try:
                job.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                job.process.kill()
    say("stopped; the same command goes on with it")
