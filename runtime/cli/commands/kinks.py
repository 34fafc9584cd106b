"""`gradc kinks`: where a loss is not differentiable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("kinks", examples=[
    ("gradc kinks specs/mnist_cnn.nn", "every relu, and what its derivative is at 0"),
])  # fmt: skip
@spec
@click.option("--step", help="Which step of the train block, where there are several.")
@as_json
def command(spec: Path, **given: Any) -> int:
    """List every point at which a loss is not differentiable, with the convention that the rule
    of its operator keeps there (specs/operators.md).
    """
    code: int = act("why:show_kinks", spec, given)
    return code
