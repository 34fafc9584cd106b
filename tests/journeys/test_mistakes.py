"""A first spec by someone who knows PyTorch: every message says what to write, until it trains."""

from __future__ import annotations

import pytest

from tests.runtime.cli.calling import Caller

FIRST = """// my first network
model net(x : [32, 4]) -> [3] {
    h = nn.Linear(4, 16)(x)
    h = F.relu(h)
    x |> Dense(8) |> dense(3) |> softmax
}
data flowers(x : [4], label : class(3)) = iris()
train on flowers {
    minimize CrossEntropyLoss(net(x), label)
    using Adam(lr = 1e-2), epochs = 5
}
"""
MENDS = [  # what a message has, what was written, what the message says to write
    ("`#`", "// my first network", "# my first network"),
    ("nn.Linear", "h = nn.Linear(4, 16)(x)", "h = x |> dense(16)"),
    ("nn` is not defined", "h = nn.Linear(4, 16)(x)", "h = x |> dense(16)"),
    ("`F` is not defined", "h = F.relu(h)", "k = relu(h)"),
    ("h is", "k = relu(h)", "k = relu(h)"),
    ("`Dense` is not defined", "x |> Dense(8)", "k |> dense(8)"),
    ("leave it out", "[32, 4]", "[4]"),
    ("`CrossEntropyLoss` is not defined", "CrossEntropyLoss", "cross_entropy"),
    ("`Adam` is not defined", "Adam", "adam"),
    ("epochs", "epochs = 5", "epochs 5"),
]


def test_from_a_first_try_to_a_network_that_trains(home: Caller) -> None:
    """Each round mends what the messages say; nothing is mended that no message named."""
    pytest.importorskip("sklearn", reason="the flowers come with scikit-learn")
    spec, text, rounds = home.folder / "net.nn", FIRST, 0
    spec.write_text(text)
    while (said := home("check", "net.nn")).code:
        told = " ".join(said.err.split())
        mended = text
        for part, wrong, right in MENDS:
            if part in told:
                mended = mended.replace(wrong, right)
        assert mended != text, f"no message says what to do:\n{said.err}\n{text}"
        text, rounds = mended, rounds + 1
        spec.write_text(text)
        assert rounds < len(MENDS)
    assert rounds <= 4, "most mistakes are told at once"
    assert "W0001" in said.err and "leave the softmax out" in " ".join(said.err.split())
    spec.write_text(text.replace(" |> softmax", ""))
    assert "warning" not in home("check", "net.nn", "--deny", "warnings").err
    trained = home("train", "net.nn")
    assert trained.code == 0 and "epoch 5/5" in trained.err
