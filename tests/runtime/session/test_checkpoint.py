"""Checkpoints: whole or absent, proved by their checksum, and only for the model they fit."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_runtime.session.checkpoint import (
    KEPT,
    Checkpoint,
    NamedTensors,
    from_bytes,
    write_atomically,
)
from gradc_runtime.system.errors import CheckpointError


def sample(step: int = 1) -> Checkpoint:
    """A small checkpoint."""
    tensors = {
        "a.W": np.arange(6.0, dtype=np.float32).reshape(2, 3) + step,
        "step": np.array(step, np.int32),
        "scalar": np.array(0.1 + step),
    }
    return Checkpoint(tensors=tensors, state={"position": {"step": step, "sum": 0.1 * step}})


def test_what_is_written_is_read_back_to_the_bit() -> None:
    checkpoint = sample(3)
    again = from_bytes(checkpoint.to_bytes(), "c")
    assert again.state == checkpoint.state
    for name, array in checkpoint.tensors.items():
        assert again.tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(again.tensors[name], array)


def test_every_cut_and_every_flipped_byte_is_noticed() -> None:
    data = sample().to_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(CheckpointError, match="c is damaged or not a checkpoint"):
            from_bytes(data[:length], "c")
    for place in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[place] ^= 0x01
        try:
            found = from_bytes(bytes(flipped), "c")
        except CheckpointError:
            continue
        assert found.state == sample().state  # a byte that means nothing, such as padding
        assert found.to_bytes() == data


@pytest.mark.parametrize("junk", [b"", b"x" * 100, b"\x80\x04pickle", b"\xff" * 8 + b"{}"])
def test_a_file_of_another_kind_gets_one_line(junk: bytes) -> None:
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        from_bytes(junk, "c")


def test_a_checkpoint_must_fit_before_anything_is_copied() -> None:
    good = {name: np.zeros_like(array) for name, array in sample().tensors.items()}
    for change, expected in (
        (
            {"a.W": np.zeros((3, 2), np.float32)},
            r"a.W is float32 \[2, 3\], model wants float32 \[3, 2\]",
        ),
        ({"b": np.zeros(1)}, "does not fit: it lacks b"),
        ({"step": np.zeros((), np.int64)}, r"step is int32 \[\], model wants int64 \[\]"),
    ):
        views: dict[str, Any] = {**good, **change}
        with pytest.raises(CheckpointError, match=expected):
            sample().copy_into(views)
        assert all(not view.any() for view in views.values())
    views = {name: view for name, view in good.items() if name != "scalar"}
    with pytest.raises(CheckpointError, match="the model has no scalar"):
        sample().copy_into(views)


def test_a_store_keeps_the_last_few_and_the_best(tmp_path: Path) -> None:
    store = NamedTensors(tmp_path / "c")
    for step in range(6):
        store.save(sample(step), step)
    store.save_best(sample(2))
    assert len(store.paths()) == KEPT
    newest, faults = store.newest()
    assert newest is not None and newest.state["position"]["step"] == 5 and not faults
    assert store.best.is_file()


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    store = NamedTensors(tmp_path)
    for step in range(3):
        store.save(sample(step), step)
    store.paths()[0].write_bytes(b"")
    store.paths()[1].write_bytes(sample(1).to_bytes()[:-1])
    newest, faults = store.newest()
    assert newest is not None and newest.state["position"]["step"] == 0
    assert [line.partition(" ")[0] for line in faults] == [p.name for p in store.paths()[:2]]


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "f"
    write_atomically(path, b"old")

    def full(*args: Any, **keywords: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_seen_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("U", (), {"free": 1000})())
    with pytest.raises(OSError, match=r"disk full \(needs 0.0 MB, 0.0 MB free\)"):
        write_atomically(tmp_path / "f", b"new")
    assert not list(tmp_path.iterdir())


def test_a_file_may_be_read_by_whom_the_umask_says_and_stays_so(tmp_path: Path) -> None:
    path, before = tmp_path / "f", os.umask(0o022)
    try:
        write_atomically(path, b"new")
        assert path.stat().st_mode & 0o777 == 0o644
        path.chmod(0o664)
        write_atomically(path, b"newer")
        assert path.stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)
