"""`gradc verify`: the compiler checks itself on a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("verify", examples=[
    ("gradc verify specs/mnist_cnn.nn", "one table; exit code 1 if a bound is exceeded"),
    ("gradc verify spec.nn --weights runs/spec", "at trained parameters"),
    ("gradc verify spec.nn --target cuda", "kernels of a GPU, too, on the one that is here"),
    ("gradc verify spec.nn --numba", "kernels that Numba compiles, too: some minutes at first"),
])  # fmt: skip
@spec
@options.weights
@click.option("--examples", type=click.IntRange(1, 4096), default=19, show_default=True,
              help="Random examples to check on.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
              help="Seed of parameters and inputs.")  # fmt: skip
@click.option(
    "--numba", is_flag=True, help="Compare the kernels that Numba compiles (`--target numba`) too."
)
@click.option("--target", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True,
              help="cuda: compare the kernels of a GPU too.")  # fmt: skip
@options.precision
@options.without
@as_json
def command(spec: Path, **given: Any) -> int:
    """Check gradients, kernels, threads, widths and passes against each other.

    Inputs are random, of the declared types.  Gradients are compared with finite differences,
    native kernels with NumPy, two threads with one, float32 with float64, inexact rewrites (such
    as Winograd's convolution) with the exact form, and optimised code with code that no pass has
    touched.
    """
    code: int = act("verify:verify", spec, given)
    return code
