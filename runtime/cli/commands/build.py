"""`gradc build`: a model as a library and a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, declared, spec


def levels(_context: Any, _option: Any, given: str) -> list[str]:
    """The levels that a text names."""
    found: list[str] = act("build:levels", given)
    return found


@declared("build", examples=[
    ("gradc build specs/mnist_cnn.nn --weights runs/mnist_cnn -o built",
     "libdigit.so, libdigit.a, digit.h, and the program built/digit"),
    ("gradc build specs/house.nn --weights runs/house -o built",
     "a program that reads new rows of the table, as gradc predict does"),
    ("gradc build specs/vae.nn encode --weights runs/vae -o built", "one model of several"),
    ("gradc build specs/mnist_cnn.nn --weights runs/mnist_cnn -o built --cpu x86-64-v3,x86-64",
     "for every PC: those of the last ten years have faster kernels"),
    ("gradc build specs/mnist_cnn.nn --weights runs/mnist_cnn -o source --emit c",
     "digit.c and digit.h: C99 to read, for any compiler and processor"),
    ("gradc build specs/mnist_cnn.nn -o source --emit c --what step",
     "train.c and train.h: forward, backward, update"),
    ("gradc build specs/mnist_cnn.nn --weights runs/mnist_cnn -o source --emit numba",
     "mnist_cnn.py: predict, loss_and_gradients, step; needs NumPy and Numba"),
    ("gradc build specs/mnist_cnn.nn --weights runs/mnist_cnn -o page --emit wasm",
     "digit.wasm and digit.mjs for JavaScript, digit.html to draw in; needs clang and lld"),
    ("gradc build specs/mnist_cnn.nn --weights runs/mnist_cnn -o gpu --emit cuda",
     "libdigit_gpu.so and its C source: machine code for GPUs inside, PTX for later ones"),
])  # fmt: skip
@spec
@click.argument("name", required=False, metavar="[MODEL|STEP]")
@options.weights
@click.option("-o", "folder", type=click.Path(path_type=Path, file_okay=False), required=True,
              metavar="DIR", help="Where the files go.")  # fmt: skip
@click.option("--emit", type=click.Choice(["library", "c", "numba", "wasm", "cuda"]),
              default="library",
              help="A library and a program, readable C99, a module for Numba,"
                   " WebAssembly, or a library for NVIDIA's GPUs.")  # fmt: skip
@click.option("--what", type=click.Choice(["run", "predict", "step"]),
              help="""The model; what `gradc predict` says of a table's row (where a run was
        trained on a table, and no model is named); or a step of training.""")  # fmt: skip
@click.option("--cpu", callback=levels, default="native", metavar="LEVEL,...",
              help="Processors that it is for: like this one (native), or all of a level: x86-64,"
                   " x86-64-v2, -v3, -v4, or aarch64; of several, the best.")  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 1 << 20),
              help="Examples of a step (else the spec's); with --emit cuda those that a GPU takes"
                   " at once (else 64).")  # fmt: skip
@click.option("--dtype", type=click.Choice(options.WIDTHS), help="Width of a number.")
@options.without
def command(spec: Path, **given: Any) -> int:
    """Build a model into a library for C, and a program that needs no Python.

    The weights are inside.  The header says what each function reads and gives.
    """
    code: int = act("build:build_files", spec, given)
    return code
