"""The calls of an entry's step for a batch size, without a device: its words begin anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry
from gradc_runtime.cuda.launch.arena import Arena, arrange
from gradc_runtime.cuda.launch.control import Control
from gradc_runtime.cuda.launch.kernel_call import CudaCall
from gradc_runtime.cuda.launch.step_calls import DeviceRegion, StepCalls, StepPlaces
from gradc_runtime.cuda.launch.time_room import TimeRoom

APART = 1 << 34  # words between regions
FIRST = 1 << 10
BLOCKS = MACHINE.gpu_multiprocessors


def planned_calls(
    entry: Entry, examples: int, room: TimeRoom | None = None, blocks: int = BLOCKS
) -> list[CudaCall]:
    """The calls of a step with data that lies on the device; of sequences as many rows as examples
    times the steps that there is room for.  So many `blocks` can run at once.
    """
    if room is None:
        steps = [time if isinstance(time, int) else 1 for time in entry.times]
        room = TimeRoom(tuple(n * examples for n in steps), tuple(steps))
    starts = count(FIRST, APART)
    arena = arrange(entry, examples, room).placed(next(starts), next(starts))
    control = Control.of(entry, room)
    return StepCalls(entry, arena, control, spread(arena, control, starts), blocks).all()


def spread(arena: Arena, control: Control, starts: Iterator[int]) -> StepPlaces:
    """Regions that begin at certain words."""

    def region(words: int) -> DeviceRegion:
        return DeviceRegion(next(starts), max(1, words))

    arrays = list(enumerate(arena.entry.arrays))
    plain = {k for k, a in arrays if a.role == "input" and a.type.time is None}
    brought = {k for k, a in arrays if a.role in ("input", "clock")} - plain
    words = {k: arena.words_of(array) for k, array in arrays}
    return StepPlaces(
        counter=region(1), control=region(control.words), controls=region(control.words),
        brought={k: region(words[k]) for k in sorted(brought)},
        chosen={k: region(words[k]) for k in sorted(plain)}, rows=region(arena.examples),
        outputs={k: region(words[k]) for k, a in arrays if a.role == "output"},
        results={k: region(result.words) for k, result in enumerate(arena.entry.results)},
        meeting=region(1),
    )  # fmt: skip
