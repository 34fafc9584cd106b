"""Fixtures for tests of the compiler: rewrites, gradients, and graphs run natively.

Each checks one graph, or one pair of graphs, in every way that applies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

import hypothesis
import pytest

import gradc_compiler.ops  # noqa: F401  (files the operators)
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from tests.support.forward import check_forward
from tests.support.graphs import (
    Function,
    Operand,
    Values,
    assert_close,
    derivative_graph,
    evaluate_outputs,
    for_every_example,
    run_compiled,
    sample_values,
    slope,
    total_slope,
    values_of,
)

os.environ.setdefault("GRADC_SCHEDULES", "0")  # tests plant faults in the compiler
os.environ.setdefault("GRADC_CERTIFY", "0")  # but where certificates are what is tested
hypothesis.settings.register_profile("default", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

BOUND = {"float64": 1e-9, "float32": 1e-4}


@pytest.fixture
def assert_rewrites() -> Callable[..., None]:
    """A pass makes this of that, and the numbers stay."""
    return _assert_rewrites


def _assert_rewrites(
    transform: Callable[[Graph], Graph], before: str, after: str, tolerance: float = 0.0
) -> None:
    old, wanted = verify(parse_graph(before)), verify(parse_graph(after))
    new = eliminate_dead_code(verify(transform(old), after=transform.__name__))
    assert print_graph(new) == print_graph(eliminate_dead_code(wanted))
    for batch in (1, 4):
        values = sample_values(old, batch)
        found = for_every_example(evaluate_outputs(new, values, batch), old, batch)
        assert_close(found, evaluate_outputs(old, values, batch), tolerance)


@pytest.fixture
def check_gradient() -> Callable[..., None]:
    """The derivatives of a function agree with finite differences in float64."""
    return _check_gradient


def _check_gradient(
    function: Function,
    operands: Sequence[Operand],
    *,
    orders: int = 1,
    mean: bool = True,
    batch: int = 3,
    tolerance: float = 1e-6,
) -> None:
    values = values_of(operands, batch)
    for order in range(1, orders + 1):
        graph = verify(derivative_graph(function, operands, order=order, mean=mean))
        outputs = evaluate_outputs(graph, values, batch)
        for k, operand in enumerate(operands):
            if operand.classes is None:
                wanted = slope(graph, values, batch, f"x{k}")
                found = total_slope(outputs[f"dx{k}"], operand, outputs["loss"], batch)
                assert_close({f"d{k}": found}, {f"d{k}": wanted}, tolerance)
    check_forward(function, operands, batch, second=orders > 1, tolerance=tolerance)


@pytest.fixture
def check_compiled() -> Callable[..., Values]:
    """A graph computes natively what the reference computes; gives the native outputs."""
    return _check_compiled


def _check_compiled(
    graph: Graph,
    batch: int = 5,
    *,
    values: Values | None = None,
    dtype: str = "float64",
    threads: int = 1,
    without: Collection[str] = (),
    tolerance: float | None = None,
) -> Values:
    values = sample_values(graph, batch) if values is None else values
    wanted = evaluate_outputs(graph, values, batch)
    for switches in ({*without}, {*without, "whole-step"}):
        found = run_compiled(
            verify(graph), values, batch, dtype=dtype, threads=threads, without=switches
        )
        assert_close(found, wanted, BOUND[dtype] if tolerance is None else tolerance)
    return found
