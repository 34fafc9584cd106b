"""The records of a run: what is written does not depend on where it was cut short."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from tests.runtime.training.test_trainer import Killed, Watcher, kill, trainer


def test_columns_keep_their_order_in_a_resumed_epoch(tmp_path: Path) -> None:
    program = compile_source("""
        model f(x : [2]) -> scalar { x |> dense(1) |> as(scalar) }
        data d(x : [2], y : scalar) = npz("none.npz")
        train on d { minimize (f(x) - y)^2 using sgd report error = abs(f(x) - y) }
    """)
    with pytest.raises(Killed):
        trainer(Session(program, "reference"), tmp_path, Watcher(8, kill)).run()
    trainer(Session(program, "reference"), tmp_path).run(resume=True)
    with (tmp_path / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    kept = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [{k: float(v) for k, v in row.items()} for row in rows] == kept
