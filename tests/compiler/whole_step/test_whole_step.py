"""Small entries as one kernel: which are, and that they compute what the table computes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.printing import cpu_gather
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.variants import single_kernels, variant
from gradc_compiler.whole_step.step_passes import run_step_passes

SMALL = """
model f(x : [3]) -> [2] { x |> dense(5) |> relu |> dense(2) }
data points(x : [3], y : class(2)) = csv("none.csv")
train on points {
    minimize cross_entropy(f(x), y) + 1e-3 * l2(f)
    using adam(lr = 1e-2), batch 8, epochs 1
}
"""
LINE = SMALL.replace("dense(5) |> relu |> dense(2)", "dense(2)")
REPORTED = SMALL.replace("    using", "    report accuracy(f(x), y)\n    using")
NORMALISED = SMALL.replace("dense(5) |> relu", "dropout(0.3) |> batch_norm |> tanh")
SPECS = Path(__file__).parents[3] / "specs"


def batch_of(count: int, seed: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"x": rng.normal(size=(count, 3)), "y": rng.integers(0, 2, count)}


def losses(text: str, count: int, steps: int = 3, **settings) -> list[float]:
    session = gradc.Session(gradc.compile_source(text), seed=1, **settings)
    return [session.step(**batch_of(count, k))["loss"] for k in range(steps)]


def entry_of(text: str, name: str = "step/train") -> Entry:
    return gradc.compile_source(text).entries[name]


@pytest.mark.parametrize(
    "text", [SMALL, LINE, NORMALISED, REPORTED], ids=["net", "line", "normalised", "reported"]
)
@pytest.mark.parametrize("count", [1, 7, 37, 113])
def test_one_kernel_computes_what_the_reference_does(text: str, count: int) -> None:
    assert entry_of(text).whole_step is not None
    wanted = losses(text, count, target="reference", dtype="float64")
    assert losses(text, count, dtype="float64") == pytest.approx(wanted, rel=1e-10)
    assert losses(text, count) == pytest.approx(wanted, rel=1e-4)


def test_a_report_is_what_the_reference_says() -> None:
    program = gradc.compile_source(REPORTED)
    found = [
        gradc.Session(program, seed=1, target=target).step(**batch_of(37))
        for target in ("cpu", "reference")
    ]
    assert 0 < found[0]["accuracy"] < 1 and found[0] == pytest.approx(found[1], rel=1e-5)


def test_threads_do_not_change_a_bit() -> None:
    first = losses(SMALL, 33, threads=1)
    assert all(losses(SMALL, 33, threads=threads) == first for threads in (2, 4))


def test_a_large_batch_goes_by_the_table() -> None:
    entry = entry_of(SMALL)
    *_, largest = single_kernels(entry)
    assert largest.entry.whole_step is None
    count = largest.examples + 1
    assert variant(entry, count) is entry
    session = gradc.Session(gradc.compile_source(SMALL), seed=1)
    session.step(**batch_of(count))
    plan = session.runner("step/train").plan(count)
    whole = session.runner("step/train").plan(count - 1)
    assert len(plan.table) > 4 * len(whole.table)


def test_sums_are_cut_only_where_a_batch_has_more_terms_than_may_follow_one_another() -> None:
    _, short, long = single_kernels(entry_of(LINE))
    assert short.examples == LONG < long.examples
    texts = [single.entry.kernels[0].source or "" for single in (short, long)]
    assert ["for j0 in range(0, g0," in text for text in texts] == [False, True]


def test_one_example_has_a_kernel_without_loop_sum_or_quotient() -> None:
    alone, short, _ = single_kernels(entry_of(LINE))
    assert alone.examples == 1 and variant(entry_of(LINE), 1).kernels == alone.entry.kernels
    texts = [single.entry.kernels[0].source or "" for single in (alone, short)]
    for word in (r"in (range|narrow)\(g0\)", r"r\d+ = real\(0.0\)", r"mean\("):
        assert [bool(re.search(word, text)) for text in texts] == [False, True], word


@pytest.mark.parametrize("count", [LONG, LONG + 1])
def test_both_kernels_sum_up_the_same_terms(count: int) -> None:
    wanted = losses(LINE, count, target="reference", dtype="float64")
    assert losses(LINE, count, dtype="float64") == pytest.approx(wanted, rel=1e-10)
    assert losses(LINE, count) == pytest.approx(wanted, rel=1e-5)


def test_it_is_one_readable_kernel() -> None:
    straight = entry_of(SMALL).whole_step
    assert straight is not None
    ((instruction,),) = (phase.instructions for phase in straight.entry.phases)
    (kernel,) = straight.entry.kernels
    assert "# %" in kernel.source and ":2:" in kernel.source  # nodes, and lines of the spec
    assert instruction.work.operations_each > 0


@pytest.mark.parametrize("spec", ["mnist_cnn", "characters", "transformer"])
def test_large_networks_and_sequences_stay_tables(spec: str) -> None:
    program = gradc.compile_file(SPECS / f"{spec}.nn")
    assert program.entries["step/train"].whole_step is None


def test_a_choice_among_many_rows_stays_a_gather() -> None:
    text = (
        SMALL.replace("class(2)", "class(50)")
        .replace("[2] {", "[50] {")
        .replace("dense(2)", "dense(50)")
    )
    entry = entry_of(text)
    assert entry.whole_step is None and any(k.source == cpu_gather.TAKE for k in entry.kernels)


def test_it_is_written_when_it_is_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watched(step, switches):
        asked.append(len(step.tasks))
        return run_step_passes(step, switches)

    monkeypatch.setattr("gradc_compiler.whole_step.whole_step.run_step_passes", watched)
    entry = entry_of(SMALL)
    assert not asked
    assert entry.whole_step is not None and entry.whole_step is entry.whole_step
    assert len(asked) == 1
