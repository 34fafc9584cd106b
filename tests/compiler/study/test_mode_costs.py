"""What modes cost: the bounds of the field, and what is kept where it may be computed again."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.pipeline import compilation
from gradc_compiler.study.mode_costs import mode_costs

NETWORKS = {
    "dense": "x |> dense(8) |> tanh |> dense(1) |> as(scalar)",
    "deep": "x |> repeat(4, dense(6) |> sigmoid) |> dense(1) |> as(scalar)",
    "norm": "x |> dense(8) |> layer_norm |> gelu |> dense(1) |> as(scalar)",
}
SIZES = {"N": 16}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_cost_of_a_derivative_is_bounded_by_that_of_its_value(name: str) -> None:
    text = f"""
        model net(x : [4]) -> scalar {{ {NETWORKS[name]} }}
        data d(x : [4], y : scalar) = line()
        train on d {{ minimize (net(x) - y)^2 using sgd(lr = 0.1) }}
    """
    module = compilation(Source("s.nn", text), ".", {}).module
    by = {p.name: PersistentOp(p.name, p.type.shape) for p in module.parameters}
    loss, along, gradient, again, over, twice = (
        cost for cost in mode_costs(module.training("train"), by)
    )
    value = loss.operations.number(SIZES)
    assert value > 0 and not any(loss.kept.values()) and not any(along.kept.values())
    assert value < along.operations.number(SIZES) <= 3.5 * value
    assert value < gradient.operations.number(SIZES) <= 5 * value
    assert gradient.operations.number(SIZES) <= again.operations.number(SIZES) <= 6 * value
    assert again.kept.number(SIZES) <= gradient.kept.number(SIZES)
    for second in (over, twice):
        assert second.operations.number(SIZES) <= 4 * gradient.operations.number(SIZES)
    if name == "norm":
        assert again.kept.number(SIZES) < gradient.kept.number(SIZES)
