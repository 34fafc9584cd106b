"""Code for every level of x86 that this processor can stand for: right, apart in the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradc_runtime.cpu.codegen import target
from gradc_runtime.system.errors import SessionError

TRIPLE = "x86_64-unknown-linux-gnu"
PRESENT = {name for name, on in target.llvm.get_host_cpu_features().items() if on}
POSSIBLE = [name for name, (_, needed) in target.LEVELS.items() if needed <= PRESENT]
X86 = target.host().triple.startswith("x86_64")
TRAINING = """
import numpy as np
import gradc
from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.codegen.build_kernel import assembly
from gradc_runtime.cpu.objects.compile_kernels import key_of
program = gradc.compile_file("specs/circle.nn")
rng = np.random.default_rng(0)
points, labels = rng.normal(size=(37, 2)), rng.integers(0, 2, 37)
losses = []
for target in ("cpu", "reference"):
    session = gradc.Session(program, target=target, threads=2, seed=1)
    losses.append([session.step(p=points, label=labels)["loss"] for _ in range(5)])
print(float(np.max(np.abs(np.subtract(*losses)))))
text = assembly("contract_rows", None, 4)
print(next(name for name in ("zmm", "ymm", "xmm") if name in text))
print(key_of("contract_rows", None, 4))
"""


@pytest.mark.parametrize(
    ("level", "width", "registers"),
    [("sse2", 16, 16), ("sse4", 16, 16), ("avx2", 32, 16), ("avx512", 64, 32)],
)
def test_each_level_has_its_vectors(level: str, width: int, registers: int) -> None:
    _, needed = target.LEVELS[level]
    made = target.forced(level, set(needed), TRIPLE)
    assert (made.vector_bytes, made.vector_registers) == (width, registers)
    assert made.lanes(4) == width // 4


def test_a_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(SessionError, match="levels of x86 are sse2, sse4, avx2, avx512"):
        target.forced("mmx", set(), TRIPLE)
    with pytest.raises(SessionError, match="GRADC_LEVEL is avx2; this processor has no avx2"):
        target.forced("avx2", {"sse2", "fma", "bmi2", "f16c", "movbe"}, TRIPLE)
    with pytest.raises(SessionError, match="levels of x86"):
        target.forced("avx2", set(), "aarch64-unknown-linux-gnu")


@pytest.mark.skipif(not X86, reason="levels are of x86")
def test_every_level_trains_as_the_reference_does(tmp_path: Path) -> None:
    keys = set()
    for level in POSSIBLE:
        environment = {**os.environ, "GRADC_LEVEL": level, "GRADC_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", TRAINING], env=environment, cwd=Path(__file__).parents[4],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        difference, register, key = done.stdout.split()
        assert float(difference) < 1e-5
        assert register == {"avx2": "ymm", "avx512": "zmm"}.get(level, "xmm")
        keys.add(key)
    assert len(keys) == len(POSSIBLE)
