"""Recurrences: what is a loop, and what it gives on every target."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.loop_order import loop_of
from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_runtime.session.session import Session

KEPT = """
cell keep(h : scalar, x : scalar) -> scalar { h }
model f(xs : seq scalar) -> seq scalar { xs |> scan(keep, start = 0.5) }
"""


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("without", [(), OPTIONAL])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_carried_on_unchanged_stays_what_it_was_first(
    target: str, without: tuple[str, ...], threads: int
) -> None:
    program = compile_source(KEPT, without=without)
    found = Session(program, target, "float64", threads).run("f", xs=[np.zeros(3), np.zeros(1)])
    assert [list(row) for row in found] == [[0.5] * 3, [0.5]]


def test_a_node_that_carries_itself_is_a_loop() -> None:
    graph = compile_source(KEPT).entries["forward/f"].graph
    (carried,) = graph.carries.values()
    assert loop_of(graph) == {carried: carried}
