"""What a tile does with its results before they leave it (`Epilogue` in `tile_plan.py`), as text.

Each place that it reads or writes besides the result is a sum, like the result's own: of a word for
the tile, `ex`, and of how far a row and a column are from the tile's first, which tables have.  A
place that moves as the result does has the result's tables; one that rows or columns do not move,
such as a bias, none.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.printing.scalar_text import statement_text
from gradc_compiler.printing.tile_plan import Dims
from gradc_compiler.printing.tile_writer import OTHERS, TileWriter

SAME = {"m": "p1", "n": "p3"}  # tables of how far rows and columns move the result
OWN = {"m": "pr", "n": "pc"}


def places_of_others(w: TileWriter) -> int:
    """How many places an epilogue has besides the result's."""
    return len(w.plan.epilogue.others) if w.plan.epilogue else 0


def table_of(w: TileWriter, letter: str, other: int) -> str:
    """The table of how far rows (columns) move a place; none if they do not."""
    dims: Dims = getattr(w.plan, letter)
    moves = [dim.others[other] for dim in dims]
    if not any(moves):
        return ""
    return SAME[letter] if moves == [dim.y for dim in dims] else f"{OWN[letter]}{other}"


def own_tables(w: TileWriter, letter: str) -> list[int]:
    """The places that have a table of their own."""
    own = range(places_of_others(w))
    return [k for k in own if table_of(w, letter, k) == f"{OWN[letter]}{k}"]


def make_tables(w: TileWriter) -> None:
    """Shared memory for the tables."""
    for letter, size in (("m", w.plan.tile.rows), ("n", w.plan.tile.columns)):
        for k in own_tables(w, letter):
            w.line(f"{OWN[letter]}{k} = places({size})")


def fill_tables_of_others(w: TileWriter, letter: str, counters: list[str]) -> None:
    """How far a row or a column moves each place."""
    own = own_tables(w, letter)
    moved = w.offset("j0", letter, [OTHERS + k for k in own], counters)
    for k, offset in zip(own, moved, strict=True):
        w.line(f"{OWN[letter]}{k}[unsigned(t0)] = near({offset} - f{letter}{k})")


def first_words_of_others(w: TileWriter) -> None:
    """`ex`: where each place has the tile's first row and column."""
    others = range(places_of_others(w))
    operands = [OTHERS + k for k in others]
    moved = [w.offset(*where, operands) for where in (("t2", "z"), ("h0", "m"), ("h1", "n"))]
    base = w.operands - len(others)
    for k, (z, m, n) in zip(others, zip(*moved, strict=True), strict=True):
        further = [part.others[k] for part in w.plan.residues]
        more = f" + {w.number(*further)}" if any(further) else ""
        w.line(f"ex{k} = table[z0 + {base + k}] + {z} + {m} + {n}{more}")
        for letter, value in (("m", m), ("n", n)):
            if k in own_tables(w, letter):
                w.line(f"f{letter}{k} = {value}")


def finish(w: TileWriter, words: Sequence[str]) -> None:
    """The statements over the result `r0`, and what they write; `words` are the places' texts."""
    epilogue = w.plan.epilogue
    assert epilogue is not None, "there is something to do"
    for name in epilogue.sums:
        w.line(f"{name} = r0")
    for name, word in zip(epilogue.loads, words, strict=False):
        w.line(f"{name} = {word}")
    for statement in epilogue.statements:
        w.line(statement_text(statement))
    for name, word in zip(epilogue.stores, words[len(epilogue.loads) :], strict=True):
        w.line(f"{word} = {name}")


def words_of_others(w: TileWriter, row: str, column: str) -> list[str]:
    """The text of each place, by the tables of the tile."""
    found = []
    for other in range(places_of_others(w)):
        terms = [f"ex{other}"]
        for letter, index in (("m", row), ("n", column)):
            if table := table_of(w, letter, other):
                terms.append(f"{table}[unsigned({index})]")
        found.append(f"words[{' + '.join(terms)}]")
    return found
