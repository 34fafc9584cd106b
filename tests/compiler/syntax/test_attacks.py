"""Hostile files: each gets a located error, within five seconds and half a gigabyte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))
from gradc_compiler.diagnostics.render import render_all
from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source
results = []
for path in sys.argv[1:]:
    start = time.process_time()
    try:
        parse(read_source(path))
        shown = ""
    except CompileError as error:
        shown = render_all(error.diagnostics)
    results.append((shown, time.process_time() - start))
print(json.dumps(results))
"""


def in_a_model(text: str) -> str:
    return f"model f(x) {{\n{text}\n}}\n"


ATTACKS = {
    "an empty file": ("", "E0109", ":1:1"),
    "a line of one megabyte": ("a " * 500_000, "E0106", ":1:10001"),
    "a million lines": ("a\n" * 1_000_000, "E0106", ":30001:1"),
    "a million empty lines": ("\n" * 1_000_000, "E0109", ":1:1"),
    "ten thousand parentheses": (in_a_model("(" * 9_000), "E0107", ":2:200"),
    "parentheses on lines": (in_a_model("(\n" * 10_000), "E0107", ":201:1"),
    "ten thousand stages": (in_a_model("x\n" + "|> f\n" * 10_000), "E0107", ":2:1"),
    "ten thousand choices": (in_a_model("(" + "x if x else\n" * 10_000 + "x)"), "E0107", ":202:1"),
    "a run of minus signs": (in_a_model("-" * 9_000 + "x"), "E0107", ":2:201"),
    "errors everywhere": (in_a_model("f(]\n" * 10_000), "E0104", ":2:3"),
    "assignments in a bracket": (in_a_model("f(\n" + "a = 1\n" * 12_000), "E0104", ":2:2"),
    "quotes": ("\"\n'" * 1_000_000, "E0106", ":"),
    "five megabytes": ("x\n" * 2_500_000, "E0106", ":1:1"),
    "a long number": (in_a_model("9" * 9_000), "E0108", ":2:1"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float]]:
    """What is said about each file, and the seconds of processor time it took."""
    folder = tmp_path_factory.mktemp("attacks")
    paths = []
    for number, (text, _, _) in enumerate(ATTACKS.values()):
        paths.append(folder / f"{number}.nn")
        paths[-1].write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, paths)], cwd=ROOT, capture_output=True,
        text=True, timeout=5 * len(ATTACKS), check=False)
    assert run.returncode == 0, run.stderr
    return dict(zip(ATTACKS, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_files(answers: dict[str, tuple[str, float]], attack: str) -> None:
    _, code, place = ATTACKS[attack]
    shown, seconds = answers[attack]
    first = shown.split("\n")[:2]
    assert first[0].startswith(f"error[{code}]") and f".nn{place}" in first[1]
    assert len(shown) < 12_000
    assert seconds < 5
