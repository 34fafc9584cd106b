"""Calling `gradc` inside the test's process: exit code, standard output, standard error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gradc_runtime.cli.run_command import run

SPECS = Path(__file__).parents[3] / "specs"
LINE = """# a line through points
model line(x : scalar) -> scalar {
    param a = 2
    param b = 0
    slope = a * x
    slope + b
}
data points(x : scalar, y : scalar) = csv("points.csv")
train on points {
    minimize (line(x) - y)^2
    using sgd(lr = 0.05), batch 4, epochs 3, held_out 0.25
    report abs(line(x) - y)
}
"""
POINTS = "x,y\n" + "".join(f"{x / 10},{3 * x / 10 + 1}\n" for x in range(16))


@dataclass(frozen=True)
class Answer:
    """What a call gave."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """Standard output with single spaces."""
        return " ".join(self.out.split())


class Caller:
    """`call("check", path)` in a folder that holds `line.nn` and its data."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capture = folder, capture
        self.spec = folder / "line.nn"
        self.spec.write_text(LINE)
        (folder / "points.csv").write_text(POINTS)

    def __call__(self, *arguments: str | Path) -> Answer:
        """Run a command; nothing it prints may be a traceback."""
        self.capture.readouterr()
        code = run([str(argument) for argument in arguments])
        found = self.capture.readouterr()
        assert "Traceback" not in found.err + found.out, found.err
        return Answer(code, found.out, found.err)


def explored_page(spec: Path, folder: Path, *arguments: str) -> Path:
    """What `gradc explore` writes of a spec."""
    path = folder / f"{spec.stem}.html"
    assert run(["explore", str(spec), "-o", str(path), *arguments]) == 0
    return path
