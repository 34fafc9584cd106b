"""Tasks on sequences whose right answers are known: what a recurrent network must remember.

`addition` is the adding problem of Hochreiter & Schmidhuber, "Long short-term memory", Neural
Computation 9(8), 1997, section 5.4.  In the others symbols are answered by symbols: `xs` are
classes from 1, `ys` the answer.  Unless both are declared of one length, class 0 ends the answer.
`before` is what was answered one step earlier, 0 at first: what a network that answers step by step
reads.
"""

from __future__ import annotations

from string import ascii_letters, digits

import numpy as np

from gradc_compiler.graph.ragged import Ragged, SequenceIndex
from gradc_runtime.data.arrays.alphabet import END, Alphabet
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError

SYMBOLS = ascii_letters + digits
MARKED_EARLY = 10  # the first number to add is among so many


def marks(draw: np.random.Generator, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The places [n] of the two marked pairs of each sequence."""
    early = draw.integers(0, MARKED_EARLY, n)
    late = draw.integers(0, length // 2 - 1, n)
    return early, late + (late >= early)  # among the pairs that are still unmarked


def addition(context: Context, n: int = 1000, length: int = 100) -> Columns:
    """Pairs of a number from -1 to 1 and a mark; the answer is 0.5 + (a + b) / 4 of two marked.

    Lengths are from T to T + T/10.  The first mark is among the first ten pairs, the second among
    the first T/2 - 1 others.  Marks are 1, else 0, but -1 at both ends; a is 0 where the first pair
    is the marked one.

    Raises `DataError` for lengths that are too short for the marks.
    """
    if length < 2 * MARKED_EARLY:
        raise DataError(f"addition: length needs {2 * MARKED_EARLY} at least, got {length}")
    draw = context.generator()
    lengths = draw.integers(length, length + length // 10 + 1, n)
    clock = SequenceIndex(lengths)
    xs = np.zeros((len(clock.owner), 2))
    xs[:, 0] = draw.uniform(-1.0, 1.0, len(xs))
    xs[clock.starts, 1] = xs[clock.starts + lengths - 1, 1] = -1.0
    early, late = marks(draw, n, length)
    for marked in (early, late):
        xs[clock.starts + marked, 1] = 1.0
    xs[clock.starts[early == 0], 0] = 0.0
    xs[clock.starts[late == 0], 0] = 0.0
    y = 0.5 + (xs[clock.starts + early, 0] + xs[clock.starts + late, 0]) / 4.0
    return Columns(origin="addition()", arrays={"xs": Ragged(xs, lengths), "y": y})


def copying(context: Context, n: int = 1000, symbols: int = 8, longest: int = 10) -> Columns:
    """Strings of symbols, answered by themselves."""
    xs = strings(context, n, symbols, longest)
    return answered(context, xs, xs, SYMBOLS[:symbols])


def reversal(context: Context, n: int = 1000, symbols: int = 8, longest: int = 10) -> Columns:
    """Strings of symbols, answered from their end to their beginning."""
    xs = strings(context, n, symbols, longest)
    ys = Ragged(xs.values[SequenceIndex(xs.lengths).mirror], xs.lengths)
    return answered(context, xs, ys, SYMBOLS[:symbols])


def sums(context: Context, n: int = 1000, longest: int = 3) -> Columns:
    """Sums of two whole numbers as they are written, `12+7`, answered by `19`.

    Raises `DataError` for more digits than a whole number has.
    """
    if longest > 18:
        raise DataError(f"sums: numbers have 18 digits at most, not {longest}")
    draw = context.generator()
    below = 10 ** draw.integers(1, longest + 1, (n, 2))
    terms = draw.integers(0, below).tolist()
    symbols = f"{digits}+"
    known = Alphabet((END, *symbols))

    def of(texts: list[str]) -> Ragged:
        return Ragged.of([known.read(text, "sums") for text in texts], (), np.int64)

    xs, ys = of([f"{a}+{b}" for a, b in terms]), of([str(a + b) for a, b in terms])
    return answered(context, xs, ys, symbols)


def strings(context: Context, n: int, symbols: int, longest: int) -> Ragged:
    """Random strings of 1 to `longest` symbols, as classes from 1.

    Raises `DataError` for more classes than there are symbols.
    """
    if symbols > len(SYMBOLS):
        name = context.source.function
        raise DataError(f"{name}: there are {len(SYMBOLS)} symbols at most, not {symbols}")
    draw = context.generator()
    lengths = draw.integers(1, longest + 1, n)
    return Ragged(draw.integers(1, symbols + 1, lengths.sum()), lengths)


def answered(context: Context, xs: Ragged, ys: Ragged, symbols: str) -> Columns:
    """The columns of a task: questions, answers, and the answers one step earlier."""
    times = [type.time for _, type in context.source.fields if type.time is not None]
    if len(times) < 2 or times[0] != times[1]:
        ys = ended(ys)
    return Columns(
        origin=f"{context.source.function}()",
        arrays={"xs": xs, "ys": ys, "before": one_step_later(ys)},
        alphabet=Alphabet((END, *symbols)),
    )


def ended(ys: Ragged) -> Ragged:
    """Each sequence with a 0 added at its end."""
    clock = SequenceIndex(ys.lengths + 1)
    values = np.zeros(len(clock.owner), np.int64)
    values[clock.position < ys.lengths[clock.owner]] = ys.values
    return Ragged(values, clock.lengths)


def one_step_later(ys: Ragged) -> Ragged:
    """Each sequence with a 0 added at its start, and without its last element."""
    inner = np.flatnonzero(SequenceIndex(ys.lengths).position)
    values = np.zeros_like(ys.values)
    values[inner] = ys.values[inner - 1]
    return Ragged(values, ys.lengths)
