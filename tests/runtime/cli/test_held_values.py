"""A derivative that its author has written: differences follow it, and a derivation says so."""

from __future__ import annotations

import numpy as np

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import compilation
from gradc_runtime.cli.actions.slopes import gradient_error
from gradc_runtime.session.session import Session

SPEC = """
function fires(x : t, k : scalar) -> t { k * (x > 0) }
derivative fires(x, k)(dx, dk) because "as a sigmoid" { sigmoid(x) * dx + (x > 0) * dk }
model net(x : [2]) -> scalar {
    param k = 1.5
    h = x |> dense(4)
    fires(h, k) |> dense(1) |> as(scalar)
}
data points(x : [2], y : scalar) = line()
train on points { minimize (net(x) - stop_gradient(net(x)) / 2 - y)^2 using sgd(lr = 0.1) }
"""


def test_differences_hold_what_the_rule_takes_for_constant() -> None:
    made = compilation(Source("s.nn", SPEC), ".", {})
    session = Session(made.program, target="reference", dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    batch = {"x": rng.normal(size=(5, 2)), "y": rng.normal(size=5)}
    step = made.program.training.steps[0]
    inputs = session.checked(step.gradients, batch, session.fields)
    found = gradient_error(session, step, made.graphs[step.gradients], inputs, 0)
    assert found is not None and found[0] < 1e-6, found
