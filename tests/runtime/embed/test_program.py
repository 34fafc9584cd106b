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
        (["image=x.npy", "image=x.npy"], "digit: is given twice: image"),
        (["--examples", "2", "x.npy"], "digit: the files have more or fewer examples than"),
        (["--examples", "few", "x.npy"], "digit: is no number of examples: few"),
        (["--examples", "0", "x.npy"], "digit: is no number of examples: 0"),
        (["index.csv"], "digit: index.csv: has the shape 784 x 785, and image reads: float, 28"),
        (["turned.npy"], "digit: turned.npy: has the shape 28 x 28 x 40, and image reads"),
        (["ragged.csv"], "digit: has lines with more numbers than others: ragged.csv"),
        (["commas.csv"], "digit: has both , and ; between numbers"),
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
    np.save(folder / "turned.npy", np.ascontiguousarray(images[..., 0].transpose(1, 2, 0)))
    (folder / "index.csv").write_text("\n".join([",".join("0" * 785)] * 784))
    (folder / "ragged.csv").write_text("1,2,3\n" * 261 + "1\n")
    (folder / "commas.csv").write_text("0,5;" * 392)
    (folder / "odd.bin").write_bytes(bytes(13))
    (folder / "empty").write_bytes(b"")


SHAPES = {  # of files, and what of [2, 2, 3] they hold, if anything
    (2, 2, 3): 1, (5, 2, 2, 3): 5, (5, 12): 5, (60,): 5, (10, 2, 3): 5, (20, 3): 5, (1, 12): 1,
    (1, 1, 2, 2, 3): 1, (5, 1, 2, 2, 3): 5, (5, 3, 2, 2): 0, (3, 2, 2): 0, (12, 5): 0, (6, 10): 0,
    (2, 3, 2, 3): 0, (5, 6, 2): 0, (3, 20): 0, (5, 2, 2, 2, 3): 0, (7,): 0, (3, 3): 0,
}  # fmt: skip


def test_a_file_of_another_shape_is_not_read_as_one(tmp_path: Path) -> None:
    """As many numbers in another order are no example: channels first, a column too many."""
    made = built("model f(x : [2, 2, 3]) -> [2, 2, 3] { x + 0 }", tmp_path)
    flat = built("model g(x : [12]) -> [12] { x + 0 }", tmp_path)
    for shape, count in SHAPES.items():
        values = np.arange(np.prod(shape), dtype=np.float32)
        np.save(tmp_path / "x.npy", values.reshape(shape))
        done = call(made, "x.npy", folder=tmp_path)
        assert (done.returncode == 0) == bool(count), (shape, done)
        if count:
            np.testing.assert_array_equal(table(done.stdout), values.reshape(count, 12))
    for shape in [(5, 12), (60,), (5, 2, 2, 3), (5, 3, 4), (5, 1, 12)]:  # for a vector, as it lies
        np.save(tmp_path / "x.npy", np.arange(60, dtype=np.float32).reshape(shape))
        found = table(call(flat, "x.npy", folder=tmp_path).stdout)
        np.testing.assert_array_equal(found, np.arange(60).reshape(5, 12))


def test_shapes_of_sequences(tmp_path: Path) -> None:
    made = built("model f(xs : seq [3]) -> [3] { time_sum(xs) }", tmp_path)
    fixed = built("model g(xs : seq(4) [3]) -> [3] { time_sum(xs) }", tmp_path)
    values = np.arange(24, dtype=np.float32)
    for shape, of_made, of_fixed in [((8, 3), 1, 2), ((1, 8, 3), 1, 2), ((24,), 1, 2),
                                     ((2, 4, 3), 0, 2), ((4, 2, 3), 0, 0), ((2, 12), 0, 2),
                                     ((3, 8), 0, 0)]:  # fmt: skip
        np.save(tmp_path / "xs.npy", values.reshape(shape))
        for model, count in ((made, of_made), (fixed, of_fixed)):
            done = call(model, "xs.npy", folder=tmp_path)
            assert (done.returncode == 0) == bool(count), (shape, model.name, done)
            if count:
                wanted = values.reshape(count, -1, 3).sum(1)
                np.testing.assert_array_equal(table(done.stdout), wanted)
    (tmp_path / "none.csv").write_text("\n")
    done = call(made, "none.csv", folder=tmp_path)
    assert done.returncode == 2 and b"f: has no numbers: none.csv" in done.stderr


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
