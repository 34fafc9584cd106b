"""Costs, counted by hand."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import compilation
from gradc_compiler.study.line_costs import Amount, line_costs

DENSE = """model f(x : [3]) -> scalar {
    h = x |> dense(5)
    sum(tanh(h))
}
data d(x : [3]) = npz("none.npz")
train on d { minimize f(x) using sgd(lr = 1) }
"""
SEQUENCE = """model f(xs : seq [3]) -> [4] {
    xs |> scan(elman(4)) |> last
}
data d(xs : seq [3]) = npz("none.npz")
train on d { minimize sum(f(xs)) using sgd(lr = 1) }
"""


def test_a_dense_layer() -> None:
    """15 products added up are 30 operations, 5 additions; back, W's gradient and b's."""
    made = compilation(Source("f.nn", DENSE), ".", None)
    lines = {cost.line: cost for cost in line_costs(made.optimised["gradients/train"], 4)}
    assert lines[2].parameters == 20
    assert lines[2].forward.formula() == "35 N"
    assert lines[2].backward.formula() == "35 N", "30 N for W, 5 N for b, nothing for x"
    assert lines[3].kept.formula() == "20 N", "tanh(h): five numbers an example"
    assert lines[3].kept.number({"N": 32}) == 640


def test_a_recurrence_costs_so_much_a_step() -> None:
    made = compilation(Source("f.nn", SEQUENCE), ".", None)
    lines = {cost.line: cost for cost in line_costs(made.optimised["gradients/train"], 4)}
    # W h and U x: 2 * 16 + 2 * 12; two additions and tanh of 4: 12
    assert lines[2].forward[("N", "xs")] == 56 + 12
    assert lines[2].parameters == 16 + 12 + 4


def test_formulas() -> None:
    amount = Amount({(): 10, ("N",): 1, ("N", "rows"): 96})
    assert amount.formula() == "96 N rows + N + 10" and Amount().formula() == "0"
    assert amount.number({"N": 2, "rows": 3}) == 96 * 6 + 2 + 10
