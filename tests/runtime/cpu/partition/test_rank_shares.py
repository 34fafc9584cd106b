"""Every example is some rank's and no two ranks', however many ranks there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradc_compiler.machine.addition_chains import MOST_CHUNKS
from gradc_compiler.pipeline import compile_file
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.rank_shares import shares_of

SPECS = Path(__file__).parents[4] / "specs"


@pytest.mark.parametrize("spec", ["mnist_cnn", "autoencoder", "row_digits"])
def test_ranks_divide_a_batch(spec: str) -> None:
    program = compile_file(SPECS / f"{spec}.nn")
    assert program.training is not None
    entry = program.entries[program.training.steps[0].entry]
    for examples in (1, 3, 17, 64, 1000, 70_001):
        for ranks in (2, 3, 5, 8, 13):
            shares = shares_of(entry, examples, ranks)
            if shares is None:
                assert examples < 4 * ranks
                continue
            rows = [shares.rows_of_rank(rank) for rank in range(ranks)]
            ends = [0, *(end for _, end in rows)]
            assert [begin for begin, _ in rows] == ends[:-1]
            assert ends[-1] == examples
            assert all(begin < end for begin, end in rows)
            alike = shares.block == block_of(entry, examples) and shares.entry is entry
            assert shares.as_alone == (alike and shares.chunks <= MOST_CHUNKS)


@pytest.mark.parametrize("spec", ["mnist_cnn", "autoencoder", "row_digits"])
def test_ranks_that_want_one_machines_bits_cut_no_batch_differently(spec: str) -> None:
    program = compile_file(SPECS / f"{spec}.nn")
    assert program.training is not None
    entry = program.entries[program.training.steps[0].entry]
    idle = set()
    for examples in (1, 3, 17, 64, 1000, 70_001):
        for ranks in (2, 3, 8, 16, 64):
            shares = shares_of(entry, examples, ranks, as_one=True)
            if shares is None:  # every rank does all of it
                continue
            assert shares.as_alone
            assert shares.entry is entry
            assert shares.block == block_of(entry, examples)
            chunks = [shares.chunks_of_rank(rank) for rank in range(ranks)]
            assert [begin for begin, _ in chunks] == [0, *(end for _, end in chunks[:-1])]
            assert chunks[-1][1] == shares.chunks
            for at in (0, -1):  # sums begin at the first rank, and are divided at the last
                begin, end = shares.rows_of_rank(range(ranks)[at])
                assert begin < end
            idle.add(shares.idle)
    assert max(idle) > 0
