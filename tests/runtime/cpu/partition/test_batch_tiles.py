"""How a batch is cut into blocks: evenly over threads, from the entry and the batch alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_runtime.cpu.partition.batch_tiles import block_of

SPEC = """
model net(x : [13, 11, 3]) -> [7] {
    x |> conv(17, 3x3, pad = 1) |> relu |> conv(8, 5x3, stride = 2) |> relu |> flatten |> dense(7)
}
data d(x : [13, 11, 3], y : [7]) = npz("none.npz")
train on d { minimize mean_squared_error(net(x), y) using adam(lr = 1e-2) }
"""


@pytest.fixture(scope="module")
def step() -> Entry:
    program = compile_source(SPEC)
    return replace(program.entries[program.training.steps[0].entry], block=16, chunks=4)


def busier(entry: Entry, examples: int, block: int) -> int:
    """The examples of the busier of two threads, which take chunks in turn."""
    blocks = [min(block, examples - first) for first in range(0, examples, block)]
    chunks, threads = min(entry.chunks, len(blocks)), [0, 0]
    for chunk in range(chunks):
        own = blocks[chunk * len(blocks) // chunks : (chunk + 1) * len(blocks) // chunks]
        threads[threads.index(min(threads))] += sum(own)
    return max(threads)


@pytest.mark.parametrize("examples", [*range(2, 40), 48, 50, 61, 100, 113, 200])
def test_two_threads_have_about_the_same_to_do(step: Entry, examples: int) -> None:
    block = block_of(step, examples)
    assert 1 <= block <= step.block
    if block < examples:  # otherwise instructions are cut
        assert busier(step, examples, block) <= max(0.6 * examples, (examples + 1) // 2)


def test_a_batch_that_is_no_multiple_is_cut_evenly(step: Entry) -> None:
    assert [block_of(step, examples) for examples in (24, 32, 48, 64)] == [12, 16, 12, 16]


def test_sequences_are_halved_but_for_a_few(step: Entry) -> None:
    entry = replace(step, times=("xs",))
    sizes = [block_of(entry, examples) for examples in (1, 6, 7, 16, 20, 32, 48)]
    assert sizes == [1, 6, 4, 8, 10, 16, 12]


def test_an_entry_of_few_words_keeps_its_blocks(step: Entry) -> None:
    entry = replace(step, block_words=100)
    assert [block_of(entry, examples) for examples in (7, 16, 40)] == [7, 16, 16]
