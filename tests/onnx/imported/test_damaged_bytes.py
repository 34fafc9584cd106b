"""Sound models with some bytes changed: each file is read, or refused in a line."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from gradc_runtime.onnx.import_file import imported_file
from gradc_runtime.onnx.importer.imported_spec import ImportOptions
from gradc_runtime.system.errors import DataError
from tests.onnx.imported.attention_models import attended, attention_model, node, projections
from tests.onnx.imported.onnx_models import mlp, small_cnn, small_tagger
from tests.onnx.imported.test_damaged import circle

GIVEN = {"whole": False, "batch_axis": None, "sequence": None, "loss": None}


def damaged(data: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out or doubled."""
    draw = random.Random(seed)
    found = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        at = draw.randrange(len(found))
        match draw.randrange(4):
            case 0:
                found[at] = draw.randrange(256)
            case 1:
                found[at] ^= 1 << draw.randrange(8)
            case 2:
                del found[at : at + draw.randrange(1, 9)]
            case _:
                found[at:at] = found[max(0, at - draw.randrange(1, 9)) : at]
        if not found:
            break
    return bytes(found)


def survives(data: bytes, path: Path) -> None:
    """A damaged file is read or refused; nothing else happens."""
    path.write_bytes(data)
    try:
        imported_file(path, ImportOptions(name="net"), {}, GIVEN)
    except DataError as fault:
        assert "\n" not in str(fault)


def originals() -> list[bytes]:
    models = (mlp(), small_cnn(), small_tagger(), transformed(), circle())
    return [model.SerializeToString() for model in models]


def transformed() -> Any:
    """Attention whose softmax is split, and a layer normalization."""
    split = [
        node("ReduceMax", "s", "m", axes=[-1]), node("Sub", "s m", "d"), node("Exp", "d", "e"),
        node("ReduceSum", "e end", "z"), node("Div", "e z", "w"), node("MatMul", "w v_h", "o_h"),
    ]  # fmt: skip
    parts = attended([node("Div", "p root", "s")])
    nodes = [n for n in parts if not {"w", "o_h"} & {*n.output}]
    at = next(k for k, n in enumerate(nodes) if "s" in n.output) + 1
    nodes = [*projections(bias=True), *nodes[:at], *split, *nodes[at:]]
    return attention_model(nodes, 13, end=np.array([-1]))


def test_damaged_files(tmp_path: Path) -> None:
    models = originals()
    for seed in range(400):
        survives(damaged(models[seed % len(models)], seed), tmp_path / "x.onnx")


@pytest.mark.wide
def test_many_damaged_files(tmp_path: Path) -> None:
    models = originals()
    for seed in range(1000, 9000):
        survives(damaged(models[seed % len(models)], seed), tmp_path / "x.onnx")


def test_the_models_are_sound() -> None:
    for data in originals()[:3]:
        onnx.checker.check_model(onnx.load_from_string(data))
