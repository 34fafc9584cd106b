"""Emitted C under other compilers, in 32 bits, on ARM, and under what looks for faults."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.c.emitting import NEEDS_CC, STRICT, Emitted, drawn, emitted
from tests.compiler.c.test_c_source import step_of

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
    inputs = drawn(made, 8)
    for name, values in inputs.items():
        (made.folder / name).write_bytes(values.tobytes())
    return inputs


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


def test_values_take_turns(tmp_path: Path) -> None:
    made = emitted("mnist_cnn", "forward/digit", tmp_path)
    assert "float conv5_product[32];" in made.header and "} turn_1;" in made.header
    alone = 4 * sum(int(line.split("[")[1].split("]")[0]) for line in made.header.splitlines()
                    if line.startswith(("    float ", "        float ")))  # fmt: skip
    assert made.ends[0] < alone / 2
    assert f"Memory: {made.ends[0]:,} bytes." in made.source.splitlines()[0]
