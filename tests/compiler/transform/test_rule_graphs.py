"""Reverse mode is forward mode transposed, on whole networks: the same numbers, the same work."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compilation
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.study.line_costs import operations
from gradc_compiler.transform.differentiate import differentiate
from gradc_compiler.transform.push_forward import push_forward
from gradc_compiler.transform.rule_graphs import is_linear, pruned, transposed
from tests.support.graphs import sample_values

NETWORKS = {
    "dense": "x |> dense(5) |> tanh |> dense(2)",
    "convolution": "x |> as([4, 3, 1]) |> conv(2, 3x3) |> relu |> max_pool(2x2) |> flatten",
    "norm": "x |> layer_norm |> dense(3) |> softmax",
    "order": "take_along(x, argsort(x)) |> cumsum",
    "shared": "x * sum(x) / (1 + norm(x))",
}


def begun(network: str) -> tuple[Builder, Value, Value]:
    """A network with its input and its output summed."""
    text = f"model net(x : [12]) -> scalar {{ y = {network}\n    sum(y * y * (y + 0.5)) }}"
    graph = compilation(Source("s.nn", text), ".", {}).module.forward("net")
    builder, numbers = rebuild(graph)
    x = next(n.id for n in graph.nodes if isinstance(n.op, Input))
    return builder, builder.value(numbers[x]), builder.value(numbers[graph.outputs["result"]])


@pytest.mark.parametrize("name", NETWORKS)
def test_reverse_mode_is_forward_mode_transposed(name: str) -> None:
    builder, x, y = begun(NETWORKS[name])
    dx = builder.add(Input("dx0", x.shape))
    (dy,) = push_forward(builder, [y], [x], [dx])
    push = verify(pruned(builder, {"dy": dy}))
    pull = transposed(push)
    assert pull is not None
    (slope,) = differentiate(builder, y, [x], mean=False)
    reverse = pruned(builder, {"g0": slope})
    values = sample_values(builder.graph({}), 3) | {"g": np.ones(3)}
    wanted, found = (evaluate(graph, values, 3)["g0"] for graph in (reverse, pull))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    moved = evaluate(push, values, 3)["dy"]
    np.testing.assert_allclose(moved, (wanted * values["dx0"]).sum(axis=1), rtol=1e-9)
    assert work(optimise(pull)) <= 1.3 * work(optimise(reverse))


def work(graph: Graph) -> int:
    return sum(operations(node, graph) for node in graph.nodes)


@pytest.mark.parametrize(
    ("rule", "linear"),
    [
        (lambda x, dx: x * dx, True),
        (lambda x, dx: dx + x, False),
        (lambda x, dx: dx * dx, False),
        (lambda x, dx: dx.apply("abs", dx), False),
        (lambda x, dx: dx.apply("where", x > 0.0, dx, -dx), True),
    ],
)
def test_what_is_linear_is_found_by_trial(rule, linear: bool) -> None:
    builder = Builder()
    x, dx = builder.add(Input("x0", (3,))), builder.add(Input("dx0", (3,)))
    push = pruned(builder, {"dy": rule(x, dx)})
    assert is_linear(push) == linear
    if linear:
        assert transposed(push) is not None
