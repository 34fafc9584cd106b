"""The built program: what it reads and writes, and what it says where it cannot."""

from __future__ import annotations

import ctypes
import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.embed.building import NEEDS_CC, Built, built, digits

pytestmark = NEEDS_CC


def call(
    made: Built, *words: object, given: bytes = b"", folder: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Call the program; no end may be a signal."""
    program = str((made.folder / made.name).absolute())
    done = subprocess.run(
        [program, *map(str, words)], input=given, capture_output=True, cwd=folder, check=False
    )
    assert done.returncode >= 0, done
    return done


def table(text: bytes) -> np.ndarray:
    return np.array([line.split(",") for line in text.decode().split()], np.float32)


@pytest.fixture
def images(digit: Built) -> np.ndarray:
    return digits(digit.session)[:40]


def test_every_form_of_input(digit: Built, images: np.ndarray, tmp_path: Path) -> None:
    wanted = digit.session.run("digit", image=images)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "wide.npy", images.astype(np.float64))
    np.savetxt(tmp_path / "x.csv", images.reshape(40, -1), delimiter=",", fmt="%.9g")
    for name in ("x.npy", "wide.npy", "x.csv", "image=x.npy"):
        np.testing.assert_array_equal(table(call(digit, name, folder=tmp_path).stdout), wanted)
    plain = images.tobytes()
    found = call(digit, "--from", "floats", "-", given=plain).stdout
    np.testing.assert_array_equal(table(found), wanted)
    (tmp_path / "x").write_bytes((tmp_path / "x.npy").read_bytes())
    np.testing.assert_array_equal(table(call(digit, tmp_path / "x").stdout), wanted)


def test_bytes_of_an_image(digit: Built, images: np.ndarray) -> None:
    whole = np.round(images * 255).astype(np.uint8)
    wanted = digit.session.run("digit", image=(whole / 255).astype(np.float32))
    found = call(digit, "--from", "bytes", "-", given=whole.tobytes()).stdout
    np.testing.assert_array_equal(table(found), wanted)


def test_every_form_of_output(digit: Built, images: np.ndarray, tmp_path: Path) -> None:
    wanted = digit.session.run("digit", image=images)
    np.save(tmp_path / "x.npy", images)
    call(digit, "x.npy", "-o", "y.npy", folder=tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), wanted)
    call(digit, "x.npy", "-o", "y.json", folder=tmp_path)
    found = json.loads((tmp_path / "y.json").read_text())["scores"]
    np.testing.assert_array_equal(np.array(found, np.float32), wanted)
    call(digit, "x.npy", "-o", "y.csv", folder=tmp_path)
    np.testing.assert_array_equal(table((tmp_path / "y.csv").read_bytes()), wanted)
    said = call(digit, "x.npy", "--classes", folder=tmp_path).stdout.split()
    assert [int(word) for word in said] == wanted.argmax(1).tolist()


def test_help(digit: Built) -> None:
    for words in (["--help"], ["-h"]):
        done = call(digit, *words)
        assert done.returncode == 0 and b"image        float, 28 x 28 x 1" in done.stdout
    assert call(digit).returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.npy"], "digit: cannot be read: missing.npy"),
        (["short.csv"], "has 3 numbers, and an example of image has 784"),
        (["words.csv"], "digit: holds something that is no number: words.csv"),
        (["odd.bin", "--from", "floats"], "digit: ends within a number: odd.bin"),
        (["cut.npy"], "digit: has not as many numbers as its shape says: cut.npy"),
        (["fortran.npy"], "digit: is in the order of Fortran; save it in that of C"),
        (["complex.npy"], "has numbers of a type that is not read here"),
        (["empty"], "has 0 numbers"),
        (["x.npy", "x.npy"], "digit: one file too many: x.npy"),
        (["--from", "png", "x.npy"], "digit: no such format: png"),
        (["--fast", "x.npy"], "digit: there is no such option"),
        (["x.npy", "-o"], "digit: needs a value: -o"),
        (["x.npy", "--output", "none"], "digit: no result is called so: none"),
        (["x.npy", "-o", "no/folder/y.npy"], "digit: cannot be written: no/folder/y.npy"),
    ],
)
def test_faults(
    digit: Built, images: np.ndarray, tmp_path: Path, words: list[str], said: str
) -> None:
    spoil(tmp_path, images)
    done = call(digit, *words, folder=tmp_path)
    assert done.returncode == 2 and said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def spoil(folder: Path, images: np.ndarray) -> None:
    """Files that no model takes, and one that it does."""
    np.save(folder / "x.npy", images)
    whole = (folder / "x.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-100])
    np.save(folder / "fortran.npy", np.asfortranarray(np.zeros((28, 28))))
    np.save(folder / "complex.npy", np.zeros((28, 28), complex))
    (folder / "short.csv").write_text("1,2,3\n")
    (folder / "words.csv").write_text("1,two,3\n")
    (folder / "odd.bin").write_bytes(bytes(13))
    (folder / "empty").write_bytes(b"")


def test_two_inputs_two_outputs_and_classes(tmp_path: Path) -> None:
    text = """model f(x : [2], kind : class(3)) -> (both : [3], twice : [2]) {
        both = one_hot(kind) + sum(x)
        twice = 2 * x
        (both, twice)
    }"""
    made = built(text, tmp_path)
    (tmp_path / "k.csv").write_text("0\n2\n")
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    done = call(made, "kind=k.csv", "x=x.csv", "--to", "json", folder=tmp_path)
    assert json.loads(done.stdout) == {"both": [[4, 3, 3], [7, 7, 8]], "twice": [[2, 4], [6, 8]]}
    found = call(made, "kind=k.csv", "x=x.csv", "--output", "twice", folder=tmp_path)
    assert found.stdout == b"2,4\n6,8\n"
    (tmp_path / "k.csv").write_text("0\n3\n")
    done = call(made, "kind=k.csv", "x=x.csv", folder=tmp_path)
    assert b"holds something that is none of the classes" in done.stderr
    (tmp_path / "k.csv").write_text("0\n")
    done = call(made, "kind=k.csv", "x=x.csv", folder=tmp_path)
    assert b"another number of examples" in done.stderr


def of_each_thread(path: Path) -> int:
    """Bytes of memory that a thread of a 64-bit ELF file has to itself."""
    content, per_thread = path.read_bytes(), 7  # PT_TLS
    (at,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    rows = [struct.unpack_from("<IIQQQQQQ", content, at + k * size) for k in range(count)]
    return sum(row[6] for row in rows if row[0] == per_thread)


def test_the_program_clears_no_memory_that_it_does_not_use(digit: Built) -> None:
    """Memory of a thread is cleared where a program starts: of ResNet-18 that took 6 of 7 ms."""
    room = digit.function("workspace", ctypes.c_size_t)(1)
    assert of_each_thread(digit.folder / digit.name) < room
    assert of_each_thread(digit.folder / f"lib{digit.name}.so") > room  # `digit_run` has some
