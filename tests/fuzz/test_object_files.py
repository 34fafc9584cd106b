"""Truncated and hostile object files: the loader places each whole, or leaves it alone.

A cache entry is sealed, so only its owner can write one; behind the seal, what `elf.py` holds
against a file is the only wall.  A few hundred files in every run; ten thousand with
`pytest -m wide tests/fuzz/test_object_files.py -s`, which prints what became of them.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from gradc_runtime.cpu.codegen import build_kernel
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.objects import loader
from gradc_runtime.cpu.objects.elf import HEADER, RELOCATION, SECTION, SYMBOL, NotPlain, ObjectFile
from tests.fuzz.mutations import WORDS, of_bytes
from tests.runtime.cpu.objects.test_loader import SOURCE

pytestmark = pytest.mark.skipif(
    not host().triple.startswith("x86_64") or "linux" not in host().triple,
    reason="elsewhere LLVM places all code",
)
FEW, MANY = 400, 10_000
SLOWEST, LARGEST = 10.0, 256 << 20  # seconds of a file, on this thread; bytes of all
Sample = tuple[str, bytes]  # the symbol that is asked for, and the file


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """Whole files: what is generated, in both widths, and two kernels of the library."""
    made = [("k0", build_kernel.object_code("k0", SOURCE, word, "k0")) for word in (4, 8)]
    return made + [(n, build_kernel.object_code(n, None, 4, n)) for n in ("fill", "straight")]


def cut(draw: Random, code: bytes) -> bytes:
    """Without its end, often just behind a table."""
    at = draw.choice([*range(0, 65, 8), draw.randrange(len(code)), len(code) - 1, tables(code)])
    return code[:at]


def tables(code: bytes) -> int:
    """Where the table of sections begins."""
    return int(HEADER.unpack_from(code)[3])


def with_number(draw: Random, code: bytes) -> bytes:
    """A number of the header, or of a row of a table, is another: 0, the largest, nearly right."""
    changed = bytearray(code)
    for _ in range(draw.randint(1, 3)):
        start = draw.choice([*rows(code)])
        size = draw.choice([2, 4, 8])
        at = start + draw.randrange(0, 64, size)
        near = draw.choice([-1, 1, 8, len(code)]) + int.from_bytes(
            changed[at : at + size], "little"
        )
        number = draw.choice([*WORDS, near, len(code), len(code) - 1]) % 256**size
        changed[at : at + size] = number.to_bytes(size, "little")
    return bytes(changed)


def rows(code: bytes) -> Iterator[int]:
    """Where the header and each row of a table begin: of sections, symbols, relocations."""
    yield 0
    for at in range(tables(code), len(code) - SECTION.size + 1, SECTION.size):
        yield at
        _, kind, _, offset, size, *_ = SECTION.unpack_from(code, at)
        form = {2: SYMBOL, 4: RELOCATION}.get(kind)
        if form is not None:
            yield from range(offset, offset + size, form.size)


def with_many_sections(draw: Random, code: bytes) -> bytes:
    """Thousands of sections that each hold the whole file: a small file that is huge in memory."""
    start, kind = tables(code), draw.choice([1, 2, 4])
    row = SECTION.pack(0, kind, draw.choice([2, 6]), 0, len(code), 0, 1, draw.choice([1, 4096]))
    count = draw.choice([1, 100, 60_000])
    known = (len(code) - start) // SECTION.size
    changed = bytearray(code + row * count)
    changed[60:62] = (known + count).to_bytes(2, "little")
    return bytes(changed)


def with_long_names(draw: Random, code: bytes) -> bytes:
    """Many symbols whose one name is nearly as long as the file."""
    count, names = 4_000, b"x" * draw.choice([100, 300_000]) + b"\0"
    table = SYMBOL.pack(0, 0, 0) * count
    at, start = len(code), len(code) + len(names) + len(table)
    known = code[tables(code) :]
    others = [r for r in SECTION.iter_unpack(known[: len(known) // SECTION.size * SECTION.size])
              if r[1] != 2]  # fmt: skip
    added = [(0, 3, 0, at, len(names), 0, 0, 1),
             (0, 2, 0, at + len(names), len(table), len(others), 0, 8)]  # fmt: skip
    made = bytearray(code + names + table + b"".join(SECTION.pack(*r) for r in others + added))
    made[40:48] = start.to_bytes(8, "little")
    made[60:62] = (len(others) + 2).to_bytes(2, "little")
    return bytes(made)


def spliced(draw: Random, code: bytes) -> bytes:
    """A part of the file stands where another was."""
    size = draw.choice([1, 8, 24, 64, 256])
    at, other = (draw.randrange(len(code) - size) for _ in range(2))
    return code[:at] + code[other : other + size] + code[at + size :]


DAMAGE: dict[Callable[[Random, bytes], bytes], int] = {  # and how often
    cut: 3, with_number: 8, spliced: 3, of_bytes: 4, with_many_sections: 1, with_long_names: 1,
}  # fmt: skip


REASONS = (
    "too short", "no object file", "a part lies beyond", "sections that overlap", "a table ends",
    "a section of kind", "an alignment", "tables of symbols", "a symbol that lies nowhere",
    "a relocation of kind", "an address that lies nowhere", "calls", "needs section",
    "does not define", "is no code",
)  # fmt: skip


def outcome(name: str, code: bytes) -> str:
    """`placed`, or why not; any other exception than `NotPlain` is a fault."""
    try:
        file = loader.checked(ObjectFile(code), name)
    except NotPlain as refusal:
        return next(reason for reason in REASONS if reason in str(refusal))
    found = loader.place({name: file})
    assert found[name] > 0
    return "placed"


def attempts(samples: list[Sample], count: int) -> Counter[str]:
    """What became of so many damaged files; a fault is told with the seed of its file."""
    found, faults = Counter[str](), list[str]()
    for seed in range(count):
        draw = Random(seed)
        name, code = draw.choice(samples)
        damage = draw.choices([*DAMAGE], [*DAMAGE.values()])[0]
        start = time.thread_time()
        try:
            found[outcome(name, damage(draw, code))] += 1
        except Exception as fault:
            faults.append(f"{seed}, {damage.__name__}: {type(fault).__name__}: {str(fault)[:80]}")
        if (taken := time.thread_time() - start) > SLOWEST:
            faults.append(f"{seed}, {damage.__name__}: took {taken:.1f} s")
    assert not faults, f"{len(faults)} of {count}: {faults[:5]}"
    return found


def try_files(samples: list[Sample], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged files are told apart within bounds of time and memory."""
    monkeypatch.setattr(loader, "keep_for_ever", lambda held: None)  # nothing of them is run
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = attempts(samples, count)
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < LARGEST
    print(
        f"\n{count} object files:", *(f"{n} {what}" for what, n in found.most_common()), sep="\n  "
    )
    assert found["placed"] > count // 20 and len(found) > len(REASONS) // 2, found


def test_whole_files_are_placed(samples: list[Sample]) -> None:
    assert {outcome(name, code) for name, code in samples} == {"placed"}


def test_damaged_files_are_placed_whole_or_refused(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    try_files(samples, FEW, monkeypatch)


@pytest.mark.wide
def test_many_damaged_files_are_placed_whole_or_refused(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    try_files(samples, MANY, monkeypatch)


@pytest.mark.parametrize("damage", [with_many_sections, with_long_names])
def test_a_file_that_would_grow_in_memory_is_refused(
    samples: list[Sample], damage: Callable[[Random, bytes], bytes]
) -> None:
    refused = {"sections that overlap", "a symbol that lies nowhere", "calls",
               "does not define"}  # fmt: skip
    for name, code in samples:
        draws = [damage(Random(seed), code) for seed in range(12)]
        assert {outcome(name, one) for one in draws} <= refused
