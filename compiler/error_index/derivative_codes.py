"""E05xx: what cannot be differentiated, or exported."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

_DATA = 'model f(x : [3]) -> [2] { x |> dense(2) }\ndata d(x : [3], y : class(2)) = csv("d.csv")\n'

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
    "E0503": Explanation(
        "a loss without slope",
        "argmax, floor, sign, comparisons and what is made of them, such as accuracy, jump from\n"
        "one value to another: their derivative is 0, and nothing would be learnt.",
        _DATA + "train on d { minimize 1 - accuracy(f(x), y) using sgd }",
        _DATA + "train on d { minimize cross_entropy(f(x), y) using sgd }",
    ),
    "E0504": Explanation(
        "an operator without a counterpart in ONNX",
        "`gradc export` writes every operator of the language by operators of ONNX, or by a\n"
        "function that the file brings with it. One along an axis that was added to the language\n"
        "is told how by a row of compiler/onnx/export/operator_rows.py.",
        "my_operator(x)",
        "log(1 + exp(x))",
    ),
    "E0505": Explanation(
        "a derivative of one's own that is none",
        "derivative f(x)(dx) { ... } stands in the file of the function or layer f. It takes f's\n"
        "inputs, then how each of them moves, and gives how f moves: of f's type, and linear in\n"
        "how they move.",
        "function f(x : t) -> t { x^2 }\nderivative f(x)(dx) { 2 * x * abs(dx) }\n"
        "model g(x : [3]) -> [3] { f(x) }",
        "function f(x : t) -> t { x^2 }\nderivative f(x)(dx) { 2 * x * dx }\n"
        "model g(x : [3]) -> [3] { f(x) }",
    ),
    "E0506": Explanation(
        "a derivative of one's own that is not the true one",
        "A derivative is tried against that of the function's body, in float64 at drawn inputs.\n"
        "One that differs on purpose says why, and is not tried: a straight-through estimator.",
        "function f(x : t) -> t { floor(x) }\nderivative f(x)(dx) { dx }\n"
        "model g(x : [3]) -> [3] { f(x) }",
        "function f(x : t) -> t { floor(x) }\n"
        'derivative f(x)(dx) because "straight through" { dx }\n'
        "model g(x : [3]) -> [3] { f(x) }",
    ),
}
