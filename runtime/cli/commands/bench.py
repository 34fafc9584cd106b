"""`gradc bench`: how fast a spec trains here, and what holds it up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.commands.show import GPUS
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("bench", examples=[
    ("gradc bench specs/mnist_cnn.nn", "a step's time, and each instruction's share of it"),
    ("gradc bench specs/mnist_cnn.nn --batch 512 --threads 1", "the same at another size"),
    ("gradc bench specs/circle.nn --without whole-step", "a small step is one kernel; its parts"),
    ("gradc bench specs/mnist_cnn.nn --tune", "look for faster blocks, and keep what is found"),
    ("gradc bench specs/mnist_cnn.nn --threads 2 --simulate", "what more cores would bring"),
    ("gradc bench specs/mnist_cnn.nn --target cuda", "steps on a GPU, and what was predicted"),
    ("gradc bench spec.nn --json", "all instructions as data"),
])  # fmt: skip
@spec
@click.option("--batch", type=click.IntRange(1, 1 << 20), help="Examples in a step.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads; all cores otherwise.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32",
              show_default=True, help="Width of the numbers.")  # fmt: skip
@click.option("--target", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True,
              help="cuda: steps on a GPU, beside what a data sheet predicts.")  # fmt: skip
@click.option("--gpu", type=click.Choice(GPUS), default="H200", show_default=True,
              help="Whose data sheet, with --target cuda.")  # fmt: skip
@click.option("--simulate", is_flag=True, help="Simulate a step on other numbers of threads.")
@options.without
@options.tune
@as_json
def command(spec: Path, **given: Any) -> int:
    """Time a training step, and compare it with what this machine can do at most.

    Inputs are random, of the declared types.  A step's limit is the time of its multiplications at
    the rate of a large matrix product, or of the bytes that it must move, whichever is more; every
    instruction is timed by itself, on one thread, and compared with its own.  A step tuned by
    `--tune` adds a batch's sums in another order: its last digits may differ from an untuned one's.

    `--simulate` takes each instruction's seconds on one thread, and goes through the schedule that
    2, 8, 16, 32 and 64 threads would have: their shares, their barriers, one memory for all.  It
    says how much faster a step would be, how much of those threads is used, and what costs most of
    the rest.  What was measured here on `--threads` stands beside it.
    """
    code: int = act("bench:bench", spec, given)
    return code
