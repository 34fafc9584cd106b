"""`gradc` itself: a table of commands, each imported when it is asked for.

A slip of the finger gets the nearest command as a suggestion.  `run` is where every command ends:
with the exit code that it or its fault decides.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

import click

from gradc_runtime.cli.completing import teach_shells
from gradc_runtime.cli.declare import CommandState
from gradc_runtime.cli.faults import answer

COMMANDS = {
    "check": "Show every error of a spec, or its layers, shapes and parameters.",
    "train": "Train the network of a spec.",
    "sweep": "Train a spec with many settings, side by side.",
    "eval": "Measure a trained network on held-out data.",
    "predict": "Say what a trained network predicts of new examples.",
    "run": "Run a model on given inputs and print the numbers.",
    "runs": "Show all runs in one table.",
    "compare": "Put runs side by side: what differs, and their curves in one picture.",
    "build": "Make a library and a program of a model, for use without Python.",
    "export": "Write a model as an ONNX file.",
    "import": "Write an ONNX model as a spec, with its weights beside it.",
    "weights": "List, convert or compare files of weights: safetensors, PyTorch.",
    "show": "Print any stage of compilation: tree, graph, derivative, schedule, kernels.",
    "explain": "Explain an error code, or a model's every value and derivative at given inputs.",
    "derive": "Derive the gradient: numbered steps of the chain rule, with numbers or without.",
    "explore": "Write a page on which a gradient can be looked at and played.",
    "passes": "Follow a graph through every pass: what fired, by which law, how exactly.",
    "why": "Ask why a value has no gradient, which ways lead to it, or who reads it.",
    "kinks": "List every point at which a loss is not differentiable.",
    "cost": "Count what each line costs: operations, bytes, parameters, what is kept.",
    "diff": "Compare two specs: are they the same mathematics, and if not, where do they differ?",
    "exercise": "Write derivatives by hand, in the language, and have them checked.",
    "profile": "Measure a training step line by line: forward, backward and update.",
    "verify": "Check gradients, kernels, threads, widths and passes against each other.",
    "bench": "Time a training step, and compare it with what this machine can do at most.",
    "fmt": "Write specs in the one canonical form.",
    "lsp": "Answer an editor: errors while you type, shapes, definitions, completion.",
    "cache": "Show, check or clear the compiled kernels kept on disk.",
    "doctor": "Show what this machine and installation can do.",
}
ABOUT = """gradc compiles networks written in a small declarative language and trains them.

\b
  gradc train specs/mnist_cnn.nn          from a spec to a trained network
  gradc check specs/mnist_cnn.nn          its layers, shapes and parameters
  gradc COMMAND --help                    what a command can do, with examples
"""


class Commands(click.Group):
    """The table above as click sees it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in COMMANDS:
            return None
        found: click.Command = import_module(f"gradc_runtime.cli.commands.{name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and its arguments; an unknown name gets the nearest one."""
        if not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command is called {args[0]}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table as help text, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def print_version(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    """`gradc --version`."""
    if asked:
        metadata = import_module("importlib.metadata")
        try:
            click.echo(f"gradc {metadata.version('gradc')}")
        except metadata.PackageNotFoundError:
            click.echo("gradc, run from its source tree")
        ctx.exit()


@click.group(cls=Commands, help=ABOUT, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=print_version,
    help="Print the version.",
)  # fmt: skip
def gradc() -> None:
    """The root; its commands do the work."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit code."""
    state = CommandState(arguments=tuple(sys.argv[1:] if arguments is None else arguments))
    teach_shells()
    try:
        code = gradc.main(
            args=list(state.arguments), prog_name="gradc", standalone_mode=False, obj=state
        )
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as fault:
        return answer(fault, state)
    return code if isinstance(code, int) else 0
