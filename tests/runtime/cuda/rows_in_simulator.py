"""Sums along rows with what is around them, as one kernel: as the reference has it, in any order.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.pipeline import compile_source
from gradc_compiler.printing.cuda_rows import team_of_rows
from gradc_compiler.program.entry import Entry, Space
from gradc_runtime.cuda import simulated_block, simulated_grid
from gradc_runtime.cuda.simulated_block import SimulatedFault
from gradc_runtime.cuda.verify_cuda_source import functions_of
from gradc_runtime.session.session import Session
from tests.runtime.cuda.tiled_products import Guarded, Numbers
from tests.support.row_nets import NETS, only, spec

SIZES = [(1, 1), (7, 2), (1, 31), (7, 32), (2, 33), (7, 100)]
CLOSE = {"float64": 1e-10, "float32": 1e-5}
EXAMPLES = 2


def stepped(net: str, rows: int, columns: int, dtype: str) -> list[dict[str, Numbers]]:
    """Losses and parameters after two steps, by the simulator and by the reference."""
    program, rng = compile_source(spec(net, rows, columns)), np.random.default_rng(0)
    given = {name: rng.normal(size=(EXAMPLES, rows, columns)) for name in "xy"}
    found = []
    for target in ("cuda", "reference"):
        session = Session(program, target, dtype, seed=1)
        losses = [session.step(**given)["loss"] for _ in range(2)]
        own = {name: np.array(value) for name, value in session.parameters.items()}
        found.append({"loss": np.array(losses), **own})
    return found


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("net", NETS)
def test_a_net_of_rows(net: str, size: tuple[int, int], dtype: str) -> None:
    found, wanted = stepped(net, *size, dtype)
    for name, numbers in found.items():
        scale = max(1.0, np.abs(wanted[name]).max())
        close = CLOSE[dtype] * scale
        np.testing.assert_allclose(numbers, wanted[name], rtol=close, atol=close, err_msg=name)


@pytest.mark.parametrize("columns", [1000, 1500])
def test_long_rows(columns: int) -> None:
    assert team_of_rows(columns) == (32 if columns == 1000 else 128)
    found, wanted = stepped("softmax", 1, columns, "float64")
    for name, numbers in found.items():
        np.testing.assert_allclose(numbers, wanted[name], rtol=1e-10, atol=1e-10)


def test_rows_of_a_sequence() -> None:
    """Of lengths that differ, one of them 0: rows of a time, whose count a kernel reads."""
    program = compile_source("model f(xs : seq [33]) -> seq [33] { log_softmax(xs) }")
    lengths = np.array([3, 0, 5])
    xs = Ragged(np.random.default_rng(1).normal(size=(8, 33)), lengths)
    found, wanted = (
        np.concatenate(Session(program, target, "float64").run("f", xs=xs))
        for target in ("cuda", "reference")
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


SOFTMAX = "model f(x : [3, 33]) -> [3, 33] { softmax(x) }"
GREATEST = "model f(x : [5, 1500]) -> [5, 1] { reshape(max(x, axis = -1), [5, 1]) }"


def bits(model: str, seed: int, old: str = "", new: str = "", number: int = 0) -> bytes | str:
    """What the kernel of a model leaves, or what is wrong with it, with one place of its text
    changed; around its operands lie words that nobody may touch.
    """
    entry, item = only(model)
    launch, (x, y) = item.launch, (numbers_of(entry, role) for role in ("input", "output"))
    assert launch is not None, "a session on a GPU has a kernel"
    parts = launch.source.split(old) if old else [launch.source]
    assert len(parts) > number + bool(old), f"{old!r} is not there so often in\n{launch.source}"
    head, rest = old.join(parts[: number + 1]), old.join(parts[number + 1 :])
    text = head + new + rest if old else launch.source
    pieces = [np.full(256, np.nan, np.float32)]
    for operand in launch.operands:
        given = {x[0]: x[1], y[0]: y[1]}.get(operand.space, x[1] * np.float32(np.nan))
        pieces += [given, pieces[0]]
    words, starts = np.concatenate(pieces), np.cumsum([0, *map(len, pieces)])
    table = [*map(int, starts[1 : 2 * len(launch.operands) : 2]), *launch.geometry]
    arguments = Guarded(words, starts), None, table, 0, 0, EXAMPLES, launch.pieces * EXAMPLES
    try:
        with simulated_block.orders(seed):
            for function in functions_of(text, 4):
                simulated_grid.run(function, arguments, 2, 128)
    except (SimulatedFault, IndexError) as problem:
        return str(problem)
    place = next(k for k, operand in enumerate(launch.operands) if operand.space == y[0])
    return words[starts[2 * place + 1] : starts[2 * place + 2]].tobytes()


def numbers_of(entry: Entry, role: str) -> tuple[int, Numbers]:
    """The space of an array, and numbers for it."""
    (place,) = [k for k, array in enumerate(entry.arrays) if array.role == role]
    size = EXAMPLES * entry.arrays[place].type.size
    return Space.ARRAY + place, np.random.default_rng(3).normal(size=size).astype(np.float32)


@pytest.mark.parametrize("model", [SOFTMAX, GREATEST], ids=["warp", "block"])
def test_the_bits_are_the_same_in_every_order(model: str) -> None:
    first = bits(model, 0)
    assert isinstance(first, bytes) and np.isfinite(np.frombuffer(first, np.float32)).all()
    assert {bits(model, seed) for seed in range(1, 4)} == {first}


FAULTS = {  # the model, what stands in its kernel, in its place, and which of several
    "an exchange left out": (SOFTMAX, "r0 = plus(r0, across(r0, 8))", "n9 = 0", 0),
    "a neighbour off": (SOFTMAX, "plus(r0, across(r0, 16))", "plus(r0, across(r0, 48))", 0),
    "a column too many": (SOFTMAX, "33, 32)", "34, 32)", 1),
    "a column of another": (SOFTMAX, "range(l1, ", "range(l1 + 1, ", 2),
    "half a warp a row": (SOFTMAX, "t9 >> 5", "t9 >> 4", 0),
    "an exchange that some make": (SOFTMAX, "r0 = maximum(r0, across(r0, 4))",
                                   "if l1 < 9:\n            r0 = maximum(r0, across(r0, 4))", 0),
    "no barrier before a block's sums": (GREATEST, "    barrier()\n", "    n9 = 0\n", 0),
    "no barrier behind them": (GREATEST, "    barrier()\n", "    n9 = 0\n", 1),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    model, *change = FAULTS[fault]
    right = bits(model, 0)
    assert any(bits(model, seed, *change) != right for seed in range(4))
