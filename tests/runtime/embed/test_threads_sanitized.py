"""Four threads at once: models under ThreadSanitizer, steps on sequences under AddressSanitizer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_runtime.embed.build_library import build, build_step
from tests.runtime.embed.building import NEEDS_CC, SPECS, digits
from tests.runtime.embed.building_steps import BuiltStep
from tests.runtime.embed.test_sanitized import DRIVER, FLAGS, sanitizers_work

pytestmark = NEEDS_CC
RACES = "-fsanitize=thread -g -O1"
STEPS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "train.h"

static float rows[ROWS * 28];
static int32_t label[16], lengths[16];

static void fill(const char *path, void *to, size_t bytes) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(to, 1, bytes, file) != bytes) abort();
    fclose(file);
}

static struct train_state states[4], other;

static void *train(void *found) {
    struct train_state *state = found;
    float loss, accuracy;
    const size_t bytes = train_workspace(lengths, 16);
    void *workspace = malloc(bytes);
    train_start(state);
#define STEP(lengths, loss, n, bytes) \
    train_step(state, rows, label, lengths, loss, &accuracy, n, workspace, bytes)
    for (int k = 0; k < 3; k++)
        if (STEP(lengths, &loss, 16, bytes) != 0) abort();
    if (STEP(lengths, &loss, 16, bytes - 1) == 0 || STEP(NULL, &loss, 16, bytes) == 0) abort();
    if (STEP(lengths, NULL, 16, bytes) == 0 || STEP(lengths, &loss, 15, bytes) == 0) abort();
    free(workspace);
    return NULL;
}

int main(void) {
    const char *tensor;
    pthread_t threads[4];
    fill("rows", rows, sizeof rows);
    fill("label", label, sizeof label);
    fill("lengths", lengths, sizeof lengths);
    for (int k = 0; k < 4; k++) pthread_create(&threads[k], NULL, train, &states[k]);
    for (int k = 0; k < 4; k++) pthread_join(threads[k], NULL);
    for (int k = 1; k < 4; k++)
        if (memcmp(&states[0], &states[k], sizeof states[0]) != 0) abort();
    if (train_save(&states[0], "state") != 0 || train_load(&other, "state", &tensor) != 0) abort();
    if (train_save(NULL, "state") == 0 || train_load(&other, "rows", &tensor) == 0) abort();
    FILE *file = fopen("after", "wb");
    fwrite(&other, sizeof other, 1, file);
    fclose(file);
    return 0;
}
"""


def compiled(folder: Path, text: str, library: str, flags: str) -> subprocess.CompletedProcess[str]:
    """Compile a driver beside a library, and run it."""
    (folder / "driver.c").write_text(text)
    command = ["cc", *flags.split(), "-Wall", "-Wextra", "-Werror", "driver.c", library]
    subprocess.run([*command, "-lm", "-lpthread", "-o", "driver"], cwd=folder, check=True)
    return subprocess.run(["./driver"], cwd=folder, capture_output=True, text=True, check=False)


def test_steps_of_sequences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sanitizers_work(tmp_path):
        pytest.skip("no sanitizers are here")
    plain = BuiltStep("row_digits", 16, tmp_path / "plain")
    inputs = plain.inputs(0)
    (rows, label), (lengths,) = plain.given(inputs)
    monkeypatch.setenv("CFLAGS", FLAGS)
    folder = tmp_path / "sanitized"
    build_step(plain.session, plain.step, 16, folder)
    for name, values in (("rows", rows), ("label", label), ("lengths", lengths)):
        (folder / name).write_bytes(values.tobytes())
    text = f"#define ROWS {len(rows)}\n{STEPS}"
    done = compiled(folder, text, "libtrain.a", FLAGS)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for _ in range(3):
        assert plain(inputs) == 0
    assert (folder / "after").read_bytes() == plain.state.tobytes()


def test_no_races(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.c").write_text("int main(void) { return 0; }\n")
    for command in (["cc", *RACES.split(), "none.c", "-o", "none"], ["./none"]):
        if subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode:
            pytest.skip("ThreadSanitizer does not run here")
    monkeypatch.setenv("CFLAGS", RACES)
    session = gradc.Session(gradc.compile_file(SPECS / "mnist_cnn.nn"), threads=1, seed=0)
    build(session, "digit", tmp_path)
    images = np.ascontiguousarray(digits(session)[:40])
    (tmp_path / "images").write_bytes(images.tobytes())
    (tmp_path / "wanted").write_bytes(session.run("digit", image=images).tobytes())
    done = compiled(tmp_path, DRIVER, "libdigit.a", RACES)
    assert done.returncode == 0 and "data race" not in done.stderr, done.stderr
