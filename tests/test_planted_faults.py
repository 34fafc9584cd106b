"""The net of random specs is fine enough: faults that are planted in the compiler are caught.

Each fault is of a kind that compilers have had.  Specs are tried one after another until one tells
of a disagreement; without the fault none of them does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.loops import loop_passes
from gradc_compiler.loops.scalar_code import ScalarCode
from gradc_compiler.memory import allocate
from gradc_compiler.select import lower
from gradc_runtime.cpu.partition import barriers, divide
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask
from tests.random_specs.checking import faults
from tests.random_specs.programs import spec

MOST = 25  # specs within which a fault is found

Patch = pytest.MonkeyPatch


def a_factor_is_dropped(patch: Patch) -> None:
    """A product of three or more factors reads all but the last."""
    product = ScalarCode.product

    def shorter(self: ScalarCode, factors: Sequence[int], domains: Sequence[Any]) -> str:
        count = max(1, min(len(factors), 2))
        return product(self, factors[:count], domains[:count])

    patch.setattr(ScalarCode, "product", shorter)


def a_sign_is_wrong(patch: Patch) -> None:
    """The derivative of a difference is that of a sum."""
    patch.setattr(OPS["sub"], "rule", staticmethod(lambda g, y, a, b: [g, g]))


def an_index_is_off_by_one(patch: Patch) -> None:
    """A product reads its weights from their second number on, and nobody asks where they end."""
    an_index_leaves_its_buffer(patch)
    patch.setattr(loop_passes, "verify_nest", lambda nest, *_: nest)


def an_index_leaves_its_buffer(patch: Patch) -> None:
    """A product reads its weights from their second number on."""
    through = lower.through

    def beside(m: Any, place: Any, loops: int) -> tuple[list[int], int]:
        moves, first = through(m, place, loops)
        return moves, first + (place.storage[0] == "persistent")

    patch.setattr(lower, "through", beside)


def a_buffer_is_stale(patch: Patch) -> None:
    """Words are given to others one unit before they are read for the last time."""
    lifetimes = allocate.liveness_of

    def shorter(*arguments: Any) -> allocate.Liveness:
        life = lifetimes(*arguments)
        last: Mapping[Any, int] = {key: max(0, unit - 1) for key, unit in life.last.items()}
        return replace(life, last=last)

    patch.setattr(allocate, "liveness_of", shorter)


def a_barrier_is_missing(patch: Patch) -> None:
    """No thread waits for another."""
    place = barriers.with_barriers

    def without(*arguments: Any) -> list[ThreadTask]:
        return [replace(task, wait=False) for task in place(*arguments)]

    patch.setattr(divide, "with_barriers", without)


PLANTED = {
    a_factor_is_dropped: "reference",
    a_sign_is_wrong: "finite differences",
    an_index_is_off_by_one: "reference",
    an_index_leaves_its_buffer: "after build: words",
    a_buffer_is_stale: "reference",
    a_barrier_is_missing: "no barrier",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_caught(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    plant(monkeypatch)
    told = (line for number in range(MOST) for line in disagreements(number))
    assert any(PLANTED[plant] in line for line in told)


def disagreements(number: int) -> list[str]:
    """What is told of the spec of a number."""
    draws = random.Random(number)
    try:
        return faults(spec(draws.randrange), number)
    except AssertionError as broken:  # a verifier of the compiler has seen it first
        return [str(broken)]
