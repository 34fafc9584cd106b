"""Rows of sequences by number: text, and what the interpreter makes of them."""

from __future__ import annotations

from textwrap import dedent

import numpy as np

from gradc_compiler.loops.verify_nest import verify_nest
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.select.indexed_nests import RowSizes, from_rows_nest, of_owner, take_nest
from tests.support.run_nest import run_nest


def view(name: str, words: int, index: bool = False) -> BufferView:
    return BufferView(storage=("node", name), offset=0, strides=(), example=words, index=index)


OWNERS, POSITIONS = np.array([0, 1, 0, 1, 0]), np.array([0, 0, 1, 1, 2])
MEMORY = {
    ("node", "x"): np.arange(20.0),
    ("node", "owner"): OWNERS,
    ("node", "position"): POSITIONS,
    ("node", "number"): np.array([2, 0, 1, 9, -3]),
    ("node", "y"): np.zeros(20),
}


def test_an_element_is_copied_to_its_row_of_its_example() -> None:
    clocks = [view("owner", 1, index=True), view("position", 1, index=True)]
    nest = from_rows_nest(view("x", 2), clocks, view("y", 6), RowSizes(1, 3, 2))
    text = """
        for i0 of rows
          for i1 of 2
            n2 = node/owner[i0]
            n0 = node/position[i0]
            v1 = node/x[i0 * 2 + i1]
            node/y[n2 * 6 + i1 + n0 * 2] = v1
        """
    assert nest_text(verify_nest(nest, "build")) == dedent(text).lstrip()
    memory = {key: array.copy() for key, array in MEMORY.items()}
    run_nest(nest, memory, 5)
    wanted = np.zeros((2, 3, 2))
    wanted[OWNERS, POSITIONS] = MEMORY["node", "x"][:10].reshape(5, 2)
    np.testing.assert_array_equal(memory["node", "y"][:12], wanted.reshape(-1))


def test_an_element_takes_from_the_table_of_its_example_and_numbers_are_kept_within_it() -> None:
    x, y = view("x", 6), view("y", 2)
    nest = take_nest(x, view("number", 1, index=True), y, RowSizes(1, 3, 2), examples=True)
    memory = {key: array.copy() for key, array in MEMORY.items()}
    run_nest(verify_nest(of_owner(nest, view("owner", 1, index=True)), "build"), memory, 5)
    tables = MEMORY["node", "x"][:12].reshape(2, 3, 2)
    wanted = tables[OWNERS, np.clip(MEMORY["node", "number"], 0, 2)]
    np.testing.assert_array_equal(memory["node", "y"][:10], wanted.reshape(-1))
