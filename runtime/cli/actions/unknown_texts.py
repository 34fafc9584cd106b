"""Texts of which a network knows nothing: they get an answer, which says nothing of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gradc_compiler.graph.ragged import Batch
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.actions.write_answers import RowPlaces
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.tables.encoding import Encoding

SHOWN = 5  # rows, in a warning
Part = tuple[Batches, dict[str, Batch]]


class UnknownTexts:
    """The examples whose text has no word, or character, with a class of its own; by the field."""

    def __init__(self, encoding: Encoding) -> None:
        self.vocabularies = encoding.texts
        self.seen = 0
        self.found: dict[str, list[int]] = {}

    def look(self, given: Mapping[str, Any]) -> None:
        """Look at the next examples: of each field [N, ...], as numbers."""
        texts = {name: given[name] for name in self.vocabularies if name in given}
        for name, batch in texts.items():
            knows = self.vocabularies[name].knows
            unknown = [self.seen + k for k, text in enumerate(batch) if not knows(text)]
            self.found.setdefault(name, []).extend(unknown)
        self.seen += max(map(len, texts.values()), default=0)

    def watched(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The same parts, each of which is looked at."""
        for given, answers in parts:
            self.look(given)
            yield given, answers

    def warn(self, rows: RowPlaces | None = None) -> None:
        """Name those that were found, and where they stand in a file."""
        for name, examples in self.found.items():
            if examples:
                where = f"{places(examples, rows)}: " if rows is not None else ""
                way = self.vocabularies[name].way
                say(
                    f"warning: {name}: {where}the network knows none of the {way}, so what it"
                    " answers says nothing of the text"
                )


def places(examples: list[int], rows: RowPlaces) -> str:
    """The first few of some examples by their numbers or files: `rows 3, 7`."""
    named = [str(rows.files[k] if rows.files else rows.numbers[k]) for k in examples[:SHOWN]]
    more = f" and {len(examples) - SHOWN} more" if len(examples) > SHOWN else ""
    kind = "" if rows.files else "rows " if len(examples) > 1 else "row "
    return f"{kind}{', '.join(named)}{more}"
