"""Files that lie about what they hold: one line each, and no more memory than there is."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.types import TensorType
from gradc_runtime.system.errors import LONGEST, RunError
from gradc_runtime.system.files import free_memory, opened
from tests.runtime.test_data_files import SCALAR, fault, npy_header, read

VECTOR = TensorType((2,))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("(1e999,)", "damaged or not an .npy file (sizes are whole numbers from 0)"),
        ("(1.5,)", "damaged or not an .npy file (sizes are whole numbers from 0)"),
        ("(True,)", "damaged or not an .npy file (sizes are whole numbers from 0)"),
        ("(-1,)", "damaged or not an .npy file (sizes are whole numbers from 0)"),
        ("3", "damaged or not an .npy file ('int' object is not iterable)"),
        ("(0, 9223372036854775808)", "an array [0, 9223372036854775808] is larger than is acc"),
        ("(0, 9223372036854775807)", "an array [0, 9223372036854775807] is larger than is acc"),
        (f"({'0, ' * 70})", "an array [0, 0, 0, 0, 0, 0, 0, 0] is larger than is accepted"),
        (f"(0, {'9' * 4000})", "an array [0, 99999999999999999999] is larger than is accepted"),
    ],
)
def test_no_array_has_such_a_shape(tmp_path: Path, shape: str, expected: str) -> None:
    header = npy_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n")
    (tmp_path / "a.npy").write_bytes(header)
    assert fault(tmp_path, "npy", "a.npy", x=SCALAR).startswith(f"a.npy: {expected}")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header)
    assert f"a.npz[x.npy]: {expected}" in fault(tmp_path, "npz", "a.npz", x=SCALAR)


def test_an_empty_idx_file_of_endless_axes_is_refused(tmp_path: Path) -> None:
    sizes = struct.pack(">3I", 0, 2**32 - 1, 2**32 - 1)
    (tmp_path / "f").write_bytes(bytes([0, 0, 8, 3]) + sizes)
    expected = "f: an array [0, 4294967295, 4294967295] is larger than is accepted"
    assert fault(tmp_path, "idx", "f", x=SCALAR) == expected


def packed(how: int, name: str = "x.npy") -> bytearray:
    """An archive of one array."""
    array, whole = io.BytesIO(), io.BytesIO()
    np.save(array, np.random.default_rng(0).normal(size=(50, 2)))
    with zipfile.ZipFile(whole, "w", how) as archive:
        archive.writestr(name, array.getvalue())
    return bytearray(whole.getvalue())


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_in_any_compression_is_one_line(tmp_path: Path, how: int) -> None:
    whole, path = packed(how), tmp_path / "a.npz"
    path.write_bytes(whole)
    assert read(tmp_path, "npz", "a.npz", x=VECTOR).examples == 50
    for place in range(40, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read(tmp_path, "npz", "a.npz", x=VECTOR)
        except RunError as wrong:
            assert str(wrong).startswith("a.npz") and len(str(wrong)) < 200


def test_names_in_an_archive_are_text(tmp_path: Path) -> None:
    whole = packed(zipfile.ZIP_STORED, "\u00e4.npy").replace("\u00e4".encode(), b"\xff\xfe")
    (tmp_path / "a.npz").write_bytes(whole)
    assert "a.npz: damaged or not an .npz archive ('utf-8' codec" in fault(
        tmp_path, "npz", "a.npz", x=VECTOR
    )


def test_messages_are_of_bounded_length(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{f"{'n' * 200}{i}": np.zeros(1) for i in range(100)})
    assert len(fault(tmp_path, "npz", "a.npz", x=VECTOR)) <= LONGEST + 4
    (tmp_path / "a.jsonl").write_text(json.dumps({f"{'n' * 200}{i}": 0 for i in range(99)}))
    assert len(fault(tmp_path, "jsonl", "a.jsonl", x=VECTOR)) <= LONGEST + 4


def test_what_needs_more_memory_than_there_is_is_refused_with_both_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = np.zeros((3_000_000, 2))
    np.savez_compressed(tmp_path / "a.npz", x=large, other=large)
    np.save(tmp_path / "a.npy", large)
    monkeypatch.setattr("gradc_runtime.system.files.free_memory", lambda: 40_000_000)
    for file, what in (("a.npz", "a.npz, unpacked,"), ("a.npy", "a.npy")):
        with pytest.raises(RunError) as caught:
            read(tmp_path, file[2:], file, x=VECTOR)
        assert str(caught.value) == f"{what} needs 48 MB of memory; 40 MB are free"
    monkeypatch.setattr("gradc_runtime.system.files.free_memory", lambda: 50_000_000)
    assert read(tmp_path, "npz", "a.npz", x=VECTOR).examples == len(large)  # of `other` nothing


def test_free_memory_is_that_of_a_machine() -> None:
    assert 1 << 20 < free_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            opened(path)


def test_a_wide_table_is_read_in_one_pass_over_its_header(tmp_path: Path) -> None:
    names = ["x_0", *(f"c{i}" for i in range(40_000)), "x_1"]
    row = ",".join(["1"] * len(names))
    (tmp_path / "w.csv").write_text(f"{','.join(names)}\n{row}\n{row}\n")
    assert read(tmp_path, "csv", "w.csv", x=VECTOR).examples == 2
    missing = "w.csv: no column x_2 (field x : [1073741824] is x_0 to x_1073741823)"
    assert fault(tmp_path, "csv", "w.csv", x=TensorType((1 << 30,))).startswith(missing)
