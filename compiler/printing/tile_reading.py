"""How a block of threads reads what a tile needs: the tables of how far that is, and the copies.

Of an operand neighbouring threads read neighbours in memory: along k, or along the tile's rows.
"""

from __future__ import annotations

from gradc_compiler.printing.tile_writer import TileWriter, over, row_words
from gradc_compiler.records.fast_dataclass import dataclass


def fill_tables(w: TileWriter) -> None:
    """How far the tile's rows and columns are from its first."""
    plan, tile = w.plan, w.plan.tile
    w.line("barrier()")
    for dims, size, first, end, tables in (
        (plan.m, tile.rows, "h0", "e0", ((0, 0, "f0"), (2, 1, "f2"))),
        (plan.n, tile.columns, "h1", "e1", ((1, 2, "f1"), (2, 3, "f3"))),
    ):
        assert size <= tile.threads, "a thread finds one row and one column at most"
        w.line(f"if t0 < {size}:")
        w.depth += 1
        w.line(f"j0 = whole(min({first} + t0, {end} - 1))")
        moved = w.offset("j0", dims, [operand for operand, _, _ in tables])
        for offset, (_, table, start) in zip(moved, tables, strict=True):
            w.line(f"p{table}[unsigned(t0)] = near({offset} - {start})")
        w.depth -= 1
    w.line("barrier()")
    look_up_rows(w)


def look_up_steps(w: TileWriter, size: int, at: str, index: str, ka: str, kb: str) -> None:
    """How far steps along k are from the run's first, for a and b."""
    w.line(f"if t0 < {size}:")
    w.depth += 1
    w.line(f"j1 = whole({index})")
    a, b = w.offset("j1", w.plan.k, (0, 1))
    w.line(f"p4[unsigned({at})] = near({a} - {ka})")
    w.line(f"p5[unsigned({at})] = near({b} - {kb})")
    w.depth -= 1


@dataclass(frozen=True, slots=True)
class _Reading:
    """How threads read a step of an operand: each so many words, `apart` in the buffer.

    Either all words of a thread are of one step, or the thread reads the same few rows (columns)
    again and again.  `row` and `step` give the look-up that each word needs, and `steps` the number
    of steps between two words.
    """

    along_k: bool
    words: int
    apart: int
    rows: int  # of the tile, between a thread's words
    lines: int  # different rows that a thread reads

    def row(self, word: int) -> int:
        return word if self.along_k else word % self.lines

    def step(self, word: int) -> int:
        return 0 if self.along_k else word // self.lines


def _reading(w: TileWriter, operand: int) -> _Reading:
    tile = w.plan.tile
    width, row = (tile.rows, tile.columns)[operand], row_words(w, operand)
    words = width * tile.steps // tile.threads
    if w.plan.by_k[operand]:
        apart = tile.threads // tile.steps
        return _Reading(True, words, apart, apart, words)
    assert row == width, "what is read along rows lies as it comes"
    return _Reading(False, words, tile.threads, tile.threads, max(1, width // tile.threads))


LETTERS = (("a", "p0", "p4", "a1"), ("b", "p2", "p5", "b3"))  # names, tables, where a run begins


def look_up_rows(w: TileWriter) -> None:
    """Once a tile: how far the rows of a and the columns of b are that a thread reads."""
    tile = w.plan.tile
    for operand, (name, table, _, _) in enumerate(LETTERS):
        reading, width = _reading(w, operand), (tile.rows, tile.columns)[operand]
        first = over("t0", tile.steps) if reading.along_k else f"t0 & {width - 1}"
        w.line(f"{name}f0 = whole({first})")
        if reading.along_k:
            w.line(f"{name}s0 = whole(t0 & {tile.steps - 1})")
            w.line(f"{name}p0 = whole({name}s0 * {row_words(w, operand)} + {name}f0)")
        else:
            w.line(f"{name}s0 = whole({over('t0', width)})")
            w.line(f"{name}p0 = t0")
        for line in range(reading.lines):
            w.line(f"{name}o{line} = {table}[unsigned({name}f0 + {line * reading.rows})]")


def fetch(w: TileWriter, buffer: str, first: str) -> None:
    """Start the copies of the words of a and b that one step needs; zeros beyond the last term.

    All look-ups come first: a look-up between two copies would wait for the first of them.
    """
    tile = w.plan.tile
    for operand, (name, _, table, _) in enumerate(LETTERS):
        reading, width = _reading(w, operand), (tile.rows, tile.columns)[operand]
        between = max(1, tile.threads // width)
        for step in sorted({reading.step(word) for word in range(reading.words)}):
            index = f"{name}s0 + {step * between}"
            w.line(f"{name}k{step} = {table}[unsigned({buffer} * {tile.steps} + {index})]")
            w.line(f"{name}m{step} = below({first} + {index}, k1)")
    for operand, (name, _, _, start) in enumerate(LETTERS):
        reading, size = _reading(w, operand), tile.steps * row_words(w, operand)
        w.line(f"{name}q0 = whole({buffer} * {size} + {name}p0)")
        for word in range(reading.words):
            row, step = reading.row(word), reading.step(word)
            w.line(f"copy(s{operand}, {name}q0, {word * reading.apart}, {start}, "
                   f"near({name}o{row} + {name}k{step}), {name}m{step})")  # fmt: skip
