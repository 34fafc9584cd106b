"""safetensors files of any origin: all kinds, and one line for what is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from gradc_runtime.system.errors import DataError
from gradc_runtime.weights.safetensors_file import read_safetensors, safetensors_bytes
from gradc_runtime.weights.stored import narrowed, widened

ARRAYS = {
    "a": np.linspace(-1, 1, 6).reshape(2, 3), "b": np.float32([1.5]), "c": np.float16([0.1]),
    "n": np.array(3), "t": np.array([True, False]), "none": np.zeros((0, 4), np.float32),
}  # fmt: skip


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_there_and_back(tmp_path: Path) -> None:
    data = safetensors_bytes(ARRAYS)
    theirs = load(data)
    ours = read_safetensors(written(tmp_path / "f", save(ARRAYS))).tensors
    for name, array in ARRAYS.items():
        for found in (theirs[name], ours[name].array()):
            np.testing.assert_array_equal(found, array)
            assert found.dtype == array.dtype and found.shape == array.shape


@pytest.mark.parametrize("kind", ["F16", "BF16", "F32", "F64"])
def test_other_kinds(tmp_path: Path, kind: str) -> None:
    found = read_safetensors(written(tmp_path / "f", safetensors_bytes(ARRAYS, kind))).tensors
    assert {one.kind for one in found.values()} == {kind, "I64", "BOOL"}
    close = {"F16": 1e-3, "BF16": 4e-3}.get(kind, 1e-7)
    np.testing.assert_allclose(found["a"].array(), ARRAYS["a"], rtol=close, atol=close)


def test_bfloat16_is_rounded_to_the_nearest_even() -> None:
    numbers = np.float32([1, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-7, np.inf, -np.inf, 3.4e38, -0.0])
    wanted = [1, 1, 1 + 2**-6, 1 + 2**-7, np.inf, -np.inf, np.inf, -0.0]
    found = widened(np.frombuffer(narrowed(numbers, "BF16"), "<u2"), "BF16")
    np.testing.assert_array_equal(found, np.float32(wanted))
    assert np.isnan(widened(np.frombuffer(narrowed(np.float32([np.nan]), "BF16"), "<u2"), "BF16"))


def of_header(header: Any, tail: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tail


def entry(shape: Any, offsets: Any, kind: Any = "F32") -> dict[str, Any]:
    return {"w": {"dtype": kind, "shape": shape, "data_offsets": offsets}}


HOSTILE = [
    b"", b"1234", (1 << 60).to_bytes(8, "little") + b"{}", of_header(b"{"), of_header([1]),
    of_header({"w": 3}), of_header({"w": {}}), of_header(b"[" * 100_000),
    of_header(entry([2], [0, 4]), b"12345678"), of_header(entry([2], [0, 8]), b"1234"),
    of_header(entry([1 << 62, 4], [0, 0])), of_header(entry([-2], [8, 0]), b"12345678"),
    of_header(entry([2.0], [0, 8]), b"12345678"), of_header({"__metadata__": 3}),
    of_header(entry([2], [0, 2], "F8_E4M3"), b"00"),
    of_header(entry([1] * 40, [0, 4]), b"1234"), of_header(entry([2], [0, 8], ["F32"]), b"0" * 8),
    of_header(entry([True], [0, 4]), b"1234"),
    of_header(b"{%b, %b}" % ((json.dumps(entry([1], [0, 4])).encode()[1:-1],) * 2), b"1234"),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError) as fault:
        read_safetensors(written(tmp_path / "f", data))
    assert "\n" not in str(fault.value) and len(str(fault.value)) < 1100


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "f", safetensors_bytes(ARRAYS))
    found = read_safetensors(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError):
        for one in found.tensors.values():
            one.array()
