"""What the cells of a column say: numbers, dates, or nothing.

A date is a number of days since 1970-01-01.  `2021-06-07` and `07.06.2021` speak for themselves;
for `06/07/2021` the rest of the column must show which number is the month, or the author say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.system.errors import DataError

GAPS = frozenset(("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?"))
ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
FORMATS = (*ISO, "%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y")
EPOCH, DAY = datetime(1970, 1, 1), timedelta(days=1)


@dataclass(frozen=True)
class Column:
    """The cells of a column, with the lines that they stand in."""

    file: str
    name: str
    lines: Sequence[int]
    texts: Sequence[str]

    def fault(self, place: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""
        text = self.texts[place].strip()[:40]
        return DataError(f'{self.file}:{self.lines[place]}: column {self.name}: "{text}" {what}')

    def numbers(self, dialect: Dialect, date: str = "") -> NDArray[np.float64]:
        """The cells as numbers [N]; NaN where there is none.  `date` is the format of its dates.

        Raises `DataError`, with the line, for a text that is no number.
        """
        if dialect.decimal != "," and not dialect.thousands and not date:
            try:
                return np.array([float(text) for text in self.texts])
            except ValueError:
                pass  # seen below, cell by cell
        found = np.full(len(self.texts), np.nan)
        for place, text in enumerate(map(str.strip, self.texts)):
            if text in GAPS:
                continue
            try:
                found[place] = days(text, date) if date else dialect.number(text)
            except ValueError:
                what = f"is no date such as {date}" if date else "is not a number"
                raise self.fault(place, what) from None
        return found

    def date_format(self, said: str = "") -> str:
        """The format of the column's dates; empty if its cells are no dates.

        Raises `DataError` where a column of dates can be read in two ways.
        """
        texts = {t for text in self.texts if (t := text.strip()) not in GAPS}
        if not texts or not all(any(c in t for c in "-./") and t[0].isdigit() for t in texts):
            return ""
        fitting = [f for f in ([said] if said else FORMATS) if all(is_date(t, f) for t in texts)]
        if len(fitting) > 1:
            ways = " or ".join(f'dates = "{f}"' for f in fitting)
            raise self.fault(0, f"may be read in two ways; say {ways}")
        return fitting[0] if fitting else ""

    def categories(self) -> list[str]:
        """The cells as words; a gap is the empty one."""
        return ["" if (text := cell.strip()) in GAPS else text for cell in self.texts]

    def is_of_words(self, dialect: Dialect) -> bool:
        """Whether some cell is neither a number nor a gap."""
        try:
            self.numbers(dialect)
        except DataError:
            return True
        return False


def days(text: str, date: str) -> float:
    """How many days after 1970-01-01 a date is.

    Raises `ValueError` for a text of another form.
    """
    return (datetime.strptime(text, date) - EPOCH) / DAY


def is_date(text: str, date: str) -> bool:
    """Whether a text has the form of a date."""
    try:
        datetime.strptime(text, date)
    except ValueError:
        return False
    return True
