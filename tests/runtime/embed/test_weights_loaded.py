"""Weights from a safetensors file, in place of those inside; and what is said of other files."""

from __future__ import annotations

import ctypes
import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import gradc
from gradc_runtime.embed.build_library import build
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.weights.safetensors_file import safetensors_bytes
from tests.runtime.embed.building import NEEDS_CC, SPECS, Built, digits, pointer
from tests.runtime.embed.test_program import call
from tests.runtime.embed.test_sanitized import FLAGS, sanitizers_work

pytestmark = NEEDS_CC


class Loaded:
    """A built model with the weights of a file."""

    def __init__(self, made: Built) -> None:
        self.made, model = made, made.interface.model
        words = model.words + model.entry.uniform_words
        self.words = np.full(words, np.nan, model.dtype)

    def load(self, path: Path | None) -> tuple[str, str | None]:
        """What is said of a file, and about which tensor."""
        name = ctypes.c_char_p(b"unset")
        given = None if path is None else str(path).encode()
        code = self.made.function("load")(pointer(self.words), given, ctypes.byref(name))
        return self.made.message(code), None if name.value is None else name.value.decode()

    def run(self, lengths: list[np.ndarray], *inputs: np.ndarray) -> np.ndarray:
        """The one output for some examples."""
        count = len(lengths[0] if lengths else inputs[0])
        (array,) = self.made.interface.model.arrays("output")
        found = np.zeros((count, *array.type.shape), self.words.dtype)
        own = [pointer(one) for one in lengths]
        size = self.made.function("workspace", ctypes.c_size_t)(*own, count)
        memory = np.zeros(size, np.uint8)
        given = [*map(pointer, inputs), *own, pointer(found), count, pointer(memory)]
        run = self.made.function("run_with")
        code = run(pointer(self.words), *given, ctypes.c_size_t(size))
        assert code == 0, self.made.message(code)
        assert run(None, *given, ctypes.c_size_t(size)) == -1
        return found


def other(made: Built, seed: int, path: Path) -> Any:
    """A session of the same spec with other weights, which a file has."""
    session = gradc.Session(made.session.program, dtype=made.session.dtype, threads=1, seed=seed)
    session.save(path)
    return session


def test_bits_of_a_session_with_those_weights(digit: Built, tmp_path: Path) -> None:
    made, images = Loaded(digit), digits(digit.session)[:100]
    for seed in (7, 8):
        session = other(digit, seed, tmp_path / "w.safetensors")
        assert made.load(tmp_path / "w.safetensors") == ("all is well", None)
        np.testing.assert_array_equal(made.run([], images), session.run("digit", image=images))
    np.testing.assert_array_equal(digit.run(images)[0], digit.session.run("digit", image=images))


def test_sequences_float64_and_a_net_without_stages_before(tmp_path: Path) -> None:
    for spec, model, dtype in (("row_digits", "digit", "float32"), ("house", "price", "float64")):
        program = gradc.compile_file(SPECS / f"{spec}.nn")
        built = Built(gradc.Session(program, dtype=dtype, threads=1), model, tmp_path / spec)
        session = other(built, 5, tmp_path / "w")
        made = Loaded(built)
        if spec == "house":
            session.parameters["price.theta1"][...] = 3.5
            session.save(tmp_path / "w")
            given = [np.array([100.0, 200.0])]
            wanted, lengths = session.run(model, sqft=given[0]), []
        else:
            lengths = [np.array([3, 9], np.int32)]
            rows = np.random.default_rng(0).random((12, 28)).astype(np.float32)
            given, wanted = [rows], session.run(model, rows=[rows[:3], rows[3:]])
        assert made.load(tmp_path / "w") == ("all is well", None)
        np.testing.assert_array_equal(made.run(lengths, *given), wanted)


def test_numbers_of_other_widths(digit: Built, tmp_path: Path) -> None:
    session = other(digit, 7, tmp_path / "w")
    tensors, made = load_file(tmp_path / "w"), Loaded(digit)
    images = digits(digit.session)[:9]
    for kind in (np.float16, np.float64):
        lesser = {
            n: t.astype(kind) if t.dtype == np.float32 else t.astype(np.int64)
            for n, t in tensors.items()
        }
        save_file(lesser, tmp_path / "x")
        for name, view in session.memory.views.items():
            view[...] = lesser[name]
        assert made.load(tmp_path / "x") == ("all is well", None)
        np.testing.assert_array_equal(made.run([], images), session.run("digit", image=images))


def spread(path: Path, **changes: Any) -> None:
    """Write a file whose header says other things of `digit.dense1.b`."""
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    header["digit.dense1.b"] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + length :])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": [11]}, "another shape"),
        ({"shape": [10, 1]}, "another shape"),
        ({"shape": []}, "another shape"),
        ({"dtype": "I32"}, "another shape"),
        ({"dtype": "F8_E4M3"}, "another shape"),
        ({"data_offsets": [0, 36]}, "another shape"),
        ({"data_offsets": [40, 0]}, "no safetensors file"),
        ({"data_offsets": [0, 10**12]}, "no safetensors file"),
        ({"data_offsets": [-4, 36]}, "no safetensors file"),
        ({"shape": [10.5]}, "no safetensors file"),
    ],
)
def test_headers_that_lie(digit: Built, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    other(digit, 7, tmp_path / "w")
    made = Loaded(digit)
    spread(tmp_path / "w", **changes)
    found, tensor = made.load(tmp_path / "w")
    assert said in found and tensor == ("digit.dense1.b" if "shape" in said else None)
    assert np.isnan(made.words).all()


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16", "I64", "I32", "I8", "U8", "BOOL"])
def test_kinds_of_numbers_are_taken_as_a_session_takes_them(
    digit: Built, tmp_path: Path, kind: str
) -> None:
    session, made = gradc.Session(digit.session.program, threads=1, seed=7), Loaded(digit)
    kinds = dict.fromkeys(session.parameters, "F32") | {"digit.dense1.b": kind}
    tensors = {name: np.abs(np.rint(value)) for name, value in session.parameters.items()}
    (tmp_path / "w.safetensors").write_bytes(safetensors_bytes(tensors, kinds=kinds))
    said, about = made.load(tmp_path / "w.safetensors")
    try:
        session.load(tmp_path / "w.safetensors")
    except CheckpointError as fault:
        assert "digit.dense1.b holds" in str(fault)
        assert "another type of number" in said and about == "digit.dense1.b"
    else:
        assert (said, about) == ("all is well", None) and kind in ("F64", "F32", "F16", "BF16")


def test_other_faults(digit: Built, tmp_path: Path) -> None:
    other(digit, 7, tmp_path / "w")
    made, tensors = Loaded(digit), load_file(tmp_path / "w")
    del tensors["digit.conv3.W"]
    save_file(tensors, tmp_path / "x")
    assert made.load(tmp_path / "x") == ("a file lacks a tensor of this model", "digit.conv3.W")
    assert made.load(tmp_path)[0] in (
        "a file cannot be read or written", "a file is no safetensors file, or is cut off",
    )  # fmt: skip
    assert made.load(tmp_path / "none")[0] == "a file cannot be read or written"
    assert made.load(None)[0] == "a pointer is null"
    load, path = digit.function("load"), str(tmp_path / "w").encode()
    assert load(None, path, None) == digit.function("prepare")(None) == -1
    assert load(pointer(made.words), path, None) == 0
    (tmp_path / "empty").write_bytes(b"")
    assert "no safetensors file" in made.load(tmp_path / "empty")[0]
    images = digits(digit.session)[:3]
    np.save(tmp_path / "x.npy", images)
    done = call(digit, "--weights", "x", "x.npy", folder=tmp_path)
    assert done.returncode == 2
    assert b"x: a file lacks a tensor of this model: digit.conv3.W" in done.stderr


def test_the_program_takes_weights(digit: Built, tmp_path: Path) -> None:
    session = other(digit, 7, tmp_path / "w")
    images = digits(digit.session)[:20]
    np.save(tmp_path / "x.npy", images)
    done = call(digit, "--weights", "w", "x.npy", "-o", "y.npy", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "y.npy")
    np.testing.assert_array_equal(found, session.run("digit", image=images))


FUZZ = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "f.h"

static unsigned char whole[1 << 16], spoilt[1 << 16];
static struct f_weights weights;

static unsigned next(void) {
    static unsigned long long state = 88172645463325252ull;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (unsigned)(state >> 11);
}

static int load(size_t count) {
    FILE *file = fopen("spoilt", "wb");
    if (fwrite(spoilt, 1, count, file) != count) abort();
    fclose(file);
    const char *tensor;
    return f_load(&weights, "spoilt", &tensor);
}

int main(void) {
    FILE *file = fopen("whole", "rb");
    const size_t size = fread(whole, 1, sizeof whole, file);
    fclose(file);
    memcpy(spoilt, whole, size);
    if (load(size) != 0) abort();
    size_t header = whole[0] + 256u * whole[1], refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
        static const char likely[] = "{}[],:\"\\0192eu- \0\377";
        memcpy(spoilt, whole, size);
        size_t count = round % 5 == 0 ? next() % (size + 1) : size;
        for (unsigned k = 1 + next() % 4; k > 0; k--) {
            const size_t at = next() % 4 == 0 ? next() % 8 : 8 + next() % header;
            const unsigned how = next() % 3;
            if (how == 0) spoilt[at] = (unsigned char)next();
            if (how == 1) spoilt[at] = (unsigned char)likely[next() % (sizeof likely - 1)];
            if (how == 2) { /* a piece of it, elsewhere */
                const size_t from = 8 + next() % header, length = next() % 40;
                memmove(spoilt + at, spoilt + from, length);
            }
        }
        refused += load(count) != 0;
    }
    printf("%zu\n", refused);
    return 0;
}
"""
SMALL = "model f(x : [3]) -> [2] { x |> dense(4) |> tanh |> dense(2) }"


@pytest.mark.parametrize("rounds", [2_000, pytest.param(20_000, marks=pytest.mark.wide)])
def test_thousands_of_spoilt_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    if not sanitizers_work(tmp_path):
        pytest.skip("no sanitizers are here")
    monkeypatch.setenv("CFLAGS", FLAGS)
    session = gradc.Session(gradc.compile_source(SMALL), threads=1, seed=0)
    session.save(tmp_path / "whole")
    build(session, "f", tmp_path)
    (tmp_path / "fuzz.c").write_text(FUZZ.replace("ROUNDS", str(rounds)))
    command = [shutil.which("cc") or "cc", *FLAGS.split(), "-Wall", "-Wextra", "-Werror", "fuzz.c"]
    subprocess.run([*command, "libf.a", "-lm", "-o", "fuzz"], cwd=tmp_path, check=True)
    done = subprocess.run(["./fuzz"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert 0.75 * rounds < int(done.stdout) <= rounds
