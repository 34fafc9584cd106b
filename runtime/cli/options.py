"""Options that several commands share: the training settings, where to run, which weights.

Commands receive them as one dictionary, so that a new option reaches the actions without passing
through every signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

import click

from gradc_compiler.syntax.grammar.byte_sizes import bytes_in
from gradc_runtime.cli.completing import assignments
from gradc_runtime.cli.declare import Function

Value = int | float | str
TARGETS = ("cpu", "numba", "cuda", "reference")
WATCHED = ("gradients", "kinks", "saturation", "values", "updates")
DIGITS = 18  # of an example's number
MOST_BYTES = 2**53
WIDTHS = ("float32", "float64")
PRECISIONS = ("float32", "tf32", "bf16")


class Assignment(click.ParamType[tuple[str, Value]]):
    """`name=value`, the value a number."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Value]:
        """The pair, or a usage error."""
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip() or not text.strip():
            return self.fail(f"{value} is not of the form name=value", param, ctx)
        return name.strip(), self.meaning(name.strip(), text.strip())

    def meaning(self, name: str, text: str) -> Value:
        """The number that a text stands for."""
        for kind in (int, float):
            with suppress(ValueError, OverflowError):  # of whole numbers that no float can hold
                if isfinite(number := kind(text)):
                    return number
        several = "; gradc sweep tries several" if "," in text else ""
        raise click.UsageError(f"{name} needs a finite number, not {text[:40]}{several}")


class Binding(Assignment):
    """`name=value`, the value kept as text: `sqft=2500`, `x=1,2,3`, `image=digit.npy`."""

    def meaning(self, name: str, text: str) -> Value:
        """The text itself."""
        return text


class Watched(click.ParamType[str]):
    """`gradients`, or `values:conv*`: what is measured while a network trains."""

    name = "what"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same, or a usage error."""
        what, _, pattern = str(value).partition(":")
        if what not in WATCHED:
            near = get_close_matches(what, WATCHED, n=1)
            hint = f"; did you mean {near[0]}?" if near else f": {', '.join(WATCHED)}"
            return self.fail(f"{what[:40]} is nothing that can be watched{hint}", param, ctx)
        if what == "gradients" and pattern:
            return self.fail("all gradients are watched together, without a name", param, ctx)
        return str(value)


class Places(click.ParamType[slice]):
    """`3` or `0:10`: some of the examples of a data set."""

    name = "places"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> slice:
        """The slice, or a usage error."""
        first, colon, last = str(value).partition(":")
        numbers = [first, last] if colon else [first]
        fits = all(n.isdecimal() and len(n) <= DIGITS for n in numbers if n)
        if not fits or not (first or colon):
            return self.fail(f"{value[:40]} is neither a number (3) nor a range (0:10)", param, ctx)
        start = int(first or 0)
        return slice(start, (int(last) if last else None) if colon else start + 1)


class Size(click.ParamType[int]):
    """`500MB`, `1.5 GB`, `2e9`: so many bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes, or a usage error."""
        text = str(value).strip()
        found = bytes_in(text)
        if found is not None and 1 <= found < MOST_BYTES:
            return int(found)
        return self.fail(f"{text[:40]} is no size: 500MB, 1.5GB, or a number of bytes", param, ctx)


def together(options: Iterable[Callable[[Function], Function]]) -> Callable[[Function], Function]:
    """Several options as one decorator; the first is shown first."""

    def decorate(function: Function) -> Function:
        for option in reversed(tuple(options)):
            function = option(function)
        return function

    return decorate


data = click.option(
    "--data", metavar="SOURCE", help="""Take the data from here instead: 'mnist()',
        'digits()', 'idx("DIR")', 'csv("FILE")', ... (paths start at the current folder).""",
)  # fmt: skip
assigned = click.option(
    "--set", "assigned", multiple=True, type=Assignment(), metavar="NAME=VALUE...",
    shell_complete=assignments,
    help="""Change settings of the optimizer, of training, or constants of the spec:
        --set lr=1e-4 hidden=32.""",
)  # fmt: skip
passes = together([
    click.option("--batch", type=click.IntRange(1), help="Examples of one step."),
    click.option("--epochs", type=click.IntRange(0), help="Passes over the data."),
    click.option("--held-out", type=click.FloatRange(0, 1, max_open=True),
                 help="Share of the data kept for evaluation."),
    click.option("--patience", type=click.IntRange(1),
                 help="Epochs without improvement before stopping."),
])  # fmt: skip
settings = together([
    data,
    assigned,
    passes,
])  # fmt: skip
precision = click.option(
    "--precision", type=click.Choice(PRECISIONS),
    help="What products multiply: float32, or numbers rounded to TF32 or bfloat16.",
)  # fmt: skip
place = together([
    click.option("--target", type=click.Choice(TARGETS),
                 help="""Where to run: native code (the default), the same kernels compiled by
        Numba, a GPU, or NumPy."""),
    click.option("--dtype", type=click.Choice(WIDTHS), help="Width of a number."),
    precision,
    click.option("--threads", type=click.IntRange(1, 1024), help="Threads; as many as cores."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of every random draw."),
])  # fmt: skip
allow_path = click.option(
    "--allow-path", is_flag=True, help="Let the spec read data outside its own folder."
)
weights = together([
    click.option("--weights", type=click.Path(path_type=Path), metavar="CHECKPOINT|RUN",
                 help="Take parameters from a .safetensors file, one of PyTorch, or a run."),
    click.option("--only", multiple=True, metavar="LAYER",
                 help="Of --weights only this layer, model or parameter, as far as it fits."),
    click.option("--rename", multiple=True, metavar="OLD=NEW",
                 help="What the file of --weights calls OLD is NEW here."),
])  # fmt: skip
derivative = together([
    click.option("--of", metavar="NAME", help="""What is differentiated: `loss` (the default), a
        model, or a value on the way to the loss."""),
    click.option("--wrt", multiple=True, metavar="NAME", help="""By what: a parameter, an input or
        a value; every parameter if nothing is said. May be given several times."""),
    click.option("--step", help="Which step of the train block, where there are several."),
])  # fmt: skip
without = together([
    click.option("--without", multiple=True, metavar="NAME", help="""Switch off an optimisation, as
        in `--without fusion`; `gradc explain optimisations` names them all."""),
    click.option("--exact", is_flag=True, help="""Switch off all that change more than the order
        of a sum: winograd, scatter-to-gather, fold-width, backward-filter,
        unroll-constant-matmul, single-tiles."""),
])  # fmt: skip
memory = click.option(
    "--memory", type=Size(), metavar="SIZE",
    help="Train in no more than this, such as 500MB: compute again what else would be kept.",
)  # fmt: skip
tune = click.option(
    "--tune", is_flag=True,
    help="First measure the steps in blocks of other sizes, and keep the fastest for later runs.",
)  # fmt: skip
