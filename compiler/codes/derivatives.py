"""E05xx: what cannot be differentiated."""

from __future__ import annotations

from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "E0501": Explanation(
        "an operator without a derivative rule",
        "What is minimised must be differentiable by the parameters. A rule that is missing is\n"
        "never taken for zero; stop_gradient says that no derivative is wanted.",
        "minimize g(x)",
        "minimize stop_gradient(g(x)) * h(x)",
    ),
    "E0502": Explanation(
        "a derivative of the wrong thing",
        "grad(e, x) is the derivative of a scalar e by a tensor x of the same graph.",
        "model f(x : [3]) -> [3] { grad(x^2, x) }",
        "model f(x : [3]) -> [3] { grad(sum(x^2), x) }",
    ),
}
