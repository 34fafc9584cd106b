"""An input that is not a number is named, as all that follows from it is not one either."""

from __future__ import annotations

import numpy as np
import pytest

from tests.runtime.cli.calling import SPECS, Caller

WAYS = [
    ["run", "circle.nn", "inside", "--input", "p=p.npy", "--target", "reference"],
    ["explain", "circle.nn", "p=p.npy", "label=[1, 0]"],
]


@pytest.mark.parametrize("words", WAYS)
def test_nan_is_named(call: Caller, words: list[str]) -> None:
    call.folder.joinpath("circle.nn").write_text((SPECS / "circle.nn").read_text())
    np.save(call.folder / "p.npy", np.array([[0.1, 0.2], [0.1, np.nan]], np.float32))
    answer = call(*words)
    assert "warning: p: example 1 has nan in it, and so will what follows" in answer.err


def test_numbers_are_read_without_a_word(call: Caller) -> None:
    call.folder.joinpath("circle.nn").write_text((SPECS / "circle.nn").read_text())
    answer = call("run", "circle.nn", "inside", "--input", "p=0.3,inf", "--target", "reference")
    assert "nan" not in answer.err
