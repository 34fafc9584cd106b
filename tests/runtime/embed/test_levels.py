"""Libraries for several levels of processors, and for ARM: run by qemu where that is here."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import TensorType
from gradc_runtime.embed.build_library import build, build_step
from gradc_runtime.embed.levels import levels_of
from tests.runtime.embed.building import NEEDS_CC, SPECS, digits
from tests.runtime.embed.test_sequences_built import drawn

pytestmark = NEEDS_CC
ARM_CC = "aarch64-linux-gnu-gcc"
QEMU_ARM = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
Several = tuple[Path, np.ndarray]


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} is here (apt-get install qemu-user gcc-aarch64-linux-gnu)")


def session_of(spec: str) -> gradc.Session:
    return gradc.Session(gradc.compile_file(SPECS / f"{spec}.nn"), threads=1, seed=0)


def test_names_of_levels() -> None:
    assert levels_of("native") == ["native"]
    assert levels_of("v2, x86-64-v4,avx2") == ["x86-64-v4", "x86-64-v3", "x86-64-v2"]
    assert levels_of("sse2,native") == ["native", "x86-64"]
    with pytest.raises(ValueError, match="there is no level arm"):
        levels_of("arm")
    with pytest.raises(ValueError, match="another machine"):
        levels_of("aarch64,v3")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Several:
    """A library of three levels, images beside it, and what a session gives for them."""
    folder, session = tmp_path_factory.mktemp("levels"), session_of("mnist_cnn")
    build(session, "digit", folder, levels=levels_of("v2,v3,v4"))
    images = digits(session)[:20]
    np.save(folder / "x.npy", images)
    return folder, session.run("digit", image=images)


def near(found: Path, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(np.load(found), wanted, rtol=1e-5, atol=1e-6)


def test_the_best_level_is_chosen(several: Several) -> None:
    folder, wanted = several
    library = ctypes.CDLL(str(folder / "libdigit.so"))
    library.digit_level.restype = ctypes.c_char_p
    flags = Path("/proc/cpuinfo").read_text()
    best = next(
        (v for v, flag in (("v4", "avx512vl"), ("v3", "avx2")) if f" {flag} " in flags), "v2"
    )
    assert library.digit_level().decode() == f"x86-64-{best}"
    subprocess.run(["./digit", "x.npy", "-o", "y.npy"], cwd=folder, check=True)
    near(folder / "y.npy", wanted)


LEVEL = """#include <stdio.h>
#include "digit.h"
int main(void) { puts(digit_level()); return 0; }
"""


@pytest.mark.parametrize(
    ("processor", "level"), [("Haswell", "x86-64-v3"), ("Nehalem", "x86-64-v2"), ("qemu64", "none")]
)
def test_lesser_processors(several: Several, processor: str, level: str) -> None:
    needs("qemu-x86_64")
    (folder, wanted), emulated = several, ["qemu-x86_64", "-cpu", processor]
    (folder / f"{processor}.c").write_text(LEVEL)
    command = ["cc", f"{processor}.c", "libdigit.a", "-lm", "-o", processor]
    subprocess.run(command, cwd=folder, check=True)
    said = subprocess.run(
        [*emulated, f"./{processor}"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == [level]
    words = ["./digit", "x.npy", "-o", f"{processor}.npy"]
    done = subprocess.run([*emulated, *words], cwd=folder, capture_output=True, check=False)
    if level == "none":
        assert done.returncode == 2 and b"this processor lacks instructions" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    near(folder / f"{processor}.npy", wanted)


def test_a_model_on_arm(tmp_path: Path) -> None:
    needs("qemu-aarch64", ARM_CC)
    session = session_of("mnist_cnn")
    build(session, "digit", tmp_path, levels=["aarch64"])
    images = digits(session)[:20]
    np.save(tmp_path / "x.npy", images)
    session.save(tmp_path / "w.safetensors")
    for words in ([], ["--weights", "w.safetensors"]):
        command = [*QEMU_ARM, "./digit", *words, "x.npy", "-o", "y.npy"]
        subprocess.run(command, cwd=tmp_path, check=True)
        near(tmp_path / "y.npy", session.run("digit", image=images))


def test_sequences_on_arm(tmp_path: Path) -> None:
    needs("qemu-aarch64", ARM_CC)
    session = session_of("row_digits")
    build(session, "digit", tmp_path, levels=["aarch64"])
    rows = [drawn(TensorType((28,)), n) for n in (5, 28, 1)]
    np.save(tmp_path / "rows.npy", np.concatenate(rows))
    (tmp_path / "lengths.csv").write_text("5\n28\n1\n")
    words = ["rows=rows.npy", "rows_lengths=lengths.csv", "-o", "y.npy"]
    subprocess.run([*QEMU_ARM, "./digit", *words], cwd=tmp_path, check=True)
    near(tmp_path / "y.npy", session.run("digit", rows=rows))


STEPS = r"""#include <stdio.h>
#include "train.h"
static struct train_state state;
static float p[32], loss, accuracy;
static int32_t label[16];
static _Alignas(64) unsigned char memory[1 << 20];
int main(void) {
    for (int k = 0; k < 32; k++) p[k] = (float)(k * 7 % 11) / 11 - 0.5f;
    for (int k = 0; k < 16; k++) label[k] = k % 2;
    train_start(&state);
    for (int k = 0; k < 50; k++) {
        int code = train_step(&state, p, label, &loss, &accuracy, 16, memory, sizeof memory);
        if (code != 0) return puts(train_message(code)), 1;
        printf("%.9g\n", loss);
    }
    return 0;
}
"""


def test_a_step_on_arm_goes_the_way_of_this_machine(tmp_path: Path) -> None:
    needs("qemu-aarch64", ARM_CC)
    session, losses = session_of("circle"), []
    (step,) = session.training.steps
    for level, compiler, run in (("native", "cc", []), ("aarch64", ARM_CC, QEMU_ARM)):
        folder = tmp_path / level
        build_step(session, step, 16, folder, levels=[level])
        (folder / "main.c").write_text(STEPS)
        command = [compiler, "main.c", "libtrain.a", "-lm", "-o", "main"]
        subprocess.run(command, cwd=folder, check=True)
        done = subprocess.run([*run, "./main"], cwd=folder, capture_output=True, check=True)
        losses.append([float(line) for line in done.stdout.split()])
    assert len(losses[0]) == 50 and losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-4)
