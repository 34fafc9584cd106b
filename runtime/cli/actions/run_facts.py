"""What is known of runs from their folders: how they were asked for, and what came of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import inf, isfinite
from pathlib import Path
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.train_settings import LIMITS
from gradc_runtime.training.progress import metrics_of
from gradc_runtime.training.run_folder import Row, RunFolder

PAIR = re.compile(r"(\w+) = ([^,()]+)")  # a setting of an optimizer, as people read it
HELD_OUT = "held_out."
ROUNDED = 8  # hexadecimal digits that stand for the text of a spec


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run: its folder, what it was asked with, and its rows of metrics."""

    path: Path
    facts: Mapping[str, Any]  # settings of training and of optimizers, data, spec, ...
    rows: Sequence[Row]

    @property
    def name(self) -> str:
        """What its folder is called."""
        return self.path.name

    @property
    def program(self) -> str:
        """The name of its spec."""
        return str(self.facts.get("program", ""))

    @property
    def score(self) -> str:
        """The metric by which an epoch is the best: the first loss, held out if there is such."""
        names = metrics_of(self.rows[-1]) if self.rows else []
        return next((n for n in names if n.startswith(HELD_OUT)), names[0] if names else "")

    @property
    def best(self) -> Row:
        """The row of the best epoch; empty before the first."""
        return min(self.rows, key=lambda row: finite(row.get(self.score)), default={})

    @property
    def best_score(self) -> float:
        """What that epoch has; infinity before the first."""
        return finite(self.best.get(self.score))

    @property
    def epochs(self) -> str:
        """How many are done, and of how many if they are not all."""
        done, wanted = self.rows[-1]["epoch"] if self.rows else 0, self.facts.get("epochs")
        return str(done) if done == wanted else f"{done}/{wanted}"

    @property
    def seconds(self) -> float:
        """How long its epochs took."""
        return float(sum(row["seconds"] for row in self.rows))

    def as_data(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {
            "run": str(self.path), "settings": dict(self.facts), "epochs": len(self.rows),
            "seconds": round(self.seconds, 3), "best": dict(self.best),
            "last": dict(self.rows[-1]) if self.rows else {},
        }  # fmt: skip


def finite(value: Any) -> float:
    """A number to compare; infinity for none."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else inf


def read_run(path: Path) -> Run:
    """The run in a folder; files that cannot be read are as if they were not there."""
    settings, command = data_in(path / "settings.json"), data_in(path / "command.json")
    facts = {name: value for name, value in settings.items() if not isinstance(value, dict | list)}
    facts |= as_dict(settings.get("constants"))
    using = as_dict(settings.get("using"))
    for step, text in using.items():
        prefix = f"{step}." if len(using) > 1 else ""
        kind = str(text).partition("(")[0]
        facts |= {f"{prefix}using": kind}
        facts |= {f"{prefix}{name}": number(value) for name, value in PAIR.findall(str(text))}
    facts |= {n: v for n, v in as_dict(command.get("overrides")).items() if n not in facts}
    with suppress(OSError):
        facts["spec"] = hashlib.sha256((path / "spec.nn").read_bytes()).hexdigest()[:ROUNDED]
    return Run(path=path, facts=facts, rows=RunFolder(path).rows())


def data_in(path: Path) -> dict[str, Any]:
    """The object in a file of JSON; an empty one where there is none."""
    try:
        return as_dict(json.loads(path.read_text()))
    except (OSError, ValueError, RecursionError):
        return {}


def as_dict(value: Any) -> dict[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number(text: str) -> Any:
    """A number, where a text is one."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text.strip()


def runs_in(places: Sequence[Path]) -> list[Run]:
    """The runs that are named, and those within folders that are named, oldest first.

    Raises `Refused` where there is none.
    """
    found = dict.fromkeys(path for place in places for path in folders_of(place))
    if not found:
        where = ", ".join(map(str, places))
        raise Refused(f"there is no run in {where}; gradc train SPEC makes one")
    return [read_run(path) for path in sorted(found, key=began)]


def folders_of(place: Path) -> Iterable[Path]:
    """The folder of a run itself, or those within a folder.

    Raises `Refused` for what is no folder.
    """
    if (place / "settings.json").is_file():
        return [place]
    if not place.is_dir():
        raise Refused(f"there is no folder {place}")
    return [path.parent for path in place.glob("*/settings.json")]


def began(path: Path) -> float:
    """When a run began: its spec was written then, or when it went on."""
    return (path / "settings.json").stat().st_mtime


def named_run(text: str) -> Path:
    """A run by its folder, or by its name in `runs`.

    Raises `Refused` for what is neither.
    """
    for path in (Path(text), Path("runs") / text):
        if (path / "settings.json").is_file():
            return path
    raise Refused(f"{text} is not the folder of a run, and no run in runs is called so")


def differing(runs: Sequence[Run]) -> list[str]:
    """The facts that are not the same for all runs; of the settings that training has, first."""
    names = dict.fromkeys(name for run in runs for name in run.facts)
    apart = [name for name in names if len({str(run.facts.get(name)) for run in runs}) > 1]
    apart = [name for name in apart if name not in UNSAID]
    return sorted(apart, key=lambda name: (name in ORDER, ORDER.get(name, 0)))


UNSAID = frozenset(("threads", "examples", "numpy", "session_seed", "block", "in_memory"))
ORDER = {name: k for k, name in enumerate((*LIMITS, "data", "target", "dtype", "program", "spec"))}
