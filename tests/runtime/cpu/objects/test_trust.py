"""Entries of the cache that are whole and senseless: a miss each, and nothing ends by a signal."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gradc_runtime.cpu.codegen import build_kernel
from gradc_runtime.cpu.objects import build_locks, compile_kernels, link, object_cache, trust
from gradc_runtime.cpu.objects.elf import NotPlain, ObjectFile
from gradc_runtime.cpu.objects.loader import checked
from tests.runtime.cpu.objects.test_object_cache import KEY, ROOT, SOURCE, entry, place

__all__ = ["place"]  # a fixture
Captured = pytest.CaptureFixture[str]


def test_an_entry_under_another_name_or_key_is_a_miss(place: Path) -> None:
    object_cache.save(KEY, b"code", "relu")
    other = "cd" * 32
    entry(place).rename(place / f"{other}.object")
    assert object_cache.load(other) is None
    (place / f"{other}.object").rename(place / f"{KEY}.tuning")
    assert object_cache.load(KEY, object_cache.TUNING) is None
    (place / f"{KEY}.tuning").rename(place / f"{KEY}.object")
    assert object_cache.load(KEY) == b"code"
    (place / trust.FILE).unlink()
    assert object_cache.load(KEY) is None
    object_cache.save(KEY, b"code", "relu")
    assert object_cache.load(KEY) == b"code"


@pytest.mark.parametrize("damage", ["cut", "empty", "open", "link"])
def test_a_key_that_cannot_be_trusted_is_replaced(place: Path, damage: str) -> None:
    object_cache.save(KEY, b"code", "relu")
    path = place / trust.FILE
    if damage in ("cut", "empty"):
        path.write_bytes(b"x" * 7 if damage == "cut" else b"")
    elif damage == "open":
        path.chmod(0o644)
    else:
        path.rename(place / "elsewhere")
        path.symlink_to(place / "elsewhere")
    assert object_cache.load(KEY) is None
    object_cache.save(KEY, b"code", "relu")
    assert object_cache.load(KEY) == b"code"


def test_a_pipe_in_an_entrys_place_is_a_miss(place: Path) -> None:
    object_cache.save(KEY, b"code", "relu")
    for path in (entry(place), place / trust.FILE):
        path.unlink()
        os.mkfifo(path)
        assert object_cache.load(KEY) is None
    assert object_cache.cache_verify() == [place / f"{KEY}.object"]
    object_cache.save(KEY, b"code", "relu")
    assert object_cache.load(KEY) == b"code"


def test_an_endless_entry_is_a_miss(place: Path) -> None:
    object_cache.save(KEY, b"code", "relu")
    os.truncate(entry(place), 1 << 40)
    assert object_cache.load(KEY) is None


SENSELESS = """
import sys
import numpy as np
from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.objects import object_cache, compile_kernels, link
kernel = Kernel("k0", sys.stdin.read())
key = compile_kernels.key_of(kernel.name, kernel.source, 4)
whole = compile_kernels.object_of(kernel, 4)
other = compile_kernels.object_of(Kernel("fill"), 4)
for code in CODES:
    object_cache.save(key, code, "senseless")
    assert object_cache.load(key) == code
    link._addresses.clear()
    (start,) = compile_kernels.addresses([kernel], 4)
    numbers = np.zeros(4, np.float32)
    pointers = np.array([numbers.ctypes.data], np.int64)
    link.NATIVE(start)(pointers.ctypes.data, 0, 0, 4, 0)
    assert numbers.tolist() == [3.0] * 4, numbers
    assert object_cache.load(key) == whole  # it was built again
print("right")
"""
CODES = "[b'', b'\\x7fELF', bytes(4096), np.random.default_rng(0).bytes(4096), other, whole[:-64]]"


def test_senseless_code_with_a_right_seal_is_built_again(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SENSELESS.replace("CODES", CODES)], cwd=ROOT, text=True,
        input=SOURCE.format(2), capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr[-900:]


def damaged(code: bytes, draw: random.Random) -> bytes:
    """An object file with a few words of its tables changed, or its end cut off."""
    changed = bytearray(code)
    for _ in range(draw.randint(1, 4)):
        at = draw.choice([draw.randrange(64), draw.randrange(len(code) // 2, len(code))])
        size = min(draw.choice([1, 2, 4, 8]), len(code) - at)
        value = draw.choice([0, 1, 255, 2**16, 2**31, 2**63 - 1, 2**64 - 1, draw.getrandbits(64)])
        changed[at : at + size] = value.to_bytes(8, "little")[:size]
    return bytes(changed[: draw.randrange(len(changed)) if draw.random() < 0.1 else None])


def wrong_files(count: int, seed: int) -> int:
    """How many of so many damaged object files are refused; every one is plain or `NotPlain`."""
    whole, draw, refused = (
        build_kernel.object_code("k0", SOURCE.format(7), 8, "k0"),
        random.Random(seed),
        0,
    )
    assert checked(ObjectFile(whole), "k0")
    for _ in range(count):
        try:
            file = checked(ObjectFile(damaged(whole, draw)), "k0")
            sizes = {section.number: len(section.content) for section in file.sections}
            assert all(at + 8 <= sizes[number] for number, at, _, _ in file.addresses())
        except NotPlain:
            refused += 1
    return refused


def test_no_number_in_an_object_file_is_believed() -> None:
    assert 100 < wrong_files(400, seed=0) < 400


@pytest.mark.wide
def test_no_number_in_a_hundred_thousand_object_files_is_believed() -> None:
    assert wrong_files(100_000, seed=1) > 10_000


def test_a_lock_that_is_not_given_up_is_told_and_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(build_locks, "TOLD", 0.05)
    monkeypatch.setattr(build_locks, "PASSED", 0.2)
    object_cache.trusted_directory()
    path = place / f".{KEY[:3]}.lock"
    with path.open("w") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        with build_locks.locked(KEY, wait=False) as free:
            assert not free
        for _ in range(2):  # the second time at once
            with build_locks.locked(KEY) as free:
                assert free
    told, passed = capsys.readouterr().err.splitlines()
    assert told == f"gradc: waiting for another process to compile (it holds {path})"
    assert passed.endswith(f"holds {path} and does not go on; compiling without it")


def test_what_llvm_alone_can_place_is_made_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bytes] = []

    def placed(objects: dict[str, bytes]) -> dict[str, int]:
        given.extend(objects.values())
        return dict.fromkeys(objects, 1)

    monkeypatch.setattr(link, "placed_by_llvm", placed)
    monkeypatch.setattr(link, "_addresses", {})
    monkeypatch.setattr(link, "ALL_PLAIN", True)
    link.load({"a": b"kept"}, lambda name: b"made")
    assert given == [b"made"]


def test_a_copy_that_somebody_stopped_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "LONGEST_COPY", -0.9)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.send_signal(signal.SIGSTOP)
    compile_kernels.await_copy(child.pid)
    child.returncode = 0  # it has been waited for
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
    assert child.stdin is not None
    child.stdin.close()


def test_a_cache_that_cannot_be_named_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("GRADC_CACHE", "x" * 5000)
    object_cache.warn_once.cache_clear()
    object_cache.save(KEY, b"code", "relu")
    assert object_cache.load(KEY) is None and not object_cache.is_saved(KEY)
    assert object_cache.named(object_cache.TUNING) == object_cache.cache_verify() == []
    assert (object_cache.cache_info().entries, object_cache.cache_clear()) == (0, 0)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gradc: cache ") and len(line) < 1100
