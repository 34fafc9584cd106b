"""What was taken from a file, and what was not, as a table for people."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A parameter or state of layers that was found in the file."""

    name: str
    source: str  # what the file calls it
    note: str = ""  # how its axes were moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """One that was found and does not fit."""

    name: str
    source: str
    why: str  # with both shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """All that was wanted: taken, skipped, missing in the file; and what the file has besides."""

    file: str
    taken: tuple[Taken, ...]
    skipped: tuple[Skipped, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    @property
    def complete(self) -> bool:
        """Whether everything was found and fits."""
        return not self.skipped and not self.missing

    @property
    def fault(self) -> str:
        """In one line, the first thing that is wrong."""
        wrong = [f"{one.name} {one.why}" for one in self.skipped]
        wrong += [f"it lacks {name}" for name in self.missing]
        return f"{self.file} does not fit: {wrong[0]}"

    def lines(self) -> Iterator[str]:
        """A line for each tensor, below one that counts them."""
        yield (
            f"{self.file}: {len(self.taken)} taken, {len(self.skipped)} skipped,"
            f" {len(self.missing)} missing, {len(self.unused)} not used"
        )
        width = max(map(len, [*(t.name for t in self.taken), *self.missing]), default=0)
        for one in self.taken:
            source = "" if one.source == one.name else f"  from {one.source}"
            yield f"  taken    {one.name:<{width}}{source}{one.note and f'  ({one.note})'}".rstrip()
        for one_skipped in self.skipped:
            source = "" if one_skipped.source == one_skipped.name else f" {one_skipped.source}"
            yield f"  skipped  {one_skipped.name:<{width}} {source} {one_skipped.why}"
        for name in self.missing:
            yield f"  missing  {name}"
        for name in self.unused:
            yield f"  not used {name}"
