"""A text of one's own, to a network that writes more of it: two commands."""

from __future__ import annotations

from tests.runtime.cli.calling import Caller

SPEC = """
model next(xs : seq class(40)) -> seq [40] {
    xs |> embedding(40, 12) |> scan(gru(32)) |> dense(40)
}
data mine(xs : seq(n) class(40), ys : seq(n) class(40)) = text("mine.txt", window = 24)
train on mine {
    minimize cross_entropy(next(xs), ys)
    using adam(lr = 2e-2), clip(norm = 5), batch 16, epochs 12
}
"""


def test_from_a_text_to_more_of_it(home: Caller) -> None:
    (home.folder / "mine.txt").write_text("the cat sat on the mat. a dog ran. " * 150)
    (home.folder / "chars.nn").write_text(SPEC)
    trained = home("train", "chars.nn")
    assert trained.code == 0, trained.err
    asked = ("run", "chars.nn", "next", "--weights", "runs/chars", "--sample", "48")
    written = home(*asked, "--prompt", "the c", "--temperature", "0.1")
    assert written.code == 0, written.err
    assert "the cat sat on the mat." in " ".join(written.out.split())
    other = home(*asked, "--prompt", "the ü")
    assert other.code == 1 and "ü" in other.err, "what the text never had is named"
