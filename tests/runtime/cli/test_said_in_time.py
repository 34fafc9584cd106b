"""What is said in time: of pixels that are bytes, of an untrained build, of what comes next."""

from __future__ import annotations

import numpy as np

from tests.runtime.cli.calling import Caller

SPEC = """model digit(image : [8, 8, 1]) -> [10] { image |> flatten |> dense(10) }
data digits(image : [8, 8, 1], label : class(10)) = digits(size = 8)
train on digits { minimize cross_entropy(digit(image), label) using sgd(lr = 0.1), epochs 1 }
"""


def test_pixels_that_are_bytes_get_a_warning_and_a_build_names_the_last_run(call: Caller) -> None:
    """Networks of pictures from 0 to 1 took 0 to 255 in silence; a build was untrained."""
    (call.folder / "d.nn").write_text(SPEC)
    assert call("train", "d.nn", "--threads", "1").code == 0
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1) * 4
    for name, numbers in {"bytes": pixels, "unit": pixels / np.float32(255)}.items():
        np.save(call.folder / f"{name}.npy", numbers)
        for words in (["predict", "d.nn"], ["run", "d.nn", "--weights", "runs/d"]):
            err = call(*words, f"image={name}.npy").err
            assert ("image goes up to 252" in err) == (name == "bytes"), err
    assert "warning" not in call("predict", "d.nn", "image=random").err
    err = call("export", "d.nn", "-o", call.folder / "d.safetensors").err
    assert "before training; those of its last run are --weights runs/d" in err


def test_after_a_language_model_comes_writing(call: Caller) -> None:
    """The line told of `predict`, which has no table for a sequence and refused."""
    (call.folder / "words.txt").write_text("a text, and more of it. " * 20)
    (call.folder / "w.nn").write_text(
        "model say(xs : seq class(30)) -> seq [30] { xs |> embedding(30, 4) |> dense(30) }\n"
        'data d(xs : seq(n) class(30), ys : seq(n) class(30)) = text("words.txt", window = 8)\n'
        "train on d { minimize cross_entropy(say(xs), ys) using sgd(lr = 0.1), epochs 1 }\n"
    )
    found = call("train", "w.nn", "--threads", "1")
    assert "gradc run w.nn say --sample 300 --weights runs/w" in found.out + found.err
