"""What a source is given besides its arguments: the fields, the seed, and which files it may open.

A spec may come from a stranger, so its paths stay inside its own directory: `..`, absolute paths
and links that lead out are refused unless the user allows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from glob import glob
from pathlib import Path
from zlib import crc32

import numpy as np

from gradc_compiler.program.program import DataSource
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError

LARGEST_IN_MEMORY = 1 << 30  # bytes of files up to which they are loaded whole
BLOCK = 1 << 19  # bytes read at once of those that are not
PATTERN = frozenset("*?[")
HEADS = 4  # files of a pattern whose first examples are looked at


def located(source: DataSource, text: str) -> str:
    """A message that begins with the place in the spec that it is about, if there is one."""
    return f"{source.place}: {text}" if source.place else text


@dataclass(frozen=True, slots=True)
class Targets:
    """The fields of data that a network predicts."""

    alone: frozenset[str] = frozenset()  # those that no prediction reads
    probable: frozenset[str] = frozenset()  # 0 or 1, of which a probability is predicted


NOTHING_PREDICTED = Targets()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The declaration being loaded, and the settings for loading it."""

    source: DataSource
    seed: int = 0
    allow_outside: bool = False
    in_memory: int = LARGEST_IN_MEMORY
    block: int = BLOCK
    held_out: float = 0.0  # the share that is not trained on, and the seed that divides
    split_seed: int = 0
    encoding: Encoding | None = None  # what an earlier run has found
    head: int = 0  # how many examples are looked at, if nothing is to be done with them
    targets: Targets = NOTHING_PREDICTED

    def generator(self) -> np.random.Generator:
        """Random numbers that belong to the seed and to this kind of source."""
        key = [self.seed, crc32(self.source.function.encode())]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))

    def path(self, text: str) -> Path:
        """A path of the spec, found inside its directory.

        Raises `DataError` for a path that does not exist or leads outside.
        """
        if not text or "\0" in text:
            raise DataError(f"{text!r} is not a path")
        base = Path(self.source.directory).resolve()
        path = (base / text).resolve()
        if not (self.allow_outside or path.is_relative_to(base)):
            raise DataError(
                f'"{text}" leads to {path}, outside {base}; add --allow-path to read it anyway'
            )
        if not path.exists():
            where = "" if Path(text).is_absolute() else f" in {base}"
            raise DataError(located(self.source, f'no file "{text}"{where}'))
        return path

    def file(self, text: str) -> Path:
        """A regular file of the spec.

        Raises `DataError` for anything else.
        """
        path = self.path(text)
        if not path.is_file():
            raise DataError(f'"{text}" is not a file')
        return path

    def files(self, text: str) -> list[tuple[Path, str]]:
        """The files that a path or a pattern means, each with its name; sorted by their names.

        Raises `DataError` for a pattern that no file has, or for one that is no file.
        """
        base = Path(self.source.directory)
        if not PATTERN.intersection(text) or "\0" in text or (base / text).exists():
            return [(self.file(text), text)]
        found = sorted(glob(text, root_dir=base))
        found = found[:HEADS] if self.head else found
        if not found:
            raise DataError(located(self.source, f'no file matches "{text}"'))
        return [(self.file(name), name) for name in found]

    def is_streamed(self, paths: Iterable[Path]) -> bool:
        """Whether files are too large to be loaded whole."""
        return not self.head and sum(path.stat().st_size for path in paths) > self.in_memory
