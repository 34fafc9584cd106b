"""Attention as one kernel: as the reference has it, the same in any order of threads.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry, Instruction, Space
from gradc_runtime.cuda import simulated_block, simulated_grid
from gradc_runtime.cuda.simulated_block import SimulatedFault
from gradc_runtime.cuda.verify_cuda_source import functions_of
from gradc_runtime.session.session import Session
from tests.runtime.cuda.tiled_products import Guarded, Numbers

CLOSE = {"float64": 1e-10, "float32": 1e-5}
EXAMPLES = 2
OWN = """
model f(q : [{rows}, {terms}], k : [{keys}, {terms}], v : [{keys}, {wide}]) -> [{rows}, {wide}] {{
    weights = softmax({scores})
    contract(i, e : weights[i, j] * v[j, e])
}}
"""
PLAIN = "contract(i, j : q[i, a] * k[j, a])"
BESIDE = "+ reshape(sum(k, axis = -1), [1, 70]) - reshape(sum(q, axis = -1), [70, 1])"
HEADS = """
model f(q : [70, 8], k : [70, 8], v : [70, 8]) -> [70, 8] {{
    a = reshape(q, [70, 2, 4])
    b = reshape(k, [70, 2, 4])
    scores = contract(h, i, j : a[i, h, e] * b[j, h, e]) / 2
    later = reshape(iota(70), [1, 70]) > reshape(iota(70), [70, 1])
    weights = softmax(where(later, {mask}, scores))
    reshape(contract(i, h, e : weights[h, i, j] * reshape(v, [70, 2, 4])[j, h, e]), [70, 8])
}}
"""
EARLIER = HEADS.replace("later, ", "1 - later, ")  # a row sees later keys alone, itself not


def own(rows: int, keys: int, terms: int, wide: int, scores: str = PLAIN) -> str:
    return OWN.format(rows=rows, keys=keys, terms=terms, wide=wide, scores=scores)


MODELS = {
    "ragged": own(70, 65, 6, 5),
    "long terms": own(64, 70, 37, 16),
    "four at a time": own(66, 64, 40, 20),
    "widest": own(64, 65, 3, 64),
    "few rows": own(5, 1000, 4, 4),
    "one key more": own(64, 129, 2, 3),
    "of rows and keys": own(70, 70, 4, 4, f"tanh({PLAIN}) {BESIDE}"),
    "causal": HEADS.format(mask="-1e30"),
    "never": HEADS.format(mask="-exp(800 + 0 * q[0, 0])"),
    "tiles of nothing": EARLIER.format(mask="-exp(800 + 0 * q[0, 0])"),
}


@cache
def attending(model: str) -> tuple[Entry, Instruction]:
    """The entry of a model, and the instruction that is its attention."""
    (entry,) = compile_source(model).of_target("cuda").entries.values()
    items = [item for phase in entry.phases for item in phase.instructions]
    (found,) = [item for item in items if entry.kernels[item.kernel].name == "pair_sums"]
    return entry, found


def given(entry: Entry) -> dict[str, Numbers]:
    rng = np.random.default_rng(2)
    return {name: rng.normal(size=(EXAMPLES, *t.shape)) for name, t in entry.inputs.items()}


IN_DOUBLE = "ragged", "widest", "causal", "tiles of nothing"


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, "float32") for name in MODELS), *((name, "float64") for name in IN_DOUBLE)],
)
def test_it_is_as_the_reference_has_it(name: str, dtype: str) -> None:
    program, (entry, _) = compile_source(MODELS[name]), attending(MODELS[name])
    inputs = given(entry)
    found, wanted = (
        Session(program, target, dtype).run("f", **inputs) for target in ("cuda", "reference")
    )
    close = CLOSE[dtype]
    np.testing.assert_allclose(found, wanted, rtol=close, atol=close)
    assert np.isfinite(wanted).any()


TRAINED = {  # with a mask and two heads, without, and what is no layer
    "causal": "x |> multi_head_attention(2, causal = true)",
    "seen by all": "x |> multi_head_attention(1)",
    "its own": """
        param Q : [6, 6] ~ glorot_uniform
        param V : [6, 6] ~ glorot_uniform
        slope = exp(0.1 * sum(x[0]))
        weights = softmax(tanh(slope * contract(i, j : x[i, a] * (x @ Q)[j, a])))
        contract(i, e : weights[i, j] * (x @ V)[j, e])
    """,
}
COUNTS = {"its own": 2}  # q is the input, of which no derivative is wanted
LEARNS = """
model net(x : [66, 6]) -> [66, 6] {{
    {net}
}}
data pairs(x : [66, 6], y : [66, 6]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(x), y) using sgd(lr = 0.1), batch 2, epochs 1 }}
"""


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float32") for name in TRAINED), ("causal", "float64")]
)
def test_its_derivative_is_as_the_reference_has_it(name: str, dtype: str) -> None:
    """By two kernels, of queries and of keys, that store no number of a pair either."""
    program = compile_source(LEARNS.format(net=TRAINED[name]))
    entry = program.of_target("cuda").entries["step/train"]
    items = [item for phase in entry.phases for item in phase.instructions]
    kernels = [entry.kernels[item.kernel].name for item in items]
    assert kernels.count("pair_sums") == COUNTS.get(name, 3)
    assert max(operand.words for item in items for operand in item.operands) < 66 * 66
    rng, found = np.random.default_rng(5), []
    data = {name: rng.normal(size=(1, 66, 6)) for name in "xy"}
    for target in ("cuda", "reference"):
        loss, slopes = Session(program, target, dtype, seed=1).gradients(**data)
        found.append({"loss": np.array(loss), **{n: np.array(x) for n, x in slopes.items()}})
    for key, wanted in found[1].items():
        close = CLOSE[dtype] * max(1.0, np.abs(wanted).max())
        np.testing.assert_allclose(found[0][key], wanted, rtol=close, atol=close, err_msg=key)


BEFORE = "reshape(iota(70), [1, 70]) < reshape(iota(70), [70, 1])"
FAULTY = own(70, 70, 4, 4, f"where({BEFORE}, -1e30, {PLAIN})")  # two tiles of rows, two of keys
GUARD = np.full(64, np.nan, np.float32)


def bits(seed: int, old: str = "", new: str = "", number: int = 0) -> bytes | str:
    """What the kernel leaves of one example, or what is wrong with it, with one place of its text
    changed; around its operands lie words that nobody may touch.
    """
    launch, rng = attending(FAULTY)[1].launch, np.random.default_rng(3)
    assert launch is not None, "a session on a GPU has a kernel"
    parts = launch.source.split(old) if old else [launch.source]
    assert len(parts) > number + bool(old), f"{old!r} is not there so often in\n{launch.source}"
    head, rest = old.join(parts[: number + 1]), old.join(parts[number + 1 :])
    pieces = [GUARD]
    for operand in launch.operands:
        numbers = 3 * rng.normal(size=280) if operand.space >= Space.ARRAY else np.arange(70.0)
        size = 280 + 2 * 70 if operand.space == Space.BLOCK else len(numbers)
        pieces += [np.resize(numbers, size).astype(np.float32), GUARD[: 64 - size % 4]]
    words, starts = np.concatenate(pieces), np.cumsum([0, *map(len, pieces)])
    table = [*map(int, starts[1 : 2 * len(launch.operands) : 2]), *launch.geometry]
    arguments = Guarded(words, starts), None, table, 0, 0, 1, launch.pieces
    try:
        with simulated_block.orders(seed):
            for function in functions_of(head + new + rest if old else launch.source, 4):
                simulated_grid.run(function, arguments, 1, 128)
    except (SimulatedFault, IndexError) as problem:
        return str(problem)
    return words[starts[7] : starts[8]].tobytes()


def test_the_bits_are_the_same_in_every_order() -> None:
    first = bits(0)
    assert isinstance(first, bytes) and np.isfinite(np.frombuffer(first, np.float32)).all()
    assert {bits(seed) for seed in range(1, 4)} == {first}


FAULTS = {  # what stands in the kernel, in its place, and which of several
    **{f"barrier {k}": ("barrier()", "n9 = 0", k) for k in range(9)},
    "copies that nobody waits for": ("copies_arrive()", "n9 = 0", 0),
    "rows that nobody waits for": ("copies_arrive()", "n9 = 0", 1),
    "products that are not scaled again": ("s5[j0] = r6", "s5[j0] = real(1.0)", 0),
    "a sum that is not scaled again": ("times(s4[j0], r6)", "s4[j0]", 0),
    "what was greatest before": ("s3[j0] = r2", "s3[j0] = r1", 0),
    "powers of another greatest": ("exp(s1[o0] - r3)", "exp(s1[o0] - r0)", 0),
    "a mask off by one": ("v11 < v12", "v11 <= v12", 0),
    "a key too many": ("h1 + j1 < e1:", "h1 + j1 < e1 + 1:", 0),
    "a row too many": ("h0 + j0 < e0 and h1", "h0 + j0 < e0 + 1 and h1", 0),
    "a row too many is written": ("h0 + j0 < e0 and j1 < g", "h0 + j0 <= e0 and j1 < g", 0),
    "a term too many": ("k0 + j1 < e2", "k0 + j1 < e2 + 4", 1),
    "an exchange left out": ("across(r4, 8)", "real(0.0)", 0),
    "an exchange of another row": ("across(r0, 4)", "across(r0, 16)", 0),
    "a key of v left out": ("k0 + j0 < e1", "k0 + j0 < e1 - 1", 0),
    "a share left out": ("r0 = plus(r0, s1[j2", "r1 = plus(r0, s1[j2", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    right = bits(0)
    assert any(bits(seed, *FAULTS[fault]) != right for seed in range(4))
