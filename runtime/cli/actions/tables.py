"""A scheduled entry as text and as data: phases, instructions, buffers, kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradc_compiler.machine.targets import CUDA
from gradc_compiler.program.entry import Entry, Instruction, Operand, Phase, Space
from gradc_compiler.program.variants import largest_single, single_kernels
from gradc_runtime.cli.actions.output import counted


def print_entry(entry: Entry) -> str:
    """The whole schedule of an entry."""
    lines = [*sizes(entry), *(line for part in phases(entry) for line in part)]
    if most := largest_single(entry):
        lines.append(f"batches of up to {most:,} examples: all of it one kernel")
    return "\n".join(lines) + "\n"


def sizes(entry: Entry) -> Iterator[str]:
    """How the batch is cut, and what memory that takes."""
    wide = f", in wide stages of {entry.wide_block:,}," if entry.wide_block else ""
    chunks = counted(entry.chunks, "chunk")
    yield f"blocks of {counted(entry.block, 'example')}{wide} in at most {chunks}"
    of_times = zip(entry.kept_words, entry.times, strict=True)
    elements = "".join(f" {words:,} an element of {time}," for words, time in of_times)
    yield (
        f"words: uniform {entry.uniform_words:,}, block {entry.block_words:,} an example,{elements}"
        f" partial {entry.partial_words:,} a chunk"
    )
    yield from entry.recomputed
    for number, array in enumerate(entry.arrays):
        yield f"array {number} {array.role} {array.name} : {array.type}"
    for result in entry.results:
        yield f"result {result.name} : {result.type} at uniform+{result.offset}"


def phases(entry: Entry) -> Iterator[list[str]]:
    """The instructions, phase by phase."""
    for number, phase in enumerate(entry.phases, 1):
        kind = "wide block" if phase.wide else "block"
        when = f"for every {kind} of examples" if phase.examples else "once"
        lines = [f"phase {number}: {when}"]
        lines += [f"  {line}" for line in (*instructions(entry, phase), *sums(phase))]
        yield lines


def instructions(entry: Entry, phase: Phase) -> Iterator[str]:
    """The calls of a phase, those of a recurrence below a line that says so."""
    loops, within = {loop.start: loop for loop in phase.loops}, 0
    for number, instruction in enumerate(phase.instructions):
        if number in loops:
            loop = loops[number]
            within = number + loop.count
            yield f"for every step of {entry.times[loop.time]}{', backwards' * loop.backwards}:"
        if number < within:
            yield f"  {instruction_text(entry, instruction)}"
        else:
            yield instruction_text(entry, instruction, rows(entry, instruction))


def sums(phase: Phase) -> Iterator[str]:
    """What is added up over the chunks afterwards."""
    for total in phase.sums:
        words = counted(total.words, "word")
        yield f"sum partial+{total.partial} -> uniform+{total.uniform}, {words}"


def rows(entry: Entry, instruction: Instruction) -> str:
    """Of which time a call goes over all elements."""
    return "" if instruction.time is None else f" over {entry.times[instruction.time]}"


def instruction_text(entry: Entry, instruction: Instruction, rows: str = "") -> str:
    """A call of a kernel."""
    operands = ", ".join(operand_text(entry, operand) for operand in instruction.operands)
    flags = f" split over {instruction.extent}" if instruction.split else ""
    call = f"{called(entry, instruction.kernel)}({operands}){flags}{rows}"
    return f"{call:<72}  # {instruction.note}".rstrip(" #")


def called(entry: Entry, number: int) -> str:
    """A kernel's name: its own in the library, a number among the generated ones."""
    kernel = entry.kernels[number]
    return kernel.name if kernel.source is None else f"kernel{number}"


def operand_text(entry: Entry, operand: Operand) -> str:
    """Where an operand lies: `block+128`, `image+0`; `step+16`, where the rows of a step do."""
    if operand.step is not None:
        return f"step+{operand.step.offset + operand.inner}"
    index = operand.space - Space.ARRAY
    if index < 0:
        base = Space(operand.space).name.lower()
    elif index < len(entry.arrays):
        base = str(entry.arrays[index].name)
    else:
        base = str(entry.results[index - len(entry.arrays)].name)
    return f"{base}+{operand.offset + operand.inner}"


def print_kernels(entry: Entry) -> str:
    """The generated source, and which library kernels are used."""
    if entry.target == CUDA:
        return "\n".join(f"# {note}\n{source}" for note, source in launches(entry))
    found = "\n".join(part for k in range(len(entry.kernels)) for part in kernel(entry, k))
    singles = [print_kernels(single.entry) for single in single_kernels(entry)]
    return "\n".join([found, *singles])


def kernel(entry: Entry, number: int) -> Iterator[str]:
    """A kernel's source below the nodes and lines it came from."""
    found = entry.kernels[number]
    notes = [i.note for phase in entry.phases for i in phase.instructions if i.kernel == number]
    name = called(entry, number)
    yield f"# {name}: {found.note}" if found.note else f"# {name}"
    yield from (f"#   {note}" for note in dict.fromkeys(notes) if note and note != found.note)
    yield found.source if found.source is not None else "#   of the library, given its geometry\n"


def launches(entry: Entry) -> Iterator[tuple[str, str]]:
    """The source of every CUDA kernel, once, and what it is first used for."""
    instructions = [i for phase in entry.phases for i in phase.instructions]
    notes: dict[str, str] = {}
    for instruction in instructions:
        if instruction.launch is not None:
            notes.setdefault(instruction.launch.source, instruction.note)
    yield from ((note, source) for source, note in notes.items())


def entry_data(entry: Entry) -> dict[str, Any]:
    """The schedule as data."""
    return {
        "block": entry.block,
        "wide_block": entry.wide_block,
        "chunks": entry.chunks,
        "uniform_words": entry.uniform_words,
        "block_words": entry.block_words,
        "recomputed": entry.recomputed,
        "time_words": dict(zip(map(str, entry.times), entry.kept_words, strict=True)),
        "partial_words": entry.partial_words,
        "arrays": [
            {"name": str(a.name), "role": a.role, "shape": list(a.type.shape)} for a in entry.arrays
        ],
        "phases": [
            {
                "examples": phase.examples,
                "wide": phase.wide,
                "instructions": [instruction_data(entry, i) for i in phase.instructions],
                "loops": [{"start": loop.start, "instructions": loop.count,
                           "time": entry.times[loop.time], "backwards": loop.backwards}
                          for loop in phase.loops],
                "sums": [{"partial": s.partial, "uniform": s.uniform, "words": s.words}
                         for s in phase.sums],
            }
            for phase in entry.phases
        ],
        "one_kernel_up_to": largest_single(entry),
    }  # fmt: skip


def instruction_data(entry: Entry, instruction: Instruction) -> dict[str, Any]:
    """A call of a kernel as data."""
    return {
        "kernel": called(entry, instruction.kernel),
        "operands": [operand_text(entry, operand) for operand in instruction.operands],
        "geometry": list(instruction.geometry),
        "split": instruction.split,
        "time": None if instruction.time is None else entry.times[instruction.time],
        "note": instruction.note,
    }


def kernel_data(entry: Entry) -> list[dict[str, Any]]:
    """The kernels as data; a library kernel has no source."""
    if entry.target == CUDA:
        return [{"note": note, "source": source} for note, source in launches(entry)]
    found = [
        {"name": called(entry, number), "note": kernel.note, "source": kernel.source}
        for number, kernel in enumerate(entry.kernels)
    ]
    singles = [data for single in single_kernels(entry) for data in kernel_data(single.entry)]
    return [*found, *singles]
