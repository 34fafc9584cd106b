"""The events of a run are its metrics, and a resumed run hides what it takes back."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller

pytest.importorskip("tensorboardX", reason="pip install tensorboardx")


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    monkeypatch.chdir(tmp_path)
    return Caller(tmp_path, capsys)


def events(file: Path) -> list[object]:
    """The records of a file: a length, its sum, as many bytes, and theirs."""
    from tensorboardX.proto.event_pb2 import Event

    data, at, found = file.read_bytes(), 0, []
    while at < len(data):
        (count,) = struct.unpack_from("<Q", data, at)
        found.append(Event.FromString(data[at + 12 : at + 12 + count]))
        at += 16 + count
    return found


def test_events_are_the_metrics(call: Caller) -> None:
    words = ("--target", "reference", "--tensorboard")
    assert call("train", call.spec, *words).code == 0
    run = call.folder / "runs" / "line"
    (file,) = run.glob("events.out.tfevents.*")
    points = {
        (value.tag, event.step): value.simple_value
        for event in events(file)
        for value in event.summary.value
    }
    for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
        for tag, name in (("loss/training", "loss"), ("loss/held_out", "held_out.loss")):
            assert points[tag, row["epoch"]] == pytest.approx(row[name], rel=1e-6)
    assert call("train", "--resume", "runs/line", "--epochs", "4", "--tensorboard").code == 0
    (last,) = {*run.glob("events.out.tfevents.*")} - {file}
    assert {event.step for event in events(last) if event.summary.value} == {4}
