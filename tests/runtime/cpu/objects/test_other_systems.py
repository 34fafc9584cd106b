"""Where the loader here takes no object file, as on ARM, LLVM loads every kernel: the same bits.

A process of its own is told that nothing is plain and that it may not be copied; it trains, resumes
from what lies in the cache, and its numbers are those of a process that loads by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import numpy as np
from gradc_runtime.cpu.objects import compile_kernels, link

if sys.argv[1] == "llvm":
    link.understood = lambda code, symbol: None
    link.ALL_PLAIN = False
    compile_kernels.may_copy_process = lambda: False
import gradc

program = gradc.compile_file(sys.argv[2])
session = gradc.Session(program, threads=2, seed=3)
rng = np.random.default_rng(0)
x, y = rng.random((70, 14, 14, 1)), rng.integers(0, 10, 70)
session.train({"image": x, "label": y}, epochs=2, quiet=True)
loaded = "gradc_runtime.cpu.objects.mcjit" in sys.modules
print(loaded, session.memory.words.tobytes().hex()[-400:], session.run("net", image=x[:9]).sum())
"""
SPEC = """
model net(image : [14, 14, 1]) -> [10] {
    image |> conv(8, 3x3, stride = 2) |> relu |> flatten |> dense(96) |> tanh |> dense(10)
}
data d(image : [14, 14, 1], label : class(10)) = npz("none.npz")
train on d { minimize cross_entropy(net(image), label) using adam(lr = 1e-2), batch 16 }
"""


def run(loader: str, spec: Path, cache: Path) -> list[str]:
    """Whether LLVM's loader was used, the parameters, and an answer."""
    path = os.pathsep.join(p for p in sys.path if p)
    environment = os.environ | {"PYTHONPATH": path, "GRADC_CACHE": str(cache)}
    command = [sys.executable, "-c", SCRIPT, loader, str(spec)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.split()


def test_llvm_loads_every_kernel_and_the_bits_are_the_same(tmp_path: Path) -> None:
    spec, cache = tmp_path / "net.nn", tmp_path / "cache"
    spec.write_text(SPEC)
    own = run("own", spec, tmp_path / "own")
    if own[0] == "True":
        pytest.skip("LLVM loads the kernels of this system anyway")
    cold, warm = run("llvm", spec, cache), run("llvm", spec, cache)
    assert cold[0] == warm[0] == "True"
    assert own[1:] == cold[1:] == warm[1:]
