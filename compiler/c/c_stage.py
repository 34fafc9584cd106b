"""The stages of an entry as functions in C: nests below their lines of the spec.

Nests over examples stand one after another.  One over the elements of a sequence has a loop over
rows around it, and those of a recurrence have one together: a step is done when the one before is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from gradc_compiler.c.c_file import CFile
from gradc_compiler.c.c_names import comment
from gradc_compiler.c.c_nest import CNest, CRowNest
from gradc_compiler.c.c_time import ROW
from gradc_compiler.emitted.plain_program import PlainNest, PlainStage, origin
from gradc_compiler.emitted.scalar_writer import NotPrinted
from gradc_compiler.records.fast_dataclass import dataclass

COMMENT = re.compile(r"/\*.*?\*/")
DECLARED = re.compile(r" {4,}(const |float |double |int32_t |int64_t )")


@dataclass(frozen=True, slots=True)
class StageText:
    """The body of a stage's function, and its parameters: what they are called, how declared."""

    lines: list[str]
    given: dict[str, str]


def stage_text(file: CFile, number: int, stage: PlainStage) -> StageText:
    """A stage as the body of a function; raises `NotPrinted` for one that has no C yet."""
    if any(file.buffers[key][0].kind != "memory" for key in stage.means):
        raise NotPrinted("a mean in place of a state has no C yet")
    lines: list[str] = []
    numbered = enumerate(stage.nests)
    for (time, loop), group in groupby(numbered, lambda pair: (pair[1].time, pair[1].loop)):
        own = list(group)
        if time is None or loop is None:
            for k, one in own:
                lines += cleared(file, number, k)
                lines += nest_lines(file, one) if time is None else over_rows(file, [one])
        else:
            lines += over_rows(file, [one for _, one in own], backwards=loop.backwards)
    code = COMMENT.sub("", "\n".join(lines))
    given = {word: text for word, text in known(file) if re.search(rf"\b{word}\b", code)}
    return StageText(lines, given)


def cleared(file: CFile, stage: int, nest: int) -> Iterator[str]:
    """What is set to 0 before a nest of a stage."""
    for member in map(file.member, file.turns.cleared(stage, nest)):
        yield f"    memset(m->{member}, 0, sizeof m->{member});"


def over_rows(file: CFile, nests: Sequence[PlainNest], *, backwards: bool = False) -> Iterator[str]:
    """Nests for each row of a time, one row after the other."""
    time = nests[0].time
    assert time is not None, "rows are those of a time"
    count = file.times[time].count
    if backwards:
        yield f"    for (int {ROW} = {count} - 1; {ROW} >= 0; {ROW}--) {{"
    else:
        yield f"    for (int {ROW} = 0; {ROW} < {count}; {ROW}++) {{"
    for one in nests:
        yield from nest_lines(file, one, depth=2, alone=len(nests) == 1)
    yield "    }"


def nest_lines(
    file: CFile, one: PlainNest, *, depth: int = 1, alone: bool = False
) -> Iterator[str]:
    """A nest, below the line of the spec that it comes of."""
    _, said = origin(one.note, file.source, file.spec)
    indent = "    " * depth
    yield f"{indent}/* {comment(said)} */"
    writer = (CNest if one.time is None else CRowNest)(
        nest=one.nest,
        scalars=file.scalars,
        array=file.array,
        buffer=lambda access: file.buffers[access.storage][0],
        time_of=file.times.__getitem__,
        depth=depth,
    )
    lines = writer.write()
    file.called.update(writer.called)
    if not alone and any(DECLARED.match(line) for line in lines if own_line(line, indent)):
        yield from [f"{indent}{{", *(f"    {line}" for line in lines), f"{indent}}}"]
    else:
        yield from lines


def own_line(line: str, indent: str) -> bool:
    """Whether a line stands in no loop of the nest."""
    return line.startswith(indent) and not line.startswith(f"{indent} ")


def known(file: CFile) -> Iterator[tuple[str, str]]:
    """Everything that a stage may be given, and its declaration."""
    yield "m", f"struct {file.prefix}_memory *m"
    yield "s", f"struct {file.prefix}_state *s"
    for name, (role, type, _) in file.arguments.items():
        if role != "result":
            yield name, f"{'const ' if role == 'input' else ''}{file.type_of(type)} *{name}"
    for time in file.times.values():
        if not time.is_fixed:
            yield time.count, f"int {time.count}"
            yield time.start, f"int {time.start}"
    yield "example", "int example"
    yield "n", "int n"
