"""Libraries and programs under AddressSanitizer, UBSan and valgrind, four threads at once."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_runtime.embed.build_library import build
from gradc_runtime.embed.interface import FAULTS
from tests.runtime.embed.building import NEEDS_CC, SPECS, Built, digits
from tests.runtime.embed.test_program import spoil

pytestmark = NEEDS_CC
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -g"
DRIVER = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "digit.h"

static float images[40 * 784], wanted[40 * 10];

static void read_all(const char *path, float *to, size_t count) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(to, sizeof *to, count, file) != count) abort();
    fclose(file);
}

static void *in_turn(void *which) {
    int size = 1 + *(int *)which * 9;
    for (int k = 0; k + size <= 40; k++) {
        float *image = malloc((size_t)size * 784 * sizeof(float));
        float *scores = malloc((size_t)size * 10 * sizeof(float));
        memcpy(image, images + k * 784, (size_t)size * 784 * sizeof(float));
        if (digit_run(image, scores, size) != 0) abort();
        size_t bytes = digit_workspace(size);
        void *workspace = malloc(bytes);
        if (memcmp(scores, wanted + k * 10, (size_t)size * 10 * sizeof(float)) != 0) abort();
        if (digit_run_in(image, scores, size, workspace, bytes) != 0) abort();
        if (memcmp(scores, wanted + k * 10, (size_t)size * 10 * sizeof(float)) != 0) abort();
        if (digit_run_in(image, scores, size, workspace, bytes - 1) == 0) abort();
        if (digit_run(NULL, scores, size) == 0 || digit_run(image, NULL, size) == 0) abort();
        if (digit_run_in(image, scores, size, NULL, bytes) == 0) abort();
        free(image);
        free(scores);
        free(workspace);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    int numbers[4] = {0, 1, 2, 3};
    if (digit_check() != 0 || digit_run(images, wanted, -1) == 0) abort();
    read_all("images", images, 40 * 784);
    read_all("wanted", wanted, 40 * 10);
    for (int k = 0; k < 4; k++) pthread_create(&threads[k], NULL, in_turn, &numbers[k]);
    for (int k = 0; k < 4; k++) pthread_join(threads[k], NULL);
    for (int code = -30; code < 3; code++) printf("%s\n", digit_message(code));
    return 0;
}
"""


def driver(
    folder: Path, made: Path, flags: str, images: int = 40
) -> subprocess.CompletedProcess[str]:
    """Compile the program above against a folder with a library, and run it."""
    (folder / "driver.c").write_text(DRIVER.replace("40", str(images)))
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *flags.split(), f"-I{made}"]
    command += ["driver.c", str(made / "libdigit.a"), "-lm", "-lpthread", "-o", "driver"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run(["./driver"], cwd=folder, capture_output=True, text=True, check=False)


def sanitizers_work(folder: Path) -> bool:
    """Whether this machine has the sanitizers' libraries."""
    (folder / "none.c").write_text("int main(void) { return 0; }\n")
    command = ["cc", *FLAGS.split(), "none.c", "-o", "none"]
    calls = [command, ["./none"]]
    return all(
        subprocess.run(c, cwd=folder, capture_output=True, check=False).returncode == 0
        for c in calls
    )


def test_sanitizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sanitizers_work(tmp_path):
        pytest.skip("no sanitizers are here")
    monkeypatch.setenv("CFLAGS", FLAGS)
    session = gradc.Session(gradc.compile_file(SPECS / "mnist_cnn.nn"), threads=1, seed=0)
    build(session, "digit", tmp_path / "built")
    images = digits(session)[:40]
    (tmp_path / "images").write_bytes(images.tobytes())
    (tmp_path / "wanted").write_bytes(session.run("digit", image=images).tobytes())
    done = driver(tmp_path, tmp_path / "built", FLAGS)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count("no such code") == 32 - len(FAULTS) and "a pointer is null" in done.stdout
    )
    spoil(tmp_path, images)
    files = [p.name for p in tmp_path.iterdir() if p.suffix in (".npy", ".csv", ".bin")] + ["empty"]
    for words in [[name] for name in files] + [["--from", "floats", name] for name in files]:
        found = subprocess.run(
            ["built/digit", *words], cwd=tmp_path, capture_output=True, check=False
        )
        assert found.returncode in (0, 2) and b"ERROR" not in found.stderr, found.stderr
        assert b"runtime error" not in found.stderr, found.stderr


def test_sequences_sanitized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sanitizers_work(tmp_path):
        pytest.skip("no sanitizers are here")
    monkeypatch.setenv("CFLAGS", FLAGS)
    session = gradc.Session(gradc.compile_file(SPECS / "translate.nn"), threads=1, seed=0)
    build(session, "answer", tmp_path)
    (tmp_path / "xs").write_text("1 2 3 4 5 6")
    (tmp_path / "before").write_text("0 1 2 3")
    for lengths, others, code in (("3 3", "1 3", 0), ("6 0", "0 4", 0), ("3 4", "1 3", 2)):
        (tmp_path / "n").write_text(lengths)
        (tmp_path / "m").write_text(others)
        words = ["xs=xs", "before=before", "xs_lengths=n", "m_lengths=m"]
        found = subprocess.run(["./answer", *words], cwd=tmp_path, capture_output=True, check=False)
        assert found.returncode == code and b"ERROR" not in found.stderr, found.stderr
        assert b"runtime error" not in found.stderr, found.stderr


def test_every_byte_of_a_header_may_be_wrong(digit: Built, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 28, 28, 1), np.float32))
    whole = bytearray((tmp_path / "x.npy").read_bytes())
    for at in range(0, 128, 3):
        for byte in (0, 39, 57, 255):
            spoilt = whole.copy()
            spoilt[at] = byte
            done = subprocess.run(
                [digit.folder / "digit", "--from", "npy", "-"], input=bytes(spoilt),
                capture_output=True, check=False,
            )  # fmt: skip
            assert done.returncode in (0, 2), (at, byte, done)


CHECKED = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full"]


@pytest.fixture(scope="module")
def for_valgrind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `digit` built for a processor that valgrind knows."""
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind is here")
    folder = tmp_path_factory.mktemp("valgrind")
    spec = SPECS / "mnist_cnn.nn"
    command = [sys.executable, "-m", "gradc_runtime.cli", "build", str(spec), "-o", "built"]
    done = subprocess.run(
        [*command, "--cpu", "avx2"], cwd=folder, env=os.environ, capture_output=True, check=False
    )
    if b"processor has no" in done.stderr:
        pytest.skip(done.stderr.decode())
    assert done.returncode == 0, done.stderr
    return folder


def test_the_program_under_valgrind(for_valgrind: Path) -> None:
    np.save(for_valgrind / "x.npy", np.zeros((9, 28, 28, 1), np.float32))
    command = [*CHECKED, "built/digit", "x.npy"]
    found = subprocess.run(command, cwd=for_valgrind, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr.decode()
    assert found.stdout.count(b"\n") == 9


def test_four_threads_under_valgrind(for_valgrind: Path) -> None:
    library = ctypes.CDLL(str(for_valgrind / "built" / "libdigit.so"))
    images = np.random.default_rng(0).random((30, 784), np.float32)
    wanted = np.zeros((30, 10), np.float32)
    given = [ctypes.c_void_p(array.ctypes.data) for array in (images, wanted)]
    assert library.digit_run(*given, 30) == 0
    (for_valgrind / "images").write_bytes(images.tobytes())
    (for_valgrind / "wanted").write_bytes(wanted.tobytes())
    assert driver(for_valgrind, for_valgrind / "built", "-g", 30).returncode == 0
    found = subprocess.run(
        [*CHECKED, "./driver"], cwd=for_valgrind, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0 and not found.stderr, found.stderr
