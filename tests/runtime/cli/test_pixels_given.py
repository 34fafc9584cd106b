"""What is given to a network is compared with what it knows; an untrained one is named as such."""

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
