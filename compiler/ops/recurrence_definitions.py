"""What goes along sequences step by step, as a textbook says it: loops over their elements.

`gradc explain scan` shows these texts.  A cell is a function from a state and an input to the next
state; `tests/runtime/cli/test_name_pages.py` runs each beside the function of the language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradc_compiler.graph.op import Array

Cell = Callable[[Array, Array], Array]


def scan(cell: Cell, xs: Sequence[Array], start: Array, backwards: bool = False) -> list[Array]:
    """s[t] = cell(s[t - 1], x[t]) with s[-1] = start; backwards, cell(s[t + 1], x[t])."""
    state, states = start, []
    for x in reversed(xs) if backwards else xs:
        state = cell(state, x)
        states.append(state)
    return states[::-1] if backwards else states


def unfold(n: int, cell: Cell, x: Array, start: Array) -> list[Array]:
    """s[t] = cell(s[t - 1], x), n times, with s[-1] = start."""
    state, states = start, []
    for _ in range(n):
        state = cell(state, x)
        states.append(state)
    return states


def zip_(*sequences: Sequence[Array]) -> list[tuple[Array, ...]]:
    """y[t] = (x[t], ..., z[t]), for sequences that are equally long."""
    return [tuple(xs[t] for xs in sequences) for t in range(len(sequences[0]))]
