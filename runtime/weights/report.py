"""What was taken from a file, and what was not, as a table for people."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A parameter or state of layers that was found in the file."""

    name: str
    source: str  # its name in the file
    note: str = ""  # how its axes were moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A parameter or state that was found in the file but does not fit."""

    name: str
    source: str
    why: str  # the shape that it has, and the wanted one


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """Which parameters were taken, skipped or missing; and which tensors of the file are unused."""

    file: str
    taken: tuple[Taken, ...]
    skipped: tuple[Skipped, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    @property
    def complete(self) -> bool:
        """Whether every parameter was found and fits."""
        return not self.skipped and not self.missing

    @property
    def fault(self) -> str:
        """The first thing that is wrong, in one line."""
        wrong = [f"{one.name} {one.why}" for one in self.skipped]
        wrong += [f"it lacks {name}" for name in self.missing]
        return f"{self.file} does not fit: {wrong[0]}"

    def lines(self) -> Iterator[str]:
        """The lines of the report: the counts, then a line for each tensor."""
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
