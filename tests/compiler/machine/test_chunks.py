"""How many chunks the sums of a batch are taken in."""

from __future__ import annotations

import pytest

from gradc_compiler.machine.cost_model import choose_chunks


@pytest.mark.parametrize(
    ("words", "plain", "recurrent"),
    [(0, 8, 8), (1 << 17, 8, 8), (1 << 19, 2, 8), (3_400_000, 1, 2), (1 << 24, 1, 1)],
)
def test_a_recurrence_has_more_room_for_partial_sums(
    words: int, plain: int, recurrent: int
) -> None:
    assert choose_chunks(words, recurrent=False) == plain
    assert choose_chunks(words, recurrent=True) == recurrent
