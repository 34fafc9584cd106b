"""`gradc show`: every stage of compilation as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec

GPUS = ("A100", "H100", "H200", "RTX 4090")  # runtime/cuda/estimates/data_sheets.py
STAGES = (
    *("tokens", "tree", "graph", "joint", "passes", "optimized", "target"),
    *("groups", "memory", "buffers", "nests", "schedule", "kernels", "llvm", "asm", "ptx"),
    *("sass", "resources"),
)  # in order


class StageName(click.Choice[str]):
    """A stage by its name, also as the documents spell it: `optimised`."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The stage; a usage error where there is none of that name."""
        return super().convert("optimized" if value == "optimised" else value, param, ctx)


@declared("show", examples=[
    ("gradc show specs/house.nn", "the graph of each model, with the line of every node"),
    ("gradc show specs/house.nn --stage joint > derived.nn", "the derivative, as a spec that runs"),
    ("gradc show specs/house.nn --stage optimized --entry step", "what the passes left of a step"),
    ("gradc show specs/house.nn --stage passes", "the graph after each pass that changes it"),
    ("gradc show specs/mnist_cnn.nn --stage kernels", "the code generated for a training step"),
    ("gradc show specs/mnist_cnn.nn --stage kernels --target cuda", "the same for a GPU"),
    ("gradc show specs/mnist_cnn.nn --stage target --target cuda", "the graph as a GPU likes it"),
    ("gradc show specs/house.nn --stage asm", "the machine code of this CPU; llvm, ptx likewise"),
    ("gradc show specs/mnist_cnn.nn --stage resources --gpu H100",
     "each launch on a GPU: registers, occupancy, predicted time; sass likewise"),
    ("gradc show specs/house.nn --dot | dot -Tsvg > house.svg", "a picture, with Graphviz"),
])  # fmt: skip
@spec
@click.option("--stage", type=StageName(STAGES), default="graph", show_default=True,
              help="Which stage.")  # fmt: skip
@click.option(
    "--entry",
    metavar="NAME",
    help="""One entry, such as forward/MODEL, step/NAME,
              gradients/NAME, evaluate/NAME or predict/NAME; the first part is enough.""",
)
@click.option("--format", "form", type=click.Choice(("text", "json", "dot", "svg")),
              help="Text, data, or a graph as a picture (svg: Graphviz draws one).")  # fmt: skip
@click.option("--dot", is_flag=True, help="The graph in the language of Graphviz.")
@click.option("--target", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True,
              help="For whom the stages from `target` on are.")  # fmt: skip
@click.option("--gpu", type=click.Choice(GPUS), default="H200", show_default=True,
              help="Whose data sheet `resources` and `sass` go by.")  # fmt: skip
@click.option("--batch", type=click.IntRange(1), help="Examples of a step, for `resources`.")
@options.without
@as_json
def command(spec: Path, **given: Any) -> int:
    """Print any stage of compilation."""
    code: int = act("show:show", spec, given)
    return code
