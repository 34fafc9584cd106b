"""The one cost model: the bounds at which it changes its mind."""

from __future__ import annotations

from functools import partial

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE


def test_blocks_fit_the_caches() -> None:
    for words in (1, 10, 100, 1000, 10_000, 100_000, 10_000_000):
        block = cost_model.choose_block({None: words}, 0, words)
        assert block & (block - 1) == 0 and block >= 1
        assert block <= 8 or block * words <= MACHINE.block_words
        assert block == 1 or block * words <= MACHINE.most_block_words
    assert cost_model.choose_block({None: 8}, 0, 8) == MACHINE.small_values_block
    assert cost_model.choose_block({None: 8, "T": 3}, 0, 8) == MACHINE.sequences_block


def test_long_sequences_of_much_are_few_at_once() -> None:
    large = MACHINE.most_block_words
    assert cost_model.choose_block({None: large, 512: 3}, 0, large) == 1
    assert cost_model.choose_block({None: 8, 512: large // 512}, 0, 8) == 1
    some = cost_model.choose_block({None: large, 128: 3}, 0, large)
    assert some == MACHINE.weights_rows // 128
    steps = cost_model.choose_block({None: large, 512: 3}, 0, large, True)
    assert steps == MACHINE.sequences_block


def test_what_stages_have_one_after_another_does_not_make_blocks_smaller() -> None:
    large = MACHINE.most_block_words
    assert cost_model.choose_block({None: large}, 0, large // 8) == MACHINE.typical_block
    assert cost_model.choose_block({None: large}, 0, large // 2) == 2


def test_what_moves_more_than_it_computes_takes_as_long_as_it_moves() -> None:
    assert cost_model.nanoseconds(1500, 12) == 10
    assert cost_model.nanoseconds(150, 120) == 10
    assert cost_model.shared_nanoseconds(200) == 10


def test_a_product_costs_its_vectors_and_what_it_writes() -> None:
    assert cost_model.product(2, 10, 16) == 2 * (10 + MACHINE.write_cost)
    assert cost_model.product(2, 10, 17) == 2 * cost_model.product(2, 10, 16)
    assert cost_model.product_of_several(10, 2) == 10
    assert cost_model.product_of_several(10, 3) == 20 * MACHINE.many_factors_cost


def test_another_form_must_cost_clearly_less() -> None:
    assert cost_model.is_worth(89, 100) and not cost_model.is_worth(90, 100)
    assert [cost_model.full_rows(rows) for rows in (1, 4, 5)] == [2.5, 4, 6.5]
    assert cost_model.is_worth_splitting(870) and not cost_model.is_worth_splitting(869)
    assert cost_model.examples_of_one_kernel(1 << 19) == 2
    assert cost_model.takes_long(2e6, 0) and cost_model.takes_long(0, 1 << 20)
    assert not cost_model.takes_long(1e6, 1000)


def test_a_block_is_large_where_weights_are_more_than_a_part_of_what_its_examples_move() -> None:
    weights = MACHINE.far_cache + 1
    moved = int(weights / MACHINE.weights_part) // 64 + 1
    block = partial(cost_model.choose_block, {None: 4096}, 0, 4096)
    few = block()
    assert few < 64 == block(weights=weights, moved=moved)
    assert block(weights=MACHINE.far_cache, moved=0) == few  # a cache keeps them
    assert block(weights=100 * weights, moved=1) == MACHINE.weights_block
    assert block(weights=weights, moved=weights) == few
    much = MACHINE.weights_room // 32
    assert cost_model.choose_block({None: much}, 0, much, weights=100 * much, moved=1) == 32
