"""An operator along an axis is a class, its import and a row of kernels: one is added to a copy of
the tree, and everything that the language promises of operators is tried there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).resolve().parents[3]
CLASS = '''
"""Numbers one place on along an axis."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.op import real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.ops.structured import Structured
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class Shift(Structured):
    """y[k] = x[k - 1], or (backwards) x[k + 1]; 0 where there is none."""

    axis: int
    backwards: bool = False
    name: ClassVar[str] = "shift"
    adds: ClassVar[bool] = True

    def infer(self, x):
        require(self.axis < x.rank, f"shift goes along an axis, got {x}")
        return real(x.shape)

    def vjp(self, g, y, x):
        return [g.builder.add(replace(self, backwards=not self.backwards), g)]

    def reference(self, x):
        axis = self.axis + 1
        y = np.roll(x, -1 if self.backwards else 1, axis)
        np.moveaxis(y, axis, 0)[-1 if self.backwards else 0] = 0
        return y

    def mapped(self):
        return replace(self, axis=self.axis + 1)
'''
IMPORT = "\nfrom gradc_compiler.ops import shift\n"
ROW = '''
from gradc_compiler.ops.shift import Shift


def _shifted(start, to):
    return RowKernel(
        law="y[k] = x[k - 1] or x[k + 1]",
        kinds="rr",
        meaning=RowMeaning(store=Store.SET, first=(1 - start, start), fewer=1, zeroed=True),
        text=f"""\\
for i2 in range(m0):
    x1[a1 + i2 * g1] = real(0.0)
for i2 in range({start}, m0 - 1 + {start}):
    x1[a1 + i2 * g1] = x0[a0 + (i2 {to}) * g1]
""",
    )


ROW_KERNELS[Shift] = lambda op, x: _shifted(0, "+ 1") if op.backwards else _shifted(1, "- 1")
'''
SPEC = """
cell late(h : [3], x : [3]) -> [3] { shift(h + x) }
model f(x : [2, 3]) -> scalar {
    param W : [2, 3] ~ normal(0, 1)
    y = shift(x * W, axis = 0, backwards = true) + ((x * W) |> each(shift))
    slope = grad(sum(shift(W)^3), W)
    sum(y^2) + sum(slope * W) + sum(W[0] |> unfold(2, late) |> last)
}
data points(x : [2, 3]) = csv("none.csv")
train on points {
    minimize f(x)^2
    using sgd(lr = 0.1)
}
"""
TRIED = f"""
import sys
import numpy as np
from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.ops.operators_page import table
from gradc_compiler.pipeline import compilation, compile_source
from gradc_runtime.session.session import Session

made = compilation(Source("spec.nn", {SPEC!r}), ".", {{}}, ())
x = np.linspace(-2, 2, 30).reshape(5, 2, 3)
sessions = [Session(made.program, t, "float64", 1, 3) for t in ("reference", sys.argv[1])]
W = sessions[0].parameters["f.W"].copy()
inner = x * W
y = np.zeros_like(inner)
y[:, :-1] += inner[:, 1:]
y[:, :, 1:] += inner[:, :, :-1]
late = np.concatenate([np.zeros(1), W[0, :-1]])
slope = 3 * W**2 * np.array([1, 1, 0])
wanted = (y**2).sum((1, 2)) + (slope * W).sum() + late.sum() + late[:-1].sum()
slopes = [s.gradients(x=x)[1]["f.W"] for s in sessions]
np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-12)
text = print_program(made)
assert "shift(" in text and "backwards = true" in text and "axis = 1" in text, text
assert "| `shift` | y[k] = x[k - 1], or (backwards) x[k + 1]; 0 where there is none. |" in table()
compile_source(text)
for s in sessions:
    np.testing.assert_allclose(s.run("f", x=x), wanted, rtol=1e-12)
    for k in np.ndindex(2, 3):
        losses = []
        for h in (1e-6, -1e-6):
            s.parameters["f.W"][...] = W
            s.parameters["f.W"][k] += h
            losses.append(s.gradients(x=x)[0])
        s.parameters["f.W"][...] = W
        np.testing.assert_allclose(slopes[0][k], (losses[0] - losses[1]) / 2e-6, rtol=1e-6)
"""


def tried(tmp_path: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process that runs a copy of the tree with the operator in it."""
    for package in ("compiler", "runtime"):
        copytree(
            ROOT / package, tmp_path / f"gradc_{package}", ignore=ignore_patterns("__pycache__")
        )
    compiler = tmp_path / "gradc_compiler"
    (compiler / "ops/shift.py").write_text(CLASS)
    for name, text in (("ops/__init__.py", IMPORT), ("printing/row_kernel_table.py", ROW)):
        with (compiler / name).open("a") as file:
            file.write(text)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), **environment}
    return subprocess.run(
        [sys.executable, "-c", TRIED, target],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def test_an_operator_along_an_axis_is_a_class_and_a_row(tmp_path: Path) -> None:
    run = tried(tmp_path, "cpu")
    assert run.returncode == 0, run.stdout + run.stderr


def test_and_cuda_has_it_too(tmp_path: Path) -> None:
    pytest.importorskip("numba_cuda")
    run = tried(tmp_path, "cuda", NUMBA_ENABLE_CUDASIM="1")
    assert run.returncode == 0, run.stdout + run.stderr
