"""`jvp` and what is made of it in the body of a cell: the state is a value of its own there."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session

TEXT = """
model energy(x : [2]) -> scalar {{ x |> dense(3) |> tanh |> dense(1) |> as(scalar) }}
cell down(x : [2], u : [2]) -> [2] {{ x - 0.1 * {step} }}
model f(us : seq [2], z : [2]) -> scalar {{ sum((us |> scan(down, start = z) |> last)^2) }}
data d(us : seq [2], z : [2]) = npz("none.npz")
train on d {{ minimize f(us, z) using sgd }}
"""


@pytest.mark.parametrize(
    ("forward", "reverse"),
    [
        ("jvp(energy(x), x, u) * u", "sum(grad(energy(x), x) * u) * u"),
        ("jvp(tanh(energy(x) * u), u, x)", "x * energy(x) * (1 - tanh(energy(x) * u)^2)"),
        ("hvp(energy(x), x, u)", "grad(sum(grad(energy(x), x) * u), x)"),
    ],
)
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_step_is_differentiated_forwards_as_in_reverse(
    forward: str, reverse: str, target: str
) -> None:
    rng = np.random.default_rng(0)
    given = {"us": [rng.normal(size=(n, 2)) for n in (3, 1, 2)], "z": rng.normal(size=(3, 2))}
    found = []
    for step in (forward, reverse):
        program = compile_source(TEXT.format(step=step))
        found.append(Session(program, target, "float64", seed=1).gradients(**given))
    (one, slopes), (other, right) = found
    np.testing.assert_allclose(one, other, rtol=1e-12)
    for name in right:
        np.testing.assert_allclose(slopes[name], right[name], rtol=1e-9, atol=1e-12)
