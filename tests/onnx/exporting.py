"""Models in onnxruntime beside a session: the same examples in the form that each takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import gradc
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.onnx.export_file import exported

ROOT = Path(__file__).parents[2]
SPECS = sorted((*(ROOT / "specs").glob("*.nn"), *(ROOT / "tests" / "bench" / "specs").glob("*.nn")))
CLOSE = 1e-5


def opened(model: Any) -> onnxruntime.InferenceSession:
    """A model in onnxruntime, on one thread of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    data = model.SerializeToString()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


class Examples:
    """Random examples of a model's inputs, as a session takes them and as a file does."""

    def __init__(self, types: Mapping[str, TensorType], count: int, longest: int = 7) -> None:
        self.count, self.longest = count, longest
        self.draws = np.random.default_rng(count)
        self.lengths: dict[Any, np.ndarray] = {}
        self.ours: dict[str, Any] = {}
        self.theirs: dict[str, np.ndarray] = {}
        for name, type in types.items():
            self.add(name, type)
        if not types:
            self.theirs["examples"] = np.array(count)

    def add(self, name: str, type: TensorType) -> None:
        """Draw one input; sequences of one time are as long as each other."""
        if type.time is None:
            self.ours[name] = self.theirs[name] = self.numbers((self.count, *type.shape), type)
            return
        lengths = self.length(type.time)
        room = max(1, int(lengths.max())) if isinstance(type.time, str) else type.time
        padded = self.numbers((self.count, room, *type.shape), type)
        self.ours[name] = [row[:n] for row, n in zip(padded, lengths, strict=True)]
        self.theirs[name] = padded
        if isinstance(type.time, str):
            self.theirs[f"length/{type.time}"] = lengths

    def length(self, time: str | int) -> np.ndarray:
        """How long each sequence is: at least one of several is empty."""
        if time not in self.lengths:
            drawn = self.draws.integers(1, self.longest + 1, self.count)
            drawn[1:2] = 0
            self.lengths[time] = drawn if isinstance(time, str) else np.full(self.count, time)
        return self.lengths[time]

    def numbers(self, shape: tuple[int, ...], type: TensorType) -> np.ndarray:
        """Labels or normal draws; what lies beyond a sequence is of the same kind."""
        if type.kind is Kind.INDEX:
            return self.draws.integers(0, type.classes or 1, shape)
        return self.draws.normal(size=shape).astype("float32")


def as_outputs(session: gradc.Session, model: str, examples: Examples) -> dict[str, Any]:
    """What a session gives, by the name that a file has for it."""
    found = session.run(model, *[] if examples.ours else [examples.count], **examples.ours)
    return found if isinstance(found, dict) else {model: found}


def require_equal(session: gradc.Session, model: str, counts: tuple[int, ...] = (1, 5)) -> Any:
    """Export a model and run it on batches of some sizes, against the session; the file."""
    made = exported(session, model)
    runner = opened(made)
    for count in counts:
        examples = Examples(session.program.inputs[model], count)
        wanted = as_outputs(session, model, examples)
        names = [value.name for value in runner.get_outputs()]
        assert sorted(names) == sorted(wanted)
        for name, found in zip(names, runner.run(names, examples.theirs), strict=True):
            require_close(found, wanted[name], f"{model} {name}, {count} examples")
    return made


def require_close(found: np.ndarray, wanted: Any, what: str) -> None:
    """Equal to 1e-5, and 0 beyond the end of a sequence."""
    if isinstance(wanted, np.ndarray):
        assert found.shape == wanted.shape, what
        np.testing.assert_allclose(found, wanted, CLOSE, CLOSE, err_msg=what)
        return
    for padded, row in zip(found, wanted, strict=True):
        assert padded.shape[1:] == row.shape[1:], what
        np.testing.assert_allclose(padded[: len(row)], row, CLOSE, CLOSE, err_msg=what)
        assert not padded[len(row) :].any(), what
