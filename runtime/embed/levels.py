"""Levels of processors that a library supports: each has its own kernels, chosen at run time.

Tables, numbers and C are the same for all levels, since a program is the same on every machine
(`compiler/machine/machine.py`); only kernels differ.  Kernels for another level than this
processor's are compiled in a separate process, whose compiler takes that level for the host: nearly
all of the compiler asks only once what the host is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from gradc_compiler.program.entry import Kernel
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.objects.compile_kernels import linkable_object
from gradc_runtime.system.errors import ToolchainError

NATIVE, ARM = "native", "aarch64"
LEVELS = {  # best first, as an x86 is asked: by name in the ABI, what GRADC_LEVEL calls it
    "x86-64-v4": "avx512",
    "x86-64-v3": "avx2",
    "x86-64-v2": "sse4",
    "x86-64": "sse2",
    ARM: ARM,
}
SHORT = {short: name for name, short in LEVELS.items()} | {
    name.removeprefix("x86-64-"): name for name in LEVELS
}
ASKED = {  # what C compilers can ask a processor about, and a level has
    "x86-64-v4": ("avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512cd", "avx2", "fma", "bmi2"),
    "x86-64-v3": ("avx", "avx2", "fma", "bmi", "bmi2"),
    "x86-64-v2": ("ssse3", "sse4.1", "sse4.2", "popcnt"),
    "x86-64": (),
    ARM: (),
}
ASKED_OF_NATIVE = (
    "sse4.2", "popcnt", "avx", "avx2", "fma", "bmi", "bmi2", "avx512f", "avx512vl", "avx512bw",
    "avx512dq", "avx512cd", "avx512vnni", "avx512bf16",
)  # fmt: skip
LONGEST = 600  # seconds in which the kernels of a level are compiled


@dataclass(frozen=True, slots=True)
class Level:
    """A level and the symbols of its dispatch loop and of each of its kernels, in order."""

    name: str
    symbols: list[str]

    @property
    def asked(self) -> list[str]:
        """The features to ask a processor for, by the names that C compilers know."""
        if self.name != NATIVE:
            return list(ASKED[self.name])
        features = host().features.split(",")
        return [name for name in ASKED_OF_NATIVE if f"+{name}" in features]


def levels_of(text: str) -> list[str]:
    """The levels that a text names, best first: `native`, or `x86-64-v2,x86-64-v4`.

    Raises `ValueError` for a name of no level, and for ARM beside x86.
    """
    given = [SHORT.get(name.strip(), name.strip()) for name in text.split(",")]
    order = [NATIVE, *LEVELS]
    for name in given:
        if name not in order:
            raise ValueError(f"there is no level {name}; levels are {', '.join(order)}")
    if ARM in given and len({*given}) > 1:
        raise ValueError(f"{ARM} is another machine than the others: build it alone")
    return sorted({*given}, key=order.index)


def kernels_of(
    level: str, kernels: Sequence[Kernel], word: int, place: Path
) -> tuple[Level, list[str]]:
    """Compile kernels for a level into a folder; returns their symbols and the object files.

    Raises `ToolchainError` where they cannot be compiled.
    """
    compile = compiled if level == NATIVE else partial(elsewhere, level)
    found = compile(kernels, word, place)
    return Level(level, found), [f"{symbol}.o" for symbol in dict.fromkeys(found)]


def compiled(kernels: Sequence[Kernel], word: int, place: Path) -> list[str]:
    """Write the object files of kernels, each named after its symbol; returns the symbols."""
    built = [linkable_object(kernel, word) for kernel in kernels]
    for symbol, code in built:
        (place / f"{symbol}.o").write_bytes(code)
    return [symbol for symbol, _ in built]


def elsewhere(level: str, kernels: Sequence[Kernel], word: int, place: Path) -> list[str]:
    """Compile kernels, as `compiled` does, in a process that takes another level for its host.

    Raises `ToolchainError` where that process fails.
    """
    told = [[kernel.name, kernel.source, kernel.note] for kernel in kernels]
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(word), str(place.resolve())],
        env={**os.environ, "GRADC_LEVEL": LEVELS[level], "GRADC_CROSS": "1"},
        input=json.dumps(told), capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason was given"]
        raise ToolchainError(f"kernels for {level} cannot be compiled: {said[-1]}")
    found: list[str] = json.loads(done.stdout)
    return found


def chosen(levels: Sequence[Level]) -> Iterator[str]:
    """C code that finds the level to use on the processor it runs on, or -1."""
    yield f"#define LEVELS {len(levels)}"
    names = ", ".join(f'"{level.name}"' for level in levels)
    yield f"static const char *const level_names[LEVELS] = {{{names}}};"
    yield "static int chosen_level(void) {"
    if any(level.asked for level in levels):
        yield "    __builtin_cpu_init();"
    for k, level in enumerate(levels):
        tests = " && ".join(f'__builtin_cpu_supports("{name}")' for name in level.asked)
        yield f"    if ({tests}) return {k};" if tests else f"    return {k};"
        if not tests:
            break
    else:
        yield "    return -1;"
    yield "}"


def main(word: str, place: str) -> None:
    """Compile the kernels that standard input names; print their symbols."""
    kernels = [Kernel(name, source, note) for name, source, note in json.load(sys.stdin)]
    json.dump(compiled(kernels, int(word), Path(place)), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
