"""What the numbers of a table's fields stand for: found on the examples that a network is trained
on, kept with its run, and used for whatever it reads later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from math import isfinite
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.vocabulary import Vocabulary

Numbers = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """By field: names of its classes, the format of its dates, numbers for each element, words."""

    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the empty name: a gap
    dates: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, Numbers] = field(default_factory=dict)  # what stands where nothing does
    centres: Mapping[str, Numbers] = field(default_factory=dict)  # subtracted
    scales: Mapping[str, Numbers] = field(default_factory=dict)  # divided by, then
    texts: Mapping[str, Vocabulary] = field(default_factory=dict)
    spelling: Mapping[str, str] = field(default_factory=dict)  # of numbers: decimal, thousands

    @property
    def signs(self) -> tuple[str, str] | None:
        """The decimal sign and that between thousands, where they are not the plain ones."""
        decimal, thousands = self.spelling.get("decimal"), self.spelling.get("thousands")
        return None if decimal is None or thousands is None else (decimal, thousands)

    def of_fields(self, columns: Mapping[str, str]) -> Encoding:
        """The same encoding by the names of fields, where a source knows classes by its columns."""
        fields = {column: field for field, column in columns.items()}
        classes = {fields.get(name, name): found for name, found in self.classes.items()}
        return self if classes == self.classes else replace(self, classes=classes)

    def as_data(self) -> dict[str, Any]:
        """The encoding as data for JSON."""
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: {key: plain(value) for key, value in part.items()} for name, part in parts.items()
        }

    @staticmethod
    def of_data(data: Any) -> Encoding:
        """The encoding that `as_data` wrote.

        Raises `ValueError` for anything else.
        """
        wanted = Encoding.__dataclass_fields__
        if not isinstance(data, dict) or {*data, "texts", "spelling"} != set(wanted):
            raise ValueError("its encoding is none")
        if not all(isinstance(part, dict) for part in data.values()):
            raise ValueError("its encoding is none")
        checks: dict[str, Callable[[Any], Any]] = {
            "classes": names, "dates": text, "texts": Vocabulary.of_data, "spelling": sign,
        }  # fmt: skip
        parts: dict[str, Any] = {
            name: {str(key): (checks.get(name) or numbers)(value) for key, value in part.items()}
            for name, part in data.items()
        }
        return Encoding(**parts)


def plain(value: Any) -> Any:
    """One entry of an encoding as data for JSON."""
    if isinstance(value, Vocabulary):
        return value.as_data()
    return value if isinstance(value, str) else list(value)


def names(value: Any) -> tuple[str, ...]:
    """Data from JSON, checked to be names of classes.

    Raises `ValueError` for anything else.
    """
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("the names of its classes are none")
    return tuple(value)


def text(value: Any) -> str:
    """Data from JSON, checked to be a text.

    Raises `ValueError` for anything else.
    """
    if not isinstance(value, str):
        raise ValueError("a format of its dates is none")
    return value


def sign(value: Any) -> str:
    """Data from JSON, checked to be a sign within numbers, or none.

    Raises `ValueError` for anything else.
    """
    if not isinstance(value, str) or len(value) > 1 or value.isalnum():
        raise ValueError("a sign of its numbers is none")
    return value


def numbers(value: Any) -> Numbers:
    """Data from JSON, checked to be finite numbers.

    Raises `ValueError` for anything else.
    """
    if not isinstance(value, list) or not all(type(x) in (int, float) for x in value):
        raise ValueError("the numbers of its encoding are none")
    if not all(isfinite(x) for x in value):
        raise ValueError("the numbers of its encoding are not finite")
    return tuple(map(float, value))
