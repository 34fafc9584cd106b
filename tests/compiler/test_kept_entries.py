"""Schedules are kept under all that they follow from, and only made where none is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gradc_compiler import entry_maker
from gradc_compiler.graph_tools.graph_text import print_graph
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program import shelf
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.entry_text import print_entry_text

TEXT = """
model f(x : [9]) -> [4] {{ x |> repeat(8, dense(32) |> {activation} |> layer_norm) |> dense(4) }}
data d(x : [9], y : [4]) = npz("none.npz")
train on d {{ minimize sum((f(x) - y)^2) using adam(lr = {rate}), batch 32, epochs 1 }}
"""
BASE = TEXT.format(activation="tanh", rate=0.1)
STEP = "step/f"


@dataclass
class Texts:
    """A shelf that is a dictionary."""

    kept: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def find(self, fact: str) -> str | None:
        return self.kept.get(fact)

    def keep(self, fact: str, text: str, about: str) -> None:
        self.kept[fact] = text

    def refuse(self, fact: str) -> None:
        self.refused.append(fact)


@pytest.fixture
def texts() -> Iterator[Texts]:
    """The shelf in use."""
    before, found = list(shelf._openers), Texts()
    shelf.use(lambda: found)
    yield found
    shelf.use(*before)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the entries that were scheduled."""
    names: list[str] = []
    schedule = entry_maker.schedule

    def counted(name: str, *rest: Any, **others: Any) -> Entry:
        names.append(name)
        return schedule(name, *rest, **others)

    monkeypatch.setattr(entry_maker, "schedule", counted)
    return names


def step_of(text: str = BASE, **options: Any) -> Entry:
    """The entry of the one step."""
    program = compile_source(text, **options)
    assert program.training is not None
    return program.entries[program.training.steps[0].entry]


def test_a_schedule_that_was_kept_is_not_made_again(texts: Texts, made: list[str]) -> None:
    first, second = step_of(), step_of()
    assert len(made) == 1 and len(texts.kept) == 1
    assert print_entry_text(first) == print_entry_text(second)
    assert print_graph(first.graph) == print_graph(second.graph)  # made when it is asked for


@pytest.mark.parametrize(
    "options",
    [
        {"text": TEXT.format(activation="relu", rate=0.1)},
        {"text": TEXT.format(activation="tanh", rate=0.2)},
        {"text": BASE, "overrides": {"lr": 0.3}},
        {"text": BASE, "without": ["fusion"]},
        {"text": BASE, "precision": "bf16"},
        {"text": "\n" + BASE},  # the lines that a table names
    ],
    ids=str,
)
def test_another_program_has_another_schedule(
    texts: Texts, made: list[str], options: dict[str, Any]
) -> None:
    step_of()
    other = step_of(**options)
    assert len(made) == 2 and len(texts.kept) == 2
    shelf.use()
    assert print_entry_text(other) == print_entry_text(step_of(**options))


def test_what_is_no_entry_is_refused_and_made_anew(texts: Texts, made: list[str]) -> None:
    whole = print_entry_text(step_of())
    (fact,) = texts.kept
    texts.kept[fact] = whole[:-9]
    assert print_entry_text(step_of()) == whole
    assert texts.refused == [fact] and len(made) == 2
    assert texts.kept[fact] == whole


def test_what_is_made_quickly_is_not_kept(texts: Texts) -> None:
    compile_source("model f(x : [3]) -> [3] { x + 1 }").entries["forward/f"].kernels  # noqa: B018
    assert not texts.kept


def test_entries_for_a_gpu_are_not_kept(texts: Texts) -> None:
    program = compile_source(BASE).of_target("cuda")
    assert program.training is not None
    assert program.entries[program.training.steps[0].entry].phases
    assert not texts.kept


def test_processes_agree_on_what_a_schedule_follows_from() -> None:
    text = (
        "import sys\nfrom gradc_compiler import entry_maker, pipeline\n"
        "entry_maker.kept_entry = lambda fact, graph, make: print(fact()) or make()\n"
        f"pipeline.compile_source({BASE!r}).entries[sys.argv[1]]\n"
    )
    name = compile_source(BASE).training.steps[0].entry  # type: ignore[union-attr]
    again = "pipeline.compile_source('model f(x : [3]) -> [3] { x + 1 }')\n"  # tags go on
    texts = (text, text.replace("pipeline.compile", again + "pipeline.compile", 1))
    found = {
        subprocess.run(
            [sys.executable, "-c", source, name],
            env={"PYTHONHASHSEED": str(seed), "PATH": ""}, capture_output=True, check=True,
        ).stdout
        for seed, source in enumerate(texts)
    }  # fmt: skip
    assert len(found) == 1
