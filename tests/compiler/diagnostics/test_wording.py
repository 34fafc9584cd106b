"""Articles in messages."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.wording import a_kind, article


@pytest.mark.parametrize(
    ("word", "said"),
    [("int", "an int"), ("list", "a list"), ("uint8", "a uint8"),
     ("unit", "a unit"), ("object", "an object"), ("NoneType", "a NoneType")],
)
def test_the_article_is_that_of_the_word(word: str, said: str) -> None:
    assert article(word) == said


def test_a_value_is_told_by_its_type() -> None:
    assert [a_kind(3), a_kind([]), a_kind(np.uint8(1))] == ["an int", "a list", "a uint8"]
