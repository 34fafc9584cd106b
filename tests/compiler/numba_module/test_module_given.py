"""What a Numba module says of inputs and files that do not fit, without its compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.compiler.numba_module.emitting_numba import PLAIN, Module

SAYS = """
import numpy as np, {module} as module
state = module.start()
x, k = np.ones((2, 3)), [1, 2]
for given in {given}:
    try:
        print(module.predict(state, **given).shape)
    except ValueError as fault:
        print(fault)
"""
LOADS = """
import labelled
for name in {names}:
    try:
        print(*{{*labelled.load(name + ".safetensors")["{weight}"].flat}})
    except ValueError as fault:
        print(fault)
"""
LABELLED = "model f(x : [3], k : class(4)) -> [3] { x * 2 + sum(one_hot(k)) * dense(3)(x) }"


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    made = Module(LABELLED, tmp_path, "labelled", target="reference")
    given = "[dict(x=x, k=k), dict(x=x, k=[1.0, 2.0]), dict(x=x, k=[1.5, 2]), dict(x=x, k=[4, 0]),"
    given += "dict(x=x, k=[np.nan, 0]), dict(x=x * 1j, k=k), dict(x=[['1'] * 3] * 2, k=k)]"
    text = SAYS.format(module=made.name, given=given)
    whole = "k must have whole numbers from 0 to 3"
    assert in_python(text, tmp_path) == ["(2, 3)", "(2, 3)", whole, whole, whole, *(
        f"x must have numbers, none of them masked, not {kind}" for kind in ("complex128", "<U1")
    )]  # fmt: skip


def test_a_file_of_another_network_is_told(tmp_path: Path) -> None:
    """What a file lacked was 0, so a network with other names answered zeros."""
    made = Module(LABELLED, tmp_path, "labelled", target="reference")
    weight, bias = (name for name in made.session.parameters)
    rest = {bias: np.zeros(3, np.float32)}
    files = {
        "half": {**rest, weight: np.full((3, 3), 0.5, np.float16)}, "lacking": rest,
        "whole": {**rest, weight: np.ones((3, 3), np.int64)},
        "beyond": {**rest, weight: np.full((3, 3), 1e300)},
    }  # fmt: skip
    for name, tensors in files.items():
        save_file(tensors, tmp_path / f"{name}.safetensors")
    said = in_python(LOADS.format(names=[*files], weight=weight), tmp_path)
    assert said == ["0.5", f"lacking.safetensors lacks {weight}", *(
        f"{weight} has numbers that are not float32" for _ in range(2)
    )]  # fmt: skip


def in_python(text: str, folder: Path) -> list[str]:
    """The lines that a program in the folder of a module prints."""
    command, env = [sys.executable, "-c", text], {**os.environ, **PLAIN}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
