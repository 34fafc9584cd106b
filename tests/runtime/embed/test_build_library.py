"""A built library gives what a session gives, to the bit, and refuses what it cannot take."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import gradc
from tests.runtime.embed.building import NEEDS_CC, SPECS, Built, built, digits, names, pointer

pytestmark = NEEDS_CC


def test_all_digits_to_the_bit(digit: Built) -> None:
    images = digits(digit.session)
    wanted = digit.session.run("digit", image=images)
    assert len(images) == 1797
    for count in (1, 3, 8, 31, 32, 33, 100, 1797):
        np.testing.assert_array_equal(digit.run(images[:count])[0], wanted[:count])


FILES = {"digit.h", "libdigit.so", "libdigit.a", "digit.pc", "digitConfig.cmake", "digit"}


def test_the_files(digit: Built) -> None:
    assert names(digit.files) == FILES
    assert not [path for path in digit.folder.iterdir() if path.name.startswith(".")]
    header = (digit.folder / "digit.h").read_text()
    assert "int digit_run(const float *image, float *scores, int n);" in header
    assert "float, 28 x 28 x 1" in header


def test_threads_at_once(digit: Built) -> None:
    images = digits(digit.session)[:400]
    wanted = digit.session.run("digit", image=images)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda k: digit.run(images[k : k + 7])[0], range(0, 400, 7)))
    np.testing.assert_array_equal(np.concatenate(parts), wanted)


def test_memory_of_the_callers(digit: Built) -> None:
    images = digits(digit.session)[:20]
    room = digit.function("workspace", ctypes.c_size_t)
    size, scores = room(20), np.zeros((20, 10), np.float32)
    memory = np.full(size + 64, 255, np.uint8)
    run = digit.function("run_in")
    place = ctypes.c_void_p(memory.ctypes.data + 13)  # of no alignment
    assert run(pointer(images), pointer(scores), 20, place, ctypes.c_size_t(size)) == 0
    np.testing.assert_array_equal(scores, digit.session.run("digit", image=images))
    assert (memory[:13] == 255).all() and (memory[13 + size :] == 255).all()
    code = run(pointer(images), pointer(scores), 20, place, ctypes.c_size_t(size - 1))
    assert digit.message(code) == "the workspace has too few bytes"
    assert room(1) < room(20) and room(-1) == 0


@pytest.mark.parametrize("missing", [0, 1])
def test_null_pointers_and_negative_counts(digit: Built, missing: int) -> None:
    image, scores = np.zeros((2, 28, 28, 1), np.float32), np.zeros((2, 10), np.float32)
    given = [pointer(image), pointer(scores)]
    run = digit.function("run")
    assert digit.message(run(*given, -1)) == "the number of examples is none that it takes"
    assert run(*given, 0) == 0
    given[missing] = None
    assert digit.message(run(*given, 2)) == "a pointer is null"
    assert digit.message(1) == digit.message(-99) == "no such code"


def test_header_and_library_are_told_apart(digit: Built) -> None:
    header = (digit.folder / "digit.h").read_text()
    assert f"DIGIT_FINGERPRINT {digit.function('fingerprint')()}\n" in header
    assert f"DIGIT_INTERFACE {digit.function('interface')()}\n" in header


def test_only_its_functions_are_seen(digit: Built) -> None:
    content = (digit.folder / "libdigit.so").read_bytes()
    assert b"digit_run\0" in content
    with pytest.raises(AttributeError):
        _ = digit.library.run


HOSTILE = """
model int(double : [3], memory : [3], n : [2], errno : class(4), run : [3]) -> (
    float : [3], F_OK : [2]
) {
    float = double + memory * run + sum(one_hot(errno))
    F_OK = n * 2
    (float, F_OK)
}
"""


def test_hostile_names(tmp_path: Path) -> None:
    made = built(HOSTILE, tmp_path)
    rng = np.random.default_rng(0)
    reals = {name: rng.normal(size=(5, size)).astype(np.float32)
             for name, size in (("double", 3), ("memory", 3), ("n", 2), ("run", 3))}  # fmt: skip
    labels = np.array([0, 1, 2, 3, 0], np.int32)
    wanted = made.session.run("int", **reals, errno=labels)
    given = {**reals, "errno": labels}
    inputs = [given[str(array.name)] for array in made.interface.model.arrays("input")]
    for one, output in zip(made.interface.model.arrays("output"), made.run(*inputs), strict=True):
        np.testing.assert_allclose(output, wanted[str(one.name)], rtol=1e-6)
    labels += 1
    outputs = np.zeros((5, 3), np.float32), np.zeros((5, 3), np.float32)
    code = made.function("run")(*map(pointer, [*inputs, *outputs]), 5)
    assert made.message(code) == "a whole number is not one of its classes"


def test_a_small_network_has_the_bits_of_its_table(tmp_path: Path) -> None:
    """A session runs it as one kernel, which adds up in another order."""
    text = "model f(x : [37]) -> [19] { x |> dense(19) |> log_softmax }"
    program = gradc.compile_source(text, without=["whole-step"])
    made = Built(gradc.Session(program, threads=1, seed=3), "f", tmp_path)
    small = gradc.Session(gradc.compile_source(text), threads=1, seed=3)
    for count in (1, 2, 7, 129):
        x = np.random.default_rng(count).normal(size=(count, 37)).astype("f")
        (found,) = made.run(x)
        np.testing.assert_array_equal(found, made.session.run("f", x=x))
        np.testing.assert_allclose(found, small.run("f", x=x), rtol=1e-5, atol=1e-6)


def test_float64_and_batch_norm(tmp_path: Path) -> None:
    program = gradc.compile_file(SPECS / "batch_norm_cnn.nn")
    session = gradc.Session(program, dtype="float64", threads=1, seed=1)
    made = Built(session, "digit", tmp_path)
    images = digits(session)[:50]
    assert images.dtype == np.float64
    np.testing.assert_array_equal(made.run(images)[0], session.run("digit", image=images))
