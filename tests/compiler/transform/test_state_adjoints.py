"""The adjoints of the states of recurrences, against the recursion written out in NumPy."""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.transform.state_adjoints import adjoints_of_states
from tests.support.ragged import given, module, run

TEXT = """
model f(xs : seq [3]) -> [4] { xs |> scan(elman(4)) |> last }
model g(xs : seq [3]) -> [4] { xs |> scan(lstm(4)) |> scan(lstm(4)) |> last }
data d(xs : seq [3]) = npz("none.npz")
train on d {
    minimize sum(f(xs)^2) + sum(g(xs))
    using sgd
}
"""


def test_the_adjoint_of_elmans_state_is_that_of_backpropagation_through_time() -> None:
    gradients = module(TEXT).gradients("train")
    graph = verify(optimise(adjoints_of_states(gradients)))
    assert list(graph.results) == [
        Tagged(Role.ADJOINT, name)
        for name in ("f.elman1", "g.lstm1", "g.lstm1.c", "g.lstm2", "g.lstm2.c")
    ]
    values = given(gradients)
    found = run(graph, values)[Tagged(Role.ADJOINT, "f.elman1")]
    w, u, b = (values[f"f.elman1.{name}"] for name in "WUb")
    assert isinstance(found, Ragged)
    for adjoint, xs in zip(found, values["xs"], strict=True):
        states, h = [], np.zeros(4)
        for x in xs:
            h = np.tanh(w @ h + u @ x + b)
            states.append(h)
        g = 2 * h
        for t in reversed(range(len(xs))):
            np.testing.assert_allclose(adjoint[t], g, atol=1e-12)
            g = w.T @ ((1 - states[t] ** 2) * g)
