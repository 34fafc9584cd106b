"""The compile cache: any doubt is a miss, nothing foreign is run, processes do not collide."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.objects import build_locks, compile_kernels, object_cache
from gradc_runtime.cpu.objects.compile_kernels import object_of

KEY = "ab" * 32
ROOT = Path(__file__).parents[4]
SOURCE = """
def k0(pointers, geometry, begin, end, first):
    x0 = reals(pointers, 0)
    for i0 in range(begin, end):
        x0[i0] = exp(x0[i0]) + real({})
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "cache"))
    object_cache.warn_once.cache_clear()
    return tmp_path / "cache"


def entry(place: Path) -> Path:
    """The one file in the cache."""
    (path,) = place.glob("*.object")
    return path


def test_what_is_saved_is_found(place: Path) -> None:
    assert object_cache.load(KEY) is None
    object_cache.save(KEY, b"code", "relu")
    assert object_cache.load(KEY) == b"code"
    assert place.stat().st_mode & 0o777 == 0o700
    assert entry(place).stat().st_mode & 0o777 == 0o600
    info = object_cache.cache_info()
    assert (info.directory, info.entries, info.trusted) == (place, 1, True)
    assert object_cache.cache_verify() == []
    assert object_cache.cache_clear() == 1
    assert object_cache.load(KEY) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: b"",
        lambda content: content.replace(b"code", b"evil"),
        lambda content: b"[]" + content[content.index(b"\n") :],
        lambda content: b"garbage\n" + content,
        lambda content: content.replace(b'"seal": "', b'"seal": "0'),
        lambda content: b'{"seal": null}\ncode',
        lambda content: b'{"seal": 3}\ncode',
        lambda content: b'{"seal": "\\ud800"}\ncode',
        lambda content: b"[" * 100_000 + content,
        lambda content: b"\xff\xfe" + content,
    ],
)
def test_a_damaged_entry_is_a_miss(place: Path, damage: Callable[[bytes], bytes]) -> None:
    object_cache.save(KEY, b"code", "relu")
    path = entry(place)
    path.write_bytes(damage(path.read_bytes()))
    assert object_cache.load(KEY) is None
    assert object_cache.cache_verify() == [path]


def test_an_entry_others_may_write_is_rejected_once(place: Path, capsys: Captured) -> None:
    object_cache.save(KEY, b"code", "relu")
    entry(place).chmod(0o666)
    assert object_cache.load(KEY) is None
    assert object_cache.load(KEY) is None
    assert capsys.readouterr().err == "gradc: cache entry rejected (others may write it)\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_foreign_entry_is_rejected(place: Path, capsys: Captured) -> None:
    object_cache.save(KEY, b"code", "relu")
    os.chown(entry(place), 1001, 1001)
    assert object_cache.load(KEY) is None
    assert capsys.readouterr().err == "gradc: cache entry rejected (owner is uid 1001)\n"


def test_a_directory_others_may_write_is_not_used(place: Path, capsys: Captured) -> None:
    object_cache.save(KEY, b"code", "relu")
    place.chmod(0o777)
    assert object_cache.load(KEY) is None
    object_cache.save(KEY, b"code", "relu")
    assert not object_cache.cache_info().trusted
    assert capsys.readouterr().err == f"gradc: cache {place} is not used (others may write it)\n"


def test_a_parent_anyone_may_write_is_not_used(place: Path) -> None:
    place.parent.chmod(0o777)
    object_cache.save(KEY, b"code", "relu")
    assert not place.exists() or not list(place.glob("*.object"))


def test_a_link_is_not_followed(place: Path, tmp_path: Path) -> None:
    object_cache.save(KEY, b"code", "relu")
    path = entry(place)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert object_cache.load(KEY) is None


def test_a_file_in_the_directorys_place_is_no_crash(place: Path) -> None:
    place.write_text("not a directory")
    object_cache.save(KEY, b"code", "relu")
    assert object_cache.load(KEY) is None
    with build_locks.locked(KEY):
        pass


def test_a_damaged_entry_is_built_again(place: Path) -> None:
    code = object_of(Kernel("fill"), 4)
    path = entry(place)
    path.write_bytes(path.read_bytes()[:100])
    assert object_of(Kernel("fill"), 4) == code
    assert object_cache.cache_verify() == []


CHILD = """
from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.objects.compile_kernels import addresses
names = ["fill", "contract_any", "contract_dots", "walk"]
print(len(addresses([Kernel(name) for name in names], 4)))
"""


def fill_at_once(place: Path, processes: int) -> None:
    """So many processes start on an empty cache, each builds what no other is building."""
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, cwd=ROOT)
        for _ in range(processes)
    ]
    assert [child.communicate()[0].strip() for child in children] == [b"4"] * processes
    assert [child.returncode for child in children] == [0] * processes
    assert object_cache.cache_info().entries == 4
    assert object_cache.cache_verify() == []
    assert not list(place.glob(".new-*"))


def test_eight_processes_may_fill_an_empty_cache(place: Path) -> None:
    fill_at_once(place, 8)


@pytest.mark.wide
@pytest.mark.parametrize("part", range(10))
def test_eight_processes_may_fill_an_empty_cache_again_and_again(place: Path, part: int) -> None:
    for _ in range(10):
        shutil.rmtree(place, ignore_errors=True)
        fill_at_once(place, 8)


def test_copies_build_what_is_missing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "may_copy_process", lambda: True)
    monkeypatch.setattr(compile_kernels, "WORTH_COPYING", 0.0001)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    kernels = [Kernel("k0", SOURCE.format(1000 + k)) for k in range(10)]  # none loaded before
    assert len(set(compile_kernels.addresses(kernels, 4))) == 10
    assert object_cache.cache_info().entries == 10
    assert object_cache.cache_verify() == []


def test_a_copys_collector_leaves_alone_what_it_began_with(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"

    def looked(*_: object, **options: object) -> None:
        told.write_text(str(gc.get_freeze_count() - len(gc.get_objects())))

    monkeypatch.setattr(compile_kernels, "object_of", looked)
    before = gc.get_freeze_count()
    process = compile_kernels.start_copy([Kernel("k0", SOURCE.format(7))], 4, compile_kernels.OWN)
    compile_kernels.await_copy(process)
    assert int(told.read_text()) > 0  # nearly all that there is
    assert gc.get_freeze_count() == before  # of this process


def test_what_no_copy_has_built_is_built_here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "may_copy_process", lambda: True)
    monkeypatch.setattr(compile_kernels, "WORTH_COPYING", 0.0001)
    monkeypatch.setattr(
        compile_kernels, "start_copy", lambda *_: os.spawnlp(os.P_NOWAIT, "false", "false")
    )
    assert compile_kernels.addresses([Kernel("k0", SOURCE.format(99))], 4)
    assert object_cache.cache_info().entries == 1


def test_a_warm_start_imports_neither_numba_nor_what_it_does_not_use(place: Path) -> None:
    object_of(Kernel("fill"), 4)
    text = "from gradc_runtime.cpu.objects.compile_kernels import addresses\n"
    text += "from gradc_compiler.program.entry import Kernel\n"
    text += "import gradc\ngradc.Session\ngradc.compile_source\naddresses([Kernel('fill')], 4)\n"
    text += "import sys\nheavy = {'numba', 'networkx', 'rich', 'ssl', 'llvmlite.binding'}\n"
    text += "print(heavy & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == b"set()"


def test_a_run_whose_kernels_are_in_the_cache_imports_no_part_of_llvm(place: Path) -> None:
    text = "import sys, numpy, gradc\nheavy = {'llvmlite.ir', 'llvmlite.binding', 'numpy.ma'}\n"
    text += "program = gradc.compile_source('model f(x : [3]) -> [3] { x + 1 }')\n"
    text += "gradc.Session(program).run('f', x=numpy.ones((2, 3), numpy.float32))\n"
    text += "print(heavy & sys.modules.keys())"
    command = [sys.executable, "-c", text]
    found = [subprocess.run(command, capture_output=True, cwd=ROOT, check=True) for _ in range(2)]
    assert found[1].stdout.strip() == b"set()"
