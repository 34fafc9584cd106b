"""How a table is written: what separates its columns, and how its numbers are spelt.

What the author does not declare is detected in the first rows: the separator is the one that gives
every row the same number of columns, and the most of them; a comma in a number is a decimal comma
where commas separate nothing.
"""

from __future__ import annotations

import csv as reader
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import DataError

Row = tuple[int, list[str]]  # with its line in the file
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LOOKED_AT = 50  # rows
NARROW = re.compile("[\u00a0\u202f]")  # blanks at which no line breaks
GROUPS = re.compile(r"[+-]?\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Dialect:
    """The spelling of a table."""

    separator: str = ","  # empty where cells are no text
    decimal: str = "."
    thousands: str = ""  # what stands between groups of three digits
    header: bool = True
    usual: tuple[str, str] | None = None  # decimal and thousands of the table that was trained on

    def number(self, text: str) -> float:
        """A number that is spelt in this dialect.

        Raises `ValueError` for anything else.
        """
        if self.thousands == " ":
            text = NARROW.sub(" ", text)
        if self.thousands and self.thousands in text:
            if not GROUPS.fullmatch(text):
                raise ValueError(text)
            text = text.replace(self.thousands, "")
        if self.decimal == ",":
            if "." in text:
                raise ValueError(text)
            text = text.replace(",", ".")
        if "_" in text:  # which Python leaves out of numbers
            raise ValueError(text)
        return float(text)

    def reads(self, text: str) -> bool:
        """Whether a text is a number in this dialect."""
        try:
            self.number(text.strip())
        except ValueError:
            return False
        return True


def checked_dialect(separator: str, decimal: str, thousands: str, header: str) -> Dialect:
    """The dialect as the author declares it; an empty `separator` or `decimal` is detected.

    Raises `DataError` for a word that means nothing here.
    """
    separator = {"\\t": "\t", "tab": "\t"}.get(separator, separator)
    if len(separator) > 1:
        raise DataError(f'csv: separator is one character, not "{separator}"')
    if decimal not in ("", ".", ","):
        raise DataError(f'csv: decimal is "." or ",", not "{decimal}"')
    if len(thousands) > 1 or (thousands and thousands == decimal):
        raise DataError(f'csv: thousands is one character beside decimal, not "{thousands}"')
    if header not in ("yes", "no"):
        raise DataError(f'csv: header is "yes" or "no", not "{header}"')
    return Dialect(separator, decimal, thousands, header == "yes")


def dialect_of(lines: Sequence[str], said: Dialect, file: str) -> Dialect:
    """The dialect of a file, from its first lines and what the author declares.

    Raises `DataError` where each of its numbers can be read in two ways.
    """
    separator = said.separator or separator_of(lines)
    cells = cells_of(lines, separator)
    silent = not (said.decimal or said.thousands)
    if silent and said.usual and is_unclear(cells) and not divides(separator, said.usual[0], lines):
        return Dialect(separator, *said.usual, said.header)
    decimal, thousands = spelling_of(cells, separator)
    if said.decimal not in ("", decimal):
        decimal, thousands = said.decimal, ""
    if decimal == "," and not (said.decimal or said.thousands or thousands):
        require_one_reading(cells, file)
    thousands = said.thousands or thousands
    return Dialect(separator, "." if decimal == thousands else decimal, thousands, said.header)


def is_unclear(cells: Sequence[str]) -> bool:
    """Whether no number tells which sign is the decimal one: `12.345` and `1.234.567` do not."""
    clear = re.compile(r"[+-]?\d{1,3}((\.\d{3})+,|(,\d{3})+\.)\d+")
    parted, either = re.compile(r"[+-]?\d*[.,]\d+"), re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
    return not any(
        clear.fullmatch(cell) or (parted.fullmatch(cell) and not either.fullmatch(cell))
        for cell in cells
    )


def divides(separator: str, sign: str, lines: Sequence[str]) -> bool:
    """Whether a sign stands between columns, and so in no number."""
    return separator == sign and any(sign in line for line in lines)


def require_one_reading(cells: Sequence[str], file: str) -> None:
    """Refuse numbers with a comma of which each may have it before thousands, as `12,500`.

    Raises `DataError`.
    """
    commas = [cell for cell in cells if re.fullmatch(r"[+-]?\d*,\d+", cell)]
    if commas and all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in commas):
        other = commas[0].replace(",", "")
        raise DataError(
            f"{file}: {commas[0]} may be {commas[0].replace(',', '.')} or {other};"
            ' say decimal = "," or thousands = ","'
        )


def separator_of(lines: Sequence[str]) -> str:
    """What gives all rows equally many columns, and the most; else what gives most rows as many as
    the first has, so that a row that is not right is told as one; a comma if nothing does.
    """
    best, most = ",", (0.0, 1)
    for separator in SEPARATORS:
        counts = [len(row) for row in _rows(lines, separator)]
        columns = counts[0] if counts else 0
        alike = counts.count(columns) / max(1, len(counts))
        if columns > 1 and alike > 0.5 and (alike, columns) > most:
            best, most = separator, (alike, columns)
    return best


def cells_of(lines: Sequence[str], separator: str) -> list[str]:
    """All cells but for those of the first row."""
    return [cell.strip() for row in islice(_rows(lines, separator), 1, None) for cell in row]


def spelling_of(cells: Sequence[str], separator: str) -> tuple[str, str]:
    """The decimal sign and the sign between thousands, from numbers that can be read in one way."""

    def seen(form: str) -> bool:
        return any(re.fullmatch(form, cell) for cell in cells)

    grouped = seen(r"[+-]?\d{1,3}(\.\d{3})+,\d+"), seen(r"[+-]?\d{1,3}(,\d{3})+\.\d+")
    if grouped[0] != grouped[1]:
        return (",", ".") if grouped[0] else (".", ",")
    comma = separator != "," and seen(r"[+-]?[\d\s']*,\d+") and not seen(r"[+-]?\d*\.\d+")
    return ("," if comma else "."), ""


def spelling_of_all(dialects: Iterable[Dialect]) -> dict[str, str]:
    """How numbers are spelt in all of some tables, unless plainly or in several ways.

    Where the decimal sign is a comma, a point can only stand between thousands.
    """
    found = {(one.decimal, one.thousands) for one in dialects}
    if len(found) > 1 or found <= {(".", "")}:
        return {}
    ((decimal, thousands),) = found
    return {"decimal": decimal, "thousands": thousands or ("." if decimal == "," else "")}


def _rows(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    """Rows as one separator divides them; none where the lines make no table with it."""
    try:
        yield from [row for row in reader.reader(lines, delimiter=separator, strict=True) if row]
    except reader.Error:
        yield from [["", ""], [""]]


def rows_of(lines: Iterable[str], first: int, file: str, separator: str = ",") -> Iterator[Row]:
    """Rows that are not blank, with their line numbers.

    Raises `DataError` for text that is no table.
    """
    table = reader.reader(lines, delimiter=separator, strict=True)
    try:
        for row in table:
            if row:
                yield table.line_num + first - 1, row
    except reader.Error as fault:
        line = table.line_num + first - 1
        what = "the file ends within quotes" if "end of data" in str(fault) else str(fault)
        raise DataError(f"{file}:{line}: {what}") from None
