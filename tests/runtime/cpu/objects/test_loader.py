"""Code is placed without LLVM and does the same; what is not understood LLVM places."""

from __future__ import annotations

import ctypes
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from gradc_runtime.cpu.codegen import build_kernel
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.objects import cpu_id, link, mcjit
from gradc_runtime.cpu.objects.elf import NotPlain, ObjectFile
from gradc_runtime.cpu.objects.loader import checked
from gradc_runtime.cpu.objects.loader import place as place_files

pytestmark = pytest.mark.skipif(
    not host().triple.startswith("x86_64") or "linux" not in host().triple,
    reason="elsewhere LLVM places all code",
)
SOURCE = """
def k0(pointers, geometry, begin, end, first):
    x0 = reals(pointers, 0)
    for i0 in range(begin, end):
        x0[i0] = tanh(x0[i0]) * real(0.37) + exp(x0[i0])
"""
STATE = """
@counter = {kind}global i64 41
define i64 @count() {{
  %old = load i64, i64* @counter
  %new = add i64 %old, 1
  store i64 %new, i64* @counter
  ret i64 %new
}}
"""
CALL = """
declare i32 @{name}()
define i32 @call() {{
  %x = call i32 @{name}()
  ret i32 %x
}}
"""


def place(objects: dict[str, bytes]) -> dict[str, int]:
    """Where object files have been placed, after they were checked."""
    return place_files({name: checked(ObjectFile(code), name) for name, code in objects.items()})


def compiled(text: str, **how: str) -> bytes:
    """LLVM's text as an object file."""
    module = llvm.parse_assembly(text)
    module.triple = host().triple
    target = llvm.Target.from_triple(host().triple)
    made: bytes = target.create_target_machine(**how).emit_object(module)
    return made


def results(address: int, word: int) -> np.ndarray:
    """What SOURCE makes of some numbers."""
    numbers = np.linspace(-9, 9, 113, dtype=f"f{word}")
    pointers = np.array([numbers.ctypes.data], np.int64)
    link.NATIVE(address)(pointers.ctypes.data, 0, 0, 113, 0)
    return numbers


@pytest.mark.parametrize("word", [4, 8])
def test_placed_code_does_what_llvm_loads(word: int) -> None:
    code = build_kernel.object_code("k0", SOURCE, word, "k0")  # of 8 bytes: calls the C library
    placed, loaded = (results(p({"k0": code})["k0"], word) for p in (place, mcjit.place))
    numbers = np.linspace(-9, 9, 113, dtype=f"f{word}").astype(np.float64)
    np.testing.assert_array_equal(placed, loaded)
    np.testing.assert_allclose(placed, np.tanh(numbers) * 0.37 + np.exp(numbers), rtol=1e-5)


@pytest.mark.parametrize("name", ["lead", "serve", "walk", "contract_rows", "contract_dots"])
def test_library_kernels_are_plain(name: str) -> None:
    place({name: build_kernel.object_code(name, None, 4, name)})


def test_what_is_executed_cannot_be_written() -> None:
    found = place({"k0": build_kernel.object_code("k0", SOURCE, 4, "k0")})
    modes = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, mode = line.split()[:2]
        start, end = (int(number, 16) for number in span.split("-"))
        modes += [mode] if start <= found["k0"] < end else []
    assert modes == ["r-xp"]


@pytest.mark.parametrize(
    ("text", "how", "reason"),
    [
        (STATE.format(kind=""), {"codemodel": "large"}, "flags"),
        (STATE.format(kind="thread_local "), {"codemodel": "large"}, "flags"),
        (CALL.format(name="getpid"), {"codemodel": "large"}, "calls getpid"),
        (CALL.format(name="sched_getcpu"), {"reloc": "pic"}, "a relocation of kind"),
    ],
)
def test_what_is_not_plain_is_refused(text: str, how: dict[str, str], reason: str) -> None:
    name = "count" if "@count" in text else "call"
    with pytest.raises(NotPlain, match=reason):
        place({name: compiled(text, **how)})


def test_what_is_refused_llvm_places() -> None:
    text = STATE.format(kind="").replace("@count(", "@count_here(")
    link.load({"count_here": compiled(text, reloc="pic")})
    count = ctypes.CFUNCTYPE(ctypes.c_int64)(link.address("count_here"))
    assert (count(), count()) == (42, 43)


@pytest.mark.parametrize("at", [0, 4, 5, 16, 18, 58])
def test_another_kind_of_file_is_refused(at: int) -> None:
    code = bytearray(build_kernel.object_code("k0", SOURCE, 4, "k0"))
    code[at] += 1
    with pytest.raises(NotPlain, match="no object file for AMD64"):
        place({"k0": bytes(code)})
    with pytest.raises(NotPlain, match="too short"):
        place({"k0": bytes(code[:40])})


def test_a_symbol_that_is_not_there_is_told() -> None:
    code = build_kernel.object_code("k0", SOURCE, 4, "k0")
    with pytest.raises(link.LinkError, match="another: not in its object file"):
        link.load({"another": code})


def test_processors_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = cpu_id.processor()
    text = cpu_id.LINUX.read_text(encoding="utf-8")
    for fact in cpu_id.TOLD_BY:
        line = next(line for line in text.splitlines() if line.startswith(f"{fact}\t"))
        (tmp_path / "other").write_text(text.replace(line, line + " more"))
        (tmp_path / "less").write_text(text.replace(line, ""))
        monkeypatch.setattr(cpu_id, "LINUX", tmp_path / "other")
        assert cpu_id.facts() and cpu_id.facts() not in here
        monkeypatch.setattr(cpu_id, "LINUX", tmp_path / "less")
        assert cpu_id.facts() == ""
    cpu_id.processor.cache_clear()
    assert cpu_id.processor() == repr(host())  # LLVM is asked where Linux says too little
    cpu_id.processor.cache_clear()
