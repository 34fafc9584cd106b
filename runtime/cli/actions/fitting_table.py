"""A table that is turned where the screen is too narrow for it: a line for each cell of a row.

rich shrinks a column until words and numbers in it are cut; here that never happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


class FittingTable(Table):
    """A table, or its rows one below another."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table where all words of its columns have room."""
        if self.__rich_measure__(console, options).minimum <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._rows_below_one_another()

    def _rows_below_one_another(self) -> Iterator[RenderableType]:
        heads = [str(column.header) for column in self.columns]
        room = max(map(len, heads[1:]), default=0)
        cells = zip_longest(*([str(c) for c in column.cells] for column in self.columns))
        for row, (first, *others) in zip(self.rows, cells, strict=True):
            style = row.style or ""
            yield Text.from_markup(f"[bold]{heads[0]} {first}[/bold]", style=style)
            for head, cell in zip(heads[1:], others, strict=True):
                if cell:
                    text = Text.from_markup(f"{head:{room}}  {cell}", style=style)
                    yield Padding(text, (0, 0, 0, 2))
