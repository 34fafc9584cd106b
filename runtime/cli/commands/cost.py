"""`gradc cost`: what each line of a spec costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("cost", examples=[
    ("gradc cost specs/mnist_cnn.nn", "operations, bytes and parameters of every line"),
    ("gradc cost specs/row_digits.nn --batch 64 --length 28", "as numbers, for sequences of 28"),
    ("gradc cost specs/mnist_cnn.nn --modes", "forward and reverse mode, and second order"),
])  # fmt: skip
@spec
@click.option("--step", help="Which step of the train block, where there are several.")
@click.option("--batch", type=click.IntRange(1), help="Examples; as the spec says, else 1.")
@click.option("--length", type=click.IntRange(1), default=100, show_default=True,
              help="Elements of a sequence.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 1024),
              help="For the peak memory; all cores otherwise.")  # fmt: skip
@click.option("--modes", is_flag=True,
              help="Each mode of differentiation beside the loss.")  # fmt: skip
@options.without
@as_json
def command(spec: Path, **given: Any) -> int:
    """Count what each line costs, forward and backward, as formulas in N (the batch) and in the
    lengths of sequences, and as numbers.

    Counted is the graph after the laws of algebra, before kernels are fused; specs/study.md says
    what an operation is. The peak memory is that of the plan by which the step is run on a CPU.
    """
    code: int = act("cost:cost", spec, given)
    return code
