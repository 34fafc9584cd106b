"""Emitted C under other compilers, in 32 bits, on ARM, and under what looks for faults."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.c.emitting import NEEDS_CC, STRICT, Emitted, drawn, emitted
from tests.compiler.c.test_c_source import SORTED_STEP, step_of

pytestmark = NEEDS_CC
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
ARM = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
WAYS = {  # a compiler with its flags, and what the program is run by
    "gcc": (["gcc", "-O2"], []),
    "gcc -O3": (["gcc", "-O3", "-march=native"], []),
    "clang": (["clang", "-O2"], []),
    "gcc in 32 bits": (["gcc", "-O2", "-m32"], []),
    "clang in 32 bits": (["clang", "-O2", "-m32"], []),
    "gcc sanitized": (["gcc", *SANITIZED], []),
    "clang sanitized": (["clang", *SANITIZED], []),
    "valgrind": (["gcc", "-O1", "-g"], ["valgrind", "-q", "--error-exitcode=9"]),
    "ARM": (["aarch64-linux-gnu-gcc", "-O2"], ARM),
}
READ = r"""
#include <stdio.h>
static int fill(const char *path, void *to, size_t bytes) {
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(to, 1, bytes, file) : 0;
    if (file) fclose(file);
    return got == bytes;
}
"""
MODEL = r"""#include "digit.h"
static struct digit_memory memory;
static float image[8 * 784], scores[8 * 10];
int main(void) {
    if (!fill("image", image, sizeof image)) return 2;
    if (digit_run(&memory, image, scores, 8) != 0) return 3;
    if (digit_run(&memory, image, scores, -1) == 0 || digit_run(0, image, scores, 1) == 0) return 4;
    for (int k = 0; k < 80; k++) printf("%.9g\n", (double)scores[k]);
    return 0;
}
"""
STEP = r"""#include "train.h"
static struct train_memory memory;
static struct train_state state;
static float image[8 * 784], loss, accuracy;
static int32_t label[8];
int main(void) {
    if (!fill("image", image, sizeof image) || !fill("label", label, sizeof label)) return 2;
    train_start(&state);
    for (int k = 0; k < 4; k++) {
        if (train_step(&memory, &state, image, label, &loss, &accuracy, 8) != 0) return 3;
        printf("%.9g\n", (double)loss);
    }
    return 0;
}
"""


ROWS = 6
ORDERS = """
model digit(x : [3, 5], y : [2000], k : class(3), a : [8], b : [8]) -> (
    up : [3, 5], down : [3, 5], long : [2000], sorted : [3, 5], turned : [3, 5], row : [5],
    whole : [8], left : [8], short : [8]
) {
    (cumsum(x, axis = 0), cumsum(x, backwards = true), cumsum(y), sort(2 * x - 1),
        take_along(x, argsort(-x)), sort(x)[k], a // b, a % b, bfloat16(a * b))
}
"""
OF_ORDERS = r"""#include "digit.h"
static struct digit_memory memory;
static float x[6 * 15], y[6 * 2000], a[6 * 8], b[6 * 8];
static int32_t k[6];
static float up[6 * 15], down[6 * 15], sums[6 * 2000], sorted[6 * 15], turned[6 * 15], row[6 * 5],
    whole[6 * 8], left[6 * 8], narrow[6 * 8];
static void say(const float *of, int count) {
    for (int i = 0; i < count; i++) printf("%.9g\n", (double)of[i]);
}
int main(void) {
    if (!fill("x", x, sizeof x) || !fill("y", y, sizeof y) || !fill("k", k, sizeof k)) return 2;
    if (!fill("a", a, sizeof a) || !fill("b", b, sizeof b)) return 3;
    if (digit_run(&memory, x, y, k, a, b, up, down, sums, sorted, turned, row, whole, left, narrow,
                  6) != 0) return 4;
    say(up, 90), say(down, 90), say(sums, 12000), say(sorted, 90), say(turned, 90), say(row, 30);
    say(whole, 48), say(left, 48), say(narrow, 48);
    return 0;
}
"""
ORDERED_STEP = r"""#include "train.h"
static struct train_memory memory;
static struct train_state state;
static float x[8 * 6], y[8 * 6], loss;
int main(void) {
    if (!fill("x", x, sizeof x) || !fill("y", y, sizeof y)) return 2;
    train_start(&state);
    for (int k = 0; k < 4; k++) {
        if (train_step(&memory, &state, x, y, &loss, 8) != 0) return 3;
        printf("%.9g\n", (double)loss);
    }
    return 0;
}
"""


def run(made: Emitted, way: str, text: str) -> list[float]:
    """What a program prints beside the emitted file; the test is skipped where it cannot be run."""
    command, runner = WAYS[way]
    for tool in (command[0], *runner[:1]):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} is here")
    folder = made.folder
    (folder / "none.c").write_text("#include <math.h>\nint main(void) { return 0; }\n")
    none = [*command, *STRICT, "none.c", "-lm", "-o", "none"]
    if subprocess.run(none, cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip(f"{' '.join(command)} makes no programs here")
    (folder / "main.c").write_text(READ + text)
    flags = [*command, *STRICT, f"{made.name}.c", "main.c", "-lm", "-o", "main"]
    done = subprocess.run(flags, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*runner, "./main"], cwd=folder, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [float(line) for line in done.stdout.split()]


def images_of(made: Emitted) -> dict[str, np.ndarray]:
    """Eight images and labels, and each in a file."""
    return in_files(made, drawn(made, 8))


def in_files(made: Emitted, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs, and each in a file for a program."""
    for name, values in inputs.items():
        (made.folder / name).write_bytes(values.tobytes())
    return inputs


def of_every_sign() -> dict[str, np.ndarray]:
    """Ties, NaN and infinities to order and add up; quotients of either sign, by 0, of halves."""
    draws = np.random.default_rng(0)
    x = draws.integers(0, 3, (ROWS, 3, 5)).astype("f4")
    x[1, 1], x[2, 0, 2], x[3, 2] = np.nan, np.nan, [np.inf, -np.inf, 0, -0.0, np.inf]
    a, b = draws.normal(size=(2, ROWS, 8)).astype("f4")
    a[0], b[0] = [7, -7, 7, -7, 1, 0.3, 1e30, np.inf], [2, 2, -2, -2, 0, 0.1, 3, 2]
    y = draws.random((ROWS, 2000)).astype("f4") + 100
    return {"x": x, "y": y, "k": (np.arange(ROWS) % 3).astype("i4"), "a": a, "b": b}


@pytest.mark.parametrize("way", WAYS)
def test_a_model(tmp_path: Path, way: str) -> None:
    made = emitted("mnist_cnn", "forward/digit", tmp_path)
    wanted = made.session.run("digit", **images_of(made))
    np.testing.assert_allclose(run(made, way, MODEL), wanted.reshape(-1), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("way", WAYS)
def test_a_step(tmp_path: Path, way: str) -> None:
    made = step_of("mnist_cnn", tmp_path)
    inputs = images_of(made)
    wanted = [made.session.step(**inputs)["loss"] for _ in range(4)]
    np.testing.assert_allclose(run(made, way, STEP), wanted, rtol=2e-4)


@pytest.mark.parametrize("way", WAYS)
def test_orders_sums_and_quotients(tmp_path: Path, way: str) -> None:
    made = Emitted(ORDERS, "forward/digit", tmp_path)
    wanted = made.session.run("digit", **in_files(made, of_every_sign()))
    flat = np.concatenate([value.reshape(-1) for value in wanted.values()])
    found = np.array(run(made, way, OF_ORDERS), "f4")
    exact = sum(wanted[name].size for name in ("whole", "left", "short"))
    np.testing.assert_allclose(found, flat, rtol=1e-6)
    np.testing.assert_array_equal(found[-exact:], flat[-exact:])


@pytest.mark.parametrize("way", WAYS)
def test_their_gradients(tmp_path: Path, way: str) -> None:
    made = Emitted(SORTED_STEP, "step/train", tmp_path, batch=8)
    inputs = images_of(made)
    wanted = [made.session.step(**inputs)["loss"] for _ in range(4)]
    np.testing.assert_allclose(run(made, way, ORDERED_STEP), wanted, rtol=1e-5)


def test_values_take_turns(tmp_path: Path) -> None:
    made = emitted("mnist_cnn", "forward/digit", tmp_path)
    assert "float conv5_product[32];" in made.header and "} turn_1;" in made.header
    alone = 4 * sum(int(line.split("[")[1].split("]")[0]) for line in made.header.splitlines()
                    if line.startswith(("    float ", "        float ")))  # fmt: skip
    assert made.ends[0] < alone / 2
    assert f"Memory: {made.ends[0]:,} bytes." in made.source.splitlines()[0]
