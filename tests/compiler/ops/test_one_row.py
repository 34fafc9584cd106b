"""An elementwise operator is one row and no other file: two rows, one of them with a formula, are
added to a copy of the tree, and everything that README promises of them is tried there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

ROOT = Path(__file__).resolve().parents[3]
ROWS = """
bump = elementwise(
    "bump",
    "{0} / ({1} * {1} + real(1.0))",
    lambda g, y, a, width: [
        g / (width * width + 1.0), g * (-2.0) * y * width / (width * width + 1.0)
    ],
    lambda a, b: a / (b * b + 1.0),
)
ripple = by_formula(
    "ripple",
    lambda f, x: f.exp(-(x * x)) * f.select(x < 0.0, 2.0, f.cos(3.0 * x) + 1.0),
    lambda g, y, x: [
        g * (-2.0 * x * y - 3.0 * (x > 0.0) * x.apply("exp", -(x * x)) * x.apply("sin", 3.0 * x))
    ],
)
"""
SPEC = """
model f(x : [3]) -> scalar {
    param W : [3] ~ glorot_uniform
    sum(bump(x * W, width = W + bump(2, 1))) + sum(ripple(x * W))
}
data points(x : [3]) = csv("none.csv")
train on points {
    minimize f(x)^2
    using sgd(lr = 0.1)
}
"""
TRIED = f"""
import numpy as np
import onnxruntime
from gradc_runtime.onnx.export_file import exported
from gradc_compiler.derived import print_program
from gradc_compiler.ops.operators_page import table
from gradc_compiler.pipeline import compile_source, compilation
from gradc_compiler.diagnostics.source import Source
from gradc_runtime.session.session import Session

made = compilation(Source("spec.nn", {SPEC!r}), ".", {{}}, ())
x = np.linspace(-2, 2, 15).reshape(5, 3)
sessions = [Session(made.program, t, "float64", 2, 3) for t in ("reference", "cpu")]
W = sessions[0].parameters["f.W"].copy()
width, inner = W + 2 / 2, x * W
ripples = np.exp(-inner * inner) * np.where(inner < 0, 2, np.cos(3 * inner) + 1)
wanted = (x * W / (width**2 + 1) + ripples).sum(axis=1)
found = [s.run("f", x=x) for s in sessions]
for value in found:
    np.testing.assert_allclose(value, wanted, rtol=1e-13)
file = onnxruntime.InferenceSession(exported(sessions[0]).SerializeToString())
np.testing.assert_allclose(file.run(None, {{"x": x.astype("float32")}})[0], wanted, rtol=1e-6)
for session in sessions:
    _, gradients = session.gradients(x=x)
    for k in range(3):
        losses = []
        for h in (1e-6, -1e-6):
            session.parameters["f.W"][...] = W
            session.parameters["f.W"][k] += h
            losses.append(session.gradients(x=x)[0])
        session.parameters["f.W"][...] = W
        np.testing.assert_allclose(gradients["f.W"][k], (losses[0] - losses[1]) / 2e-6, rtol=1e-6)
text = print_program(made)
assert "bump(" in text and "ripple(" in text, text
again = Session(compile_source(text), "cpu", "float64", 1, 3)
again.parameters["f.W"][...] = W
assert "| `bump` | `a / (width * width + 1)` |" in table()
assert "| `a / (width * width + real(1.0))` |" in table()
assert "| `real(ripple(wide(x)))` |" in table()
loss, g = again.run("f", x=x)["loss"], again.run("f", x=x)["d_W"]
np.testing.assert_allclose(loss.mean(), sessions[0].gradients(x=x)[0], rtol=1e-12)
"""


def test_an_elementwise_operator_is_one_row_and_no_other_file(tmp_path: Path) -> None:
    for package in ("compiler", "runtime"):
        copytree(
            ROOT / package, tmp_path / f"gradc_{package}", ignore=ignore_patterns("__pycache__")
        )
    with (tmp_path / "gradc_compiler/ops/elementwise.py").open("a") as table:
        table.write(ROWS)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", TRIED], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
