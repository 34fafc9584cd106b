"""How a block of threads reads what a tile needs: the tables of how far that is, and the copies.

Of an operand neighbouring threads read neighbours in memory: along k, or along the tile's rows;
four neighbours at once where they begin at a multiple of four.

In the buffers a step's numbers lie side by side, since a thread multiplies four rows at a time.  A
copy of four terms cannot bring them there: these lie row by row, and a thread takes four terms of
each of its rows.

Windows (`tile_plan.py`).  What is read of a is inside all windows where, for each, 0 <= u - q < n.
The positions u of all windows are fields of one number, and so are the steps q: with the bit
`GUARD` in each field of u, a subtraction leaves it there if no position fell below 0, and so for
n - 1 - u with an addition.
"""

from __future__ import annotations

from gradc_compiler.printing.tile_epilogue import fill_tables_of_others
from gradc_compiler.printing.tile_plan import OperandReading
from gradc_compiler.printing.tile_writer import TileWriter, buffer_words, over, row_words, width_of
from gradc_compiler.records.fast_dataclass import dataclass

GUARD, FIELD = 0x4000, 16  # of a window's field its highest bit but one, and its bits
MOST_WINDOWS = 2  # fields of a number of 32 bits
ROWS_IN_REGISTERS = 4  # of a thread; windows of more rows are looked up for every copy


def fill_tables(w: TileWriter) -> None:
    """How far the tile's rows and columns are from its first."""
    plan, tile = w.plan, w.plan.tile
    w.line("barrier()")
    for operand, letter, size, first, end, tables in (
        (0, "m", tile.rows, "h0", "e0", ((0, 0, "f0"), (2, 1, "f2"))),
        (1, "n", tile.columns, "h1", "e1", ((1, 2, "f1"), (2, 3, "f3"))),
    ):
        assert size <= tile.threads, "a thread finds one row and one column at most"
        w.line(f"if t0 < {size}:")
        w.depth += 1
        four = plan.reads[operand] is OperandReading.FOUR_ROWS
        last = f"{end} - 4 + (t0 & 3)" if four else f"{end} - 1"
        w.line(f"j0 = whole(min({first} + t0, {last}))")
        counters = w.counters("j0", letter) if getattr(plan, letter) else []
        moved = w.offset("j0", letter, [operand for operand, _, _ in tables], counters)
        for offset, (_, table, start) in zip(moved, tables, strict=True):
            w.line(f"p{table}[unsigned(t0)] = near({offset} - {start})")
        fill_tables_of_others(w, letter, counters)
        if letter == "m" and plan.windows:
            _place_windows(w, counters)
        w.depth -= 1
    w.line("barrier()")
    look_up_rows(w)


def _place_windows(w: TileWriter, counters: list[str]) -> None:
    """A row's positions in the windows, from their beginnings and from their ends."""
    low, high = [], []
    for field, window in enumerate(w.plan.windows):
        position, shift = f"whole({counters[window.m]})", FIELD * field
        low.append(f"{GUARD} + {position} << {shift}")
        high.append(f"{w.number(GUARD + window.extent - 1)} - {position} << {shift}")
    w.line(f"p6[unsigned(t0)] = near({' | '.join(f'({x})' for x in low)})")
    w.line(f"p7[unsigned(t0)] = near({' + '.join(f'({x})' for x in high)})")


def look_up_steps(w: TileWriter, size: int, at: str, index: str, ka: str, kb: str) -> None:
    """How far steps along k are from the run's first, for a and b."""
    plan = w.plan
    w.line(f"if t0 < {size}:")
    w.depth += 1
    w.line(f"j1 = whole({index})")
    counters = w.counters("j1", "k") if plan.k else []
    a, b = w.offset("j1", "k", (0, 1), counters)
    w.line(f"p4[unsigned({at})] = near({a} - {ka})")
    w.line(f"p5[unsigned({at})] = near({b} - {kb})")
    if plan.windows:
        steps = [
            f"(whole({counters[window.k]}) * {w.number(window.step)} << {FIELD * field})"
            for field, window in enumerate(plan.windows)
        ]
        w.line(f"p8[unsigned({at})] = near({' + '.join(steps)})")
    w.depth -= 1


@dataclass(frozen=True, slots=True)
class _Reading:
    """How threads read a step of an operand: each so many copies, `apart` in the buffer.

    Either all copies of a thread are of the same terms, or the thread reads the same few rows
    (columns) again and again.  `row` and `step` give the look-up that each copy needs.
    """

    along_k: bool
    words: int  # of a copy
    copies: int  # of a thread
    readers: int  # threads that have one
    apart: int
    rows: int  # of the tile, between a thread's copies
    lines: int  # different rows that a thread reads

    def row(self, copy: int) -> int:
        return copy if self.along_k else copy % self.lines

    def step(self, copy: int) -> int:
        return 0 if self.along_k else copy // self.lines


def _reading(w: TileWriter, operand: int) -> _Reading:
    tile, how = w.plan.tile, w.plan.reads[operand]
    width, row, four = width_of(w, operand), row_words(w, operand), how.words
    copies = width * tile.steps // four
    own, readers = max(1, copies // tile.threads), min(copies, tile.threads)
    if how.along_k:
        rows = tile.threads * four // tile.steps
        apart = rows * row if how is OperandReading.FOUR_TERMS else rows
        return _Reading(True, four, own, readers, apart, rows, own)
    lines = max(1, width // (tile.threads * four))
    apart = tile.threads * four // width * row if lines == 1 else tile.threads * four
    assert lines == 1 or row == width, "only rows that a thread reads once have words between them"
    return _Reading(False, four, own, readers, apart, tile.threads, lines)


LETTERS = (("a", "p0", "p4", "a1"), ("b", "p2", "p5", "b3"))  # names, tables, where a run begins


def look_up_rows(w: TileWriter) -> None:
    """Once a tile: how far the rows of a and the columns of b are that a thread reads."""
    tile = w.plan.tile
    for operand, (name, table, _, _) in enumerate(LETTERS):
        reading, width = _reading(w, operand), width_of(w, operand)
        four = reading.words
        across = tile.steps // four if reading.along_k else width // four
        reader = (
            f"(t0 & {reading.readers - 1})"  # all others look up what it does, and copy nothing
        )
        one, other = f"(t0 & {across - 1})", over(reader, across)
        one = f"{one} * {four}" if four > 1 else one
        row, step = (other, one) if reading.along_k else (one, other)
        w.line(f"{name}f0 = whole({row})")
        w.line(f"{name}s0 = whole({step})")
        _place_of_copy(w, operand, name)
        for line in range(reading.lines):
            w.line(f"{name}o{line} = {table}[unsigned({name}f0 + {line * reading.rows})]")
            if operand == 0 and w.plan.windows and reading.lines <= ROWS_IN_REGISTERS:
                w.line(f"gl{line} = {_looked_up(6, reading, line)}")
                w.line(f"gh{line} = {_looked_up(7, reading, line)}")


def _looked_up(table: int, reading: _Reading, line: int) -> str:
    return f"p{table}[unsigned(af0 + {line * reading.rows})]"


def _place_of_copy(w: TileWriter, operand: int, name: str) -> None:
    """Where a thread's first copy goes in a buffer."""
    row, by_row = row_words(w, operand), w.plan.reads[operand] is OperandReading.FOUR_TERMS
    outer, inner = (f"{name}f0", f"{name}s0") if by_row else (f"{name}s0", f"{name}f0")
    w.line(f"{name}p0 = whole({outer} * {row} + {inner})")


def look_up_ends(w: TileWriter) -> None:
    """Once a run: up to which step's first term a thread's copies are wanted."""
    for operand, (name, *_) in enumerate(LETTERS):
        for step, further in _steps(w, operand).items():
            w.line(f"{name}e{step} = whole(k1 - {name}s0 - {further})")


def _steps(w: TileWriter, operand: int) -> dict[int, int]:
    """The different terms of a thread's copies, by number: how far on from the first."""
    reading, tile = _reading(w, operand), w.plan.tile
    across = tile.steps if reading.along_k else width_of(w, operand)
    between = max(1, tile.threads * reading.words // across)
    return {step: step * between for step in sorted(map(reading.step, range(reading.copies)))}


def fetch(w: TileWriter, buffer: str, first: str) -> None:
    """Start the copies of the words of a and b that one step needs; zeros beyond the last term.

    All look-ups come first: a look-up between two copies would wait for the first of them.
    """
    for operand, (name, _, table, _) in enumerate(LETTERS):
        for step, further in _steps(w, operand).items():
            at = f"unsigned({buffer} * {w.plan.tile.steps} + {name}s0 + {further})"
            w.line(f"{name}k{step} = {table}[{at}]")
            w.line(f"{name}m{step} = below({first}, {name}e{step})")
            if operand == 0 and w.plan.windows:
                w.line(f"gk{step} = p8[{at}]")
    for operand in (0, 1):
        _copies(w, operand, buffer)


def _copies(w: TileWriter, operand: int, buffer: str) -> None:
    """The copies of an operand."""
    name, _, _, start = LETTERS[operand]
    reading, size = _reading(w, operand), buffer_words(w, operand)
    fewer = reading.readers < w.plan.tile.threads
    if fewer:
        w.line(f"if t0 < {reading.readers}:")
        w.depth += 1
    w.line(f"{name}q0 = whole({buffer} * {size} + {name}p0)")
    for copy in range(reading.copies):
        row, step = reading.row(copy), reading.step(copy)
        wanted = f"{name}m{step}"
        if operand == 0 and w.plan.windows:
            wanted = f"inside({wanted}, {_window_of(reading, row)}, gk{step}, {_guards(w)})"
        word = "copy4" if reading.words == 4 else "copy"
        w.line(f"{word}(s{operand}, {name}q0, {copy * reading.apart}, {start}, "
               f"near({name}o{row} + {name}k{step}), {wanted})")  # fmt: skip
    w.depth -= fewer


def _window_of(reading: _Reading, row: int) -> str:
    """A row's positions in the windows, from both ends."""
    if reading.lines <= ROWS_IN_REGISTERS:
        return f"gl{row}, gh{row}"
    return f"{_looked_up(6, reading, row)}, {_looked_up(7, reading, row)}"


def _guards(w: TileWriter) -> int:
    return sum(GUARD << FIELD * field for field in range(len(w.plan.windows)))
