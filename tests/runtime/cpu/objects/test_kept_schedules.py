"""Schedules in the cache: the same bits, and any doubt is one line and a schedule made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler import entry_maker
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_runtime.cpu.objects import kept_schedules, object_cache
from gradc_runtime.session import backends
from gradc_runtime.session.session import Session

TEXT = """
model f(x : [12, 12, 3]) -> [4] {
    x |> repeat(4, conv(8, 3x3) |> batch_norm |> relu) |> flatten |> dense(4)
}
data d(x : [12, 12, 3], y : class(4)) = npz("none.npz")
train on d { minimize cross_entropy(f(x), y) using adam(lr = 0.01), batch 8, epochs 1 }
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache in which schedules are kept."""
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(backends.SWITCH, "1")
    object_cache.warn_once.cache_clear()
    yield tmp_path / "cache"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the entries that were scheduled."""
    names: list[str] = []
    schedule = entry_maker.schedule

    def counted(name: str, *rest: object, **others: object) -> Entry:
        names.append(name)
        return schedule(name, *rest, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(entry_maker, "schedule", counted)
    return names


def losses() -> list[float]:
    """Those of four steps."""
    session, rng = Session(compile_source(TEXT), seed=3), np.random.default_rng(1)
    x, y = rng.normal(size=(8, 12, 12, 3)).astype(np.float32), rng.integers(0, 4, 8)
    return [float(session.step(x=x, y=y)["loss"]) for _ in range(4)]


def schedule_in(place: Path) -> Path:
    """The one schedule that is kept."""
    (path,) = place.glob("*.schedule")
    return path


def test_a_kept_schedule_gives_the_same_bits(place: Path, made: list[str]) -> None:
    first, second = losses(), losses()
    assert first == second and len(made) == 1
    assert schedule_in(place) in object_cache.entries() and object_cache.cache_verify() == []


@pytest.mark.parametrize("kept", ["cut", "changed", "empty", "foreign", "unlike"])
def test_a_damaged_schedule_is_refused_in_one_line_and_made_anew(
    place: Path, made: list[str], kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = losses()
    path = schedule_in(place)
    content = path.read_bytes()
    match kept:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "changed":
            path.write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
        case "empty":
            path.write_bytes(b"")
        case "foreign":
            path.chmod(0o666)
        case "unlike":  # sealed, and no entry
            object_cache.save(path.stem, b"[[0]]", "", object_cache.SCHEDULE)
    assert losses() == first and len(made) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("gradc: ")
    assert losses() == first and len(made) == 2  # whole again
    assert object_cache.cache_verify() == []


def test_what_another_compiler_scheduled_is_not_found(
    place: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses()
    monkeypatch.setattr(kept_schedules, "compiler_fingerprint", lambda: b"another")
    losses()
    assert len(made) == 2


def test_schedules_are_kept_by_default_and_not_where_they_are_switched_off(
    place: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(backends.SWITCH, "0")
    losses()
    assert not list(place.glob("*.schedule"))
    monkeypatch.delenv(backends.SWITCH)
    losses()
    assert schedule_in(place)
