"""What a loss compares with the fields of its data, and what that says of them."""

from __future__ import annotations

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Meaning

SPEC = """
model net(x : [4]) -> [3] {{ x |> dense(3) }}
data d(x : [4], label : class(3), y : [3], z : [3], one : scalar) = npz("d.npz")
train on d {{
    s = net(x)
    minimize {loss}
    using sgd
}}
"""


def found(loss: str) -> dict[str, str]:
    """By field: what is predicted."""
    program = compile_source(SPEC.format(loss=loss))
    assert program.training is not None
    (step,) = program.training.steps
    if step.predict is not None:
        entry = program.entries[step.predict]
        assert [*entry.inputs] == ["x"]
        assert {f"prediction/{name}" for name in step.predicted} == {*map(str, entry.outputs)}
    return dict(step.predicted)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("cross_entropy(s, label)", {"label": Meaning.SCORES}),
        ("cross_entropy(net(x), label) + 0.1 * l2(net)", {"label": Meaning.SCORES}),
        ("-log(softmax(s)[label])", {"label": Meaning.PROBABILITIES}),
        ("-log_softmax(s)[label]", {}),
        ("bce_logits(s, y)", {"y": Meaning.LOGIT}),
        ("bce(sigmoid(s), y)", {"y": Meaning.PROBABILITY}),
        ("bce_logits(s[0], 0.9)", {}),
        ("mean_squared_error(s, y)", {"y": Meaning.NUMBERS}),
        ("huber(s, y, delta = 2)", {"y": Meaning.NUMBERS}),
        ("sum((y - s)^2)", {"y": Meaning.NUMBERS}),
        ("sum(abs(s - y))", {"y": Meaning.NUMBERS}),
        ("norm(s - y)", {"y": Meaning.NUMBERS}),
        ("(sum(s) - one)^2", {"one": Meaning.NUMBERS}),
        ("sum((s - one)^2)", {}),  # one number beside three is no estimate of it
        ("sum((s - y)^2) + cross_entropy(s, label)",
         {"label": Meaning.SCORES, "y": Meaning.NUMBERS}),
        ("sum((s - y)^2) + sum((2 * s - y)^2)", {"y": Meaning.NUMBERS}),
        ("sum((s - (y - z))^2)", {}),  # no field by itself, and no estimate from no parameter
        ("l2(net)", {}),
    ],
)  # fmt: skip
def test_the_loss_says_what_is_predicted(loss: str, expected: dict[str, Meaning]) -> None:
    assert found(loss) == expected


def test_reports_and_losses_of_constants_predict_nothing() -> None:
    text = SPEC.format(loss="l2(net)\n    report accuracy(s, label)")
    training = compile_source(text).training
    assert training is not None and training.steps[0].predict is None
