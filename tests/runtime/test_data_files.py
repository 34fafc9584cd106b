"""Files of examples: what is accepted, and the one line that anything else gets."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import DataError, Dataset, load

SCALAR = TensorType()
IMAGE = TensorType((4, 3, 1))
LABEL = TensorType((), Kind.INDEX, 3)


def read(folder: Path, function: str, *arguments: object, **fields: TensorType) -> Dataset:
    """Load a declaration whose spec lies in `folder`."""
    source = DataSource(
        name="d", fields=tuple(fields.items()), function=function, arguments=arguments,
        directory=str(folder),
    )  # fmt: skip
    return load(source)


def fault(folder: Path, function: str, *arguments: object, **fields: TensorType) -> str:
    """The one line of a load that must fail."""
    with pytest.raises(DataError) as caught:
        read(folder, function, *arguments, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_csv_matches_columns_to_fields_by_name(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("paid,other,x_1,x_0,kind\n1.5,9,2,1,0\n\n2.5,9,4,3,2\n")
    data = read(tmp_path, "csv", "h.csv", x=TensorType((2,)), paid=SCALAR, kind=LABEL)
    np.testing.assert_array_equal(data.arrays["x"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(data.arrays["paid"], np.array([1.5, 2.5], np.float32))
    assert data.arrays["kind"].dtype == np.int32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqft,pad\n1,2\n", "h.csv: no column paid; did you mean pad?"),
        ("sqft,paid\n1,2\n3\n", "h.csv:3: 1 value, but the header names 2"),
        (
            "sqft,paid\n1,two\n",
            'h.csv:2: column paid: "two" is not a number; categories are classes: paid : class(N)',
        ),
        (
            "sqft,paid\n1,nan\n",
            'h.csv:2: column paid: "nan" is missing; say missing = "mean", "median" or "drop"',
        ),
        ("sqft,paid\n1,1e300\n", "h.csv: paid: inf of sample 0 is not a finite number"),
        ("sqft,paid,paid\n1,2,3\n", "h.csv: column paid appears more than once in the header"),
        ("sqft,paid\n", "h.csv: needs a header and at least one row of numbers"),
        ("", "h.csv: needs a header and at least one row of numbers"),
    ],
)
def test_a_wrong_csv_gets_one_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "h.csv").write_text(text)
    assert fault(tmp_path, "csv", "h.csv", sqft=SCALAR, paid=SCALAR) == expected


def test_labels_are_checked_against_their_classes(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("k\n0\n3\n")
    message = 'h.csv:3: column k: "3" is outside class(3) of k, which allows 0 to 2'
    mend = '; if its numbers are names of classes, say categories = "k"'
    assert fault(tmp_path, "csv", "h.csv", k=LABEL) == message + mend
    (tmp_path / "h.csv").write_text("k\n0.5\n")
    assert '"0.5" is not a whole number' in fault(tmp_path, "csv", "h.csv", k=LABEL)


def test_paths_stay_inside_the_directory_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.csv").write_text("x\n1\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "out.csv")
    for path in ("../out.csv", str(tmp_path / "out.csv"), "link.csv"):
        assert "--allow-path" in fault(tmp_path / "in", "csv", path, x=SCALAR)
    source = DataSource(
        name="d", fields=(("x", SCALAR),), function="csv", arguments=("../out.csv",),
        directory=str(tmp_path / "in"),
    )  # fmt: skip
    assert load(source, allow_outside=True).examples == 1
    assert "no file" in fault(tmp_path, "csv", "none.csv", x=SCALAR)
    assert "not a file" in fault(tmp_path, "csv", "in", x=SCALAR)


def test_npz_and_npy_give_the_same_examples(tmp_path: Path) -> None:
    x, k = np.random.default_rng(0).normal(size=(5, 4, 3, 1)), np.arange(5) % 3
    np.savez_compressed(tmp_path / "d.npz", x=x, k=k)
    np.save(tmp_path / "x.npy", np.asfortranarray(x).astype(">f8"))
    np.save(tmp_path / "k.npy", k)
    a = read(tmp_path, "npz", "d.npz", x=IMAGE, k=LABEL)
    b = read(tmp_path, "npy", "k.npy", "x.npy", x=IMAGE, k=LABEL)
    np.testing.assert_array_equal(a.arrays["x"], x.astype(np.float32))
    for name in ("x", "k"):
        np.testing.assert_array_equal(a.arrays[name], b.arrays[name])
    expected = "d.npz: nothing fits field y : class(3); it has x [4, 3, 1], k []"
    assert fault(tmp_path, "npz", "d.npz", y=LABEL) == expected


@pytest.mark.parametrize(
    ("found", "wanted", "mend"),
    [
        ((3, 4), (3, 4, 1), "to reshape it, declare [3, 4] and write `x |> as([3, 4, 1])`"),
        ((1, 4, 3), (4, 3, 1), "to reshape it, declare [1, 4, 3] and write `x |> as([4, 3, 1])`"),
        ((12,), (3, 4), "to reshape it, declare [12] and write `x |> as([3, 4])`"),
        ((1,), (), "to reshape it, declare [1] and write `x |> as(scalar)`"),
        ((), (1,), "to reshape it, declare scalar and write `x |> as([1])`"),
        ((3, 4, 5), (4, 5, 3), "order: declare [3, 4, 5] and write `transpose(x, (1, 2, 0))`"),
        ((3, 4), (4, 3), "order: declare [3, 4] and write `transpose(x, (1, 0))`"),
        ((3, 5), (3, 4), "got [2, 3, 5]"),
    ],
)
def test_nothing_is_reshaped_unasked(
    tmp_path: Path, found: tuple[int, ...], wanted: tuple[int, ...], mend: str
) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, *found)))
    field = TensorType(wanted)
    source = DataSource(
        name="d", fields=(("x", field),), function="npy", keywords={"x": "x.npy"},
        directory=str(tmp_path),
    )  # fmt: skip
    with pytest.raises(DataError) as caught:
        load(source)
    said = str(caught.value)
    listed = ", ".join(map(str, (2, *found)))
    assert said.endswith(mend) and f"got [{listed}]" in said and f"declared {field}" in said
    assert ("declare " in mend) == (np.prod(found) == np.prod(wanted))


@pytest.mark.parametrize(
    ("declared", "written"),
    [((3, 4), "x |> as([4, 3, 1])"), ((3, 4, 2), "transpose(x, (1, 2, 0))")],
)
def test_what_a_message_tells_to_write_is_a_spec(declared: tuple[int, ...], written: str) -> None:
    x = np.arange(np.prod(declared) * 2.0).reshape(2, *declared)
    program = gradc.compile_source(f"model f(x : {list(declared)}) {{ {written} }}")
    found = gradc.Session(program).run("f", x=x)
    wanted = x.reshape(2, 4, 3, 1) if "as" in written else x.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(found, wanted)


def npy_header(text: str) -> bytes:
    """An .npy file that is nothing but its header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def test_npy_headers_are_not_believed(tmp_path: Path) -> None:
    huge = npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (65536, 65536), }\n")
    (tmp_path / "huge.npy").write_bytes(huge)
    message = fault(tmp_path, "npy", "huge.npy", x=SCALAR)
    assert message == "huge.npy: header promises 34,359,738,368 bytes of data, file has 0"
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("x.npy", huge)
    assert "promises 34,359,738,368" in fault(tmp_path, "npz", "huge.npz", x=SCALAR)
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "pickles are never read" in fault(tmp_path, "npy", "pickle.npy", x=SCALAR)
    for junk in (b"", b"\x93NUMPY", npy_header("__import__('os')"), npy_header("(" * 300)):
        (tmp_path / "junk.npy").write_bytes(junk)
        assert "not an .npy file" in fault(tmp_path, "npy", "junk.npy", x=SCALAR)


def test_damaged_archives_get_one_line(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.arange(1000.0))
    for cut in (0, 10, len(buffer.getvalue()) // 2, len(buffer.getvalue()) - 5):
        (tmp_path / "d.npz").write_bytes(buffer.getvalue()[:cut])
        assert "not an .npz archive" in fault(tmp_path, "npz", "d.npz", x=SCALAR)
    flipped = bytearray(buffer.getvalue())
    flipped[100] ^= 0xFF
    (tmp_path / "d.npz").write_bytes(bytes(flipped))
    assert "d.npz[x.npy]: damaged" in fault(tmp_path, "npz", "d.npz", x=SCALAR)


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def write_part(folder: Path, prefix: str, count: int, images: str, pack: bool) -> None:
    """Images and labels of one part, named as MNIST's are."""
    pixels = np.full((count, 4, 3), 255)
    for name, array in ((images, pixels), ("labels-idx1-ubyte", np.arange(count) % 3)):
        data = idx_bytes(array)
        path = folder / f"{prefix}-{name}{'.gz' if pack else ''}"
        path.write_bytes(gzip.compress(data) if pack else data)


def test_idx_folders_are_found_by_their_usual_names(tmp_path: Path) -> None:
    write_part(tmp_path, "t10k", 6, "images.idx3-ubyte", pack=False)
    data = read(tmp_path, "idx", ".", image=IMAGE, label=LABEL)
    assert (data.examples, data.held_out) == (6, None)
    assert data.arrays["image"].max() == 1.0
    write_part(tmp_path, "train", 9, "images-idx3-ubyte", pack=True)
    data = read(tmp_path, "idx", ".", image=IMAGE, label=LABEL)
    assert data.held_out is not None
    assert (data.examples, data.held_out.examples) == (9, 6)
    (tmp_path / "empty").mkdir()
    assert "no IDX files" in fault(tmp_path, "idx", "empty", image=IMAGE)


GOOD = idx_bytes(np.zeros((2, 4, 3)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not an IDX file (it starts with nothing)"),
        (b"PK\3\4", "not an IDX file (it starts with 50 4b 03 04)"),
        (bytes([0, 0, 8, 5]) + bytes(20), "IDX rank 5; 1 to 4 is accepted"),
        (GOOD[:-1], "24 bytes of data expected for [2, 4, 3] of uint8 (IDX type 08), found 23"),
        (GOOD + b"x", "[2, 4, 3] of uint8 (IDX type 08), found more"),
        (b"\0\0\x0d" + GOOD[3:], "96 bytes of data expected for [2, 4, 3] of float32"),
        (b"\0\0\x07" + GOOD[3:], "IDX type 07 is none of 08 uint8, 09 int8, 0b int16"),
        (bytes([0, 0, 8, 4]) + b"\xff" * 16, "promises too much"),
        (gzip.compress(GOOD, mtime=0)[:20], "20 bytes of damaged gzip data"),
        (gzip.compress(GOOD + bytes(10_000_000), mtime=0), "found more"),
    ],
)
def test_a_wrong_idx_file_gets_one_line(tmp_path: Path, data: bytes, expected: str) -> None:
    (tmp_path / "f").write_bytes(data)
    assert expected in fault(tmp_path, "idx", "f", image=IMAGE)
