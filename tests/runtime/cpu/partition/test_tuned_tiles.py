"""Tunings: what is kept is found, doubt is a miss, and a tuned step computes what it did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.objects import object_cache
from gradc_runtime.cpu.partition.tuned_tiles import keep, other_blocks, tuned_block
from gradc_runtime.cpu.tuning import autotuner
from gradc_runtime.session.session import Session

SPEC = """
model net(x : [150]) -> [3] { x |> dense(300) |> relu |> dense(3) }
data d(x : [150], y : class(3)) = csv("none.csv")
train on d { minimize cross_entropy(net(x), y) using adam(lr = 1e-2) }
"""
BATCH = 113


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def session() -> Session:
    """The network, before any step."""
    return Session(compile_source(SPEC), threads=2)


def step(session: Session) -> Entry:
    """The entry of the training step."""
    return session.program.entries[session.training.steps[0].entry]


def after(session: Session, block: int, threads: int = 2) -> np.ndarray:
    """What persists after three steps on the same numbers."""
    words = session.memory.words.copy()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3 * BATCH, 150)).astype(np.float32)
    y = rng.integers(0, 3, 3 * BATCH).astype(np.int32)
    Executable(step(session), words, np.float32, threads, block).run({"x": x, "y": y}, 3)
    return words


def test_what_is_kept_is_found(place: Path, session: Session) -> None:
    entry = step(session)
    assert tuned_block(entry, 4) == entry.block != 24
    keep(entry, 4, 24, "net, two threads")
    assert tuned_block(entry, 4) == 24
    assert tuned_block(entry, 8) == entry.block
    assert tuned_block(replace(entry, chunks=3), 4) == entry.block
    assert object_cache.cache_info().tunings == ("net, two threads",)
    assert Executable(entry, session.memory.words, np.float32, 2).entry.block == 24
    assert object_cache.cache_clear() >= 1
    assert tuned_block(entry, 4) == entry.block


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"7", b"[]", b"{}", b"\xff\xfe"),
        *(b'{"block": %s}' % value for value in (b"0", b"8.0", b"true", b'"8"', b"99999")),
    ],
)
def test_a_senseless_tuning_is_none(place: Path, session: Session, content: bytes) -> None:
    entry = step(session)
    keep(entry, 4, 24, "")
    (path,) = place.glob("*.tuning")
    object_cache.save(path.stem, content, "", object_cache.TUNING)
    assert tuned_block(entry, 4) == entry.block


def test_a_damaged_or_foreign_tuning_is_none(place: Path, session: Session) -> None:
    entry = step(session)
    keep(entry, 4, 24, "")
    (path,) = place.glob("*.tuning")
    path.chmod(0o666)
    assert tuned_block(entry, 4) == entry.block
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-2])
    assert tuned_block(entry, 4) == entry.block
    assert object_cache.cache_verify() == [path]
    assert object_cache.cache_info().tunings == ("",)


def test_a_tuned_step_computes_what_it_did(session: Session) -> None:
    plain = after(session, step(session).block)
    blocks = list(other_blocks(step(session), 4, BATCH))
    assert blocks
    for block in (*blocks, 1, 7):
        found = after(session, block)
        np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)
        assert np.array_equal(found, after(session, block, threads=1))
        assert np.array_equal(found, after(session, block, threads=4))


def test_only_what_is_clearly_faster_is_chosen() -> None:
    assert autotuner.chosen(8, {8: 1.0, 16: 0.99}) == 8
    assert autotuner.chosen(8, {8: 1.0, 16: 0.9}) == 16


def test_tuning_leaves_the_parameters_alone(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autotuner, "SECONDS", 0.0)
    before = session.memory.words.copy()
    inputs = {"x": np.ones((BATCH, 150), np.float32), "y": np.zeros(BATCH, np.int32)}
    found = autotuner.tune(step(session), session.memory.words, 2, inputs, BATCH)
    assert found is not None
    assert found.before > 0 and found.after > 0
    assert np.array_equal(session.memory.words, before)


def test_a_directory_is_gone_through_once_until_something_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_cache.save("a", b"code", "a kernel")
    assert not object_cache.has_tunings()
    with monkeypatch.context() as patched:
        patched.delattr(object_cache.os, "scandir")
        assert not object_cache.has_tunings()
    object_cache.save("a", b"{}", "a tuning", object_cache.TUNING)
    assert object_cache.has_tunings()
