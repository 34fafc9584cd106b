"""A folder with a folder for each class: which files are there, and what each is an example of.

Only names, kinds and versions are looked at; a file is read when its example is wanted.  Links that
lead out of the spec's directory are refused, as every other path of a spec is.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.system.errors import DataError

LARGEST = 1 << 28  # bytes of one file
SHOWN = 12  # names, in a message
Leads = Mapping[str, str]  # kinds of files that are not read, and what to do instead


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of an example."""

    path: Path
    name: str  # as the spec would write it
    label: int  # of its class; 0 where there are none

    def read(self) -> bytes:
        """The bytes of the file.

        Raises `DataError` for a file that is too large, or cannot be read.
        """
        try:
            file = WatchedFile(self.path, self.name)
        except OSError as fault:
            raise DataError(f"{self.name}: {fault.strerror or fault}") from None
        if file.size > LARGEST:
            raise DataError(f"{self.name}: more than {LARGEST >> 20} MB are not accepted")
        return file.read(0, file.size).tobytes()


@dataclass(frozen=True)
class FoundFiles:
    """The files of a folder, and the names of their classes."""

    origin: str
    classes: tuple[str, ...]
    files: Sequence[FoundFile]


@dataclass(frozen=True)
class Search:
    """Which files a search looks for, and where links may lead."""

    what: str  # "picture"
    suffixes: Collection[str]
    leads: Leads
    base: Path | None  # nothing outside is read; None: anything

    def classed(self, folder: Path, name: str, known: Sequence[str] | None) -> FoundFiles:
        """The files in the folders of classes, which may be those that an earlier run has found.

        Raises `DataError` where the folder is not so.
        """
        folders = sorted(self.folders(folder))
        if not folders:
            raise DataError(
                f"{name}: there is no folder for each class in {folder}; its {self.what}s are to"
                f" lie in folders that are called as their classes"
            )
        if astray := next(self.files(folder, name, 0), None):
            raise DataError(f"{astray.name}: lies beside the folders of classes; put it into one")
        classes = tuple(folders if known is None else known)
        if unknown := [found for found in folders if found not in classes]:
            raise DataError(
                f"{name}/{unknown[0]}: is none of the classes that were trained on:"
                f" {', '.join(classes[:SHOWN])}"
            )
        files: list[FoundFile] = []
        for found in folders:
            files += self.of_class(folder / found, f"{name}/{found}", classes.index(found))
        return FoundFiles(name, classes, files)

    def of_class(self, folder: Path, name: str, label: int) -> list[FoundFile]:
        """The files in the folder of one class.

        Raises `DataError` where there are none.
        """
        found = sorted(self.files(folder, name, label), key=lambda file: file.name)
        if not found:
            within = " but folders: name the one that holds the classes"
            tail = within if any(self.folders(folder)) else ""
            raise DataError(f"{name}: holds no {self.what} ({self.kinds()}){tail}")
        return found

    def flat(self, folder: Path, name: str) -> FoundFiles:
        """The files of a folder that has no folders of classes.

        Raises `DataError` where there are none.
        """
        return FoundFiles(name, (), self.of_class(folder, name, 0))

    def kinds(self) -> str:
        """The suffixes that are looked for, for a message."""
        return ", ".join(self.suffixes)

    def folders(self, folder: Path) -> Iterator[str]:
        """The folders within a folder."""
        for entry in entries(folder):
            if entry.is_dir():
                self.check(entry, entry.name)
                yield entry.name

    def files(self, folder: Path, name: str, label: int) -> Iterator[FoundFile]:
        """The files within a folder that have the suffixes looked for.

        Raises `DataError` for one of another kind that somebody may take for such.
        """
        for entry in entries(folder):
            kind = os.path.splitext(entry.name)[1].lower()
            full = f"{name}/{entry.name}"
            if kind in self.leads:
                raise DataError(f"{full}: {self.what}s are {self.kinds()}; {self.leads[kind]}")
            if kind in self.suffixes:
                self.check(entry, full)
                yield FoundFile(Path(entry.path), full, label)

    def check(self, entry: os.DirEntry[str], name: str) -> None:
        """Refuse a link that leads outside.

        Raises `DataError`.
        """
        if self.base is not None and entry.is_symlink():
            target = Path(entry.path).resolve()
            if not target.is_relative_to(self.base):
                raise DataError(
                    f'"{name}" leads to {target}, outside {self.base}; add --allow-path to read it'
                    " anyway"
                )


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder and is not hidden."""
    with os.scandir(folder) as found:
        yield from (entry for entry in found if not entry.name.startswith("."))
