"""How a command is declared: its arguments, its examples, and the action it leads to.

A declaration is what a user can read in `--help`.  The function below it hands the values on to an
action, whose module (and NumPy, Numba and the rest with it) is imported only then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.completing import specs, with_own_option

Function = Callable[..., Any]
OF_OTHERS = {  # options of other programs, and what says it here
    "learning_rate": "--set lr=...",
    "rate": "--set lr=...",
    "device": "--target cuda",
    "gpu": "--target cuda",
    "cuda": "--target cuda",
    "workers": "--threads",
    "num_workers": "--threads",
    "checkpoint": "--weights",
    "model": "--weights",
    "load": "--weights",
    "output": "--out",
    "output_dir": "--out",
    "validation_split": "--held-out",
    "early_stopping": "--patience",
    "random_seed": "--seed",
}


@dataclass
class CommandState:
    """What the top level must know when something goes wrong."""

    arguments: tuple[str, ...] = ()
    debug: bool = False  # show tracebacks
    json: bool = False  # diagnostics as data
    spec: Path | None = None


class Command(click.Command):
    """A command whose help ends with examples."""

    examples: Sequence[tuple[str, str]] = ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What was written; an unknown option gets the nearest one."""
        if ctx.resilient_parsing and args and args[-1].startswith("-"):
            args = args[:-1]  # a shell asks for the value of this option, which ends the parsing
        try:
            return super().parse_args(ctx, with_own_option(args))
        except click.NoSuchOption as fault:
            raise click.UsageError(self._unknown(fault.option_name, ctx), ctx) from None

    def _unknown(self, option: str, ctx: click.Context) -> str:
        """A name of an option that is none: of a setting, or misspelt."""
        known = [name for p in self.get_params(ctx) for name in p.opts if name.startswith("--")]
        name = option.lstrip("-").replace("-", "_")
        if "--set" in known and act("request:is_setting", name):
            return f"there is no option {option}; a setting is given as --set {name}=..."
        if (elsewhere := OF_OTHERS.get(name)) and elsewhere.split()[0] in known:
            return f"there is no option {option}; write {elsewhere}"
        plain = {other.lstrip("-"): other for other in known}
        near = get_close_matches(option.lstrip("-"), plain, n=1, cutoff=0.6)
        hint = f"; did you mean {plain[near[0]]}?" if near else ""
        return f"there is no option {option}{hint}"

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, each with what it does."""
        with formatter.section("Examples"):
            for line, what in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                formatter.write(f"{'':{formatter.current_indent}}    {what}\n")


def declared(name: str, examples: Sequence[tuple[str, str]]) -> Callable[[Function], Command]:
    """Decorator: a command of this name, with `--debug` and with examples in its help."""

    def declare(function: Function) -> Command:
        result = click.command(name, cls=Command)(debug(function))
        result.examples = examples
        return result

    return declare


def act(place: str, /, *values: Any, **named: Any) -> Any:
    """Call `module:function` of the actions."""
    module, function = place.split(":")
    return getattr(import_module(f"gradc_runtime.cli.actions.{module}"), function)(*values, **named)


def state_of(ctx: click.Context) -> CommandState:
    """The state of this run."""
    return ctx.ensure_object(CommandState)


def note(field: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that keeps an option's value in the state as well."""

    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
        setattr(state_of(ctx), field, value)
        return value

    return keep


debug = click.option(
    "--debug", is_flag=True, expose_value=False, is_eager=True, callback=note("debug"),
    help="Show the traceback of an internal error.",
)  # fmt: skip
as_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=note("json"),
    help="Answer with JSON on standard output.",
)  # fmt: skip


class SpecPath(click.ParamType[Path]):
    """A file that must be there, or `-`; a path that is not gets the nearest one that is."""

    name = "spec"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """A shell completes it as a spec, or as a folder on the way to one."""
        return specs(incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or a usage error."""
        path = Path(value)
        if ctx is not None:
            state_of(ctx).spec = path
        if path.is_dir():
            inside = listed(sorted(path.glob("*.nn")))
            raise click.UsageError(f"{value} is a folder{inside}", ctx)
        if not path.exists() and value != "-":
            near = listed(nearest_specs(path))
            raise click.UsageError(f"there is no file {value}{near}", ctx)
        return path


def nearest_specs(path: Path) -> list[Path]:
    """The spec whose name is nearest to that of a path which does not exist."""
    folders = dict.fromkeys([path.parent, Path("specs"), Path(".")])
    known = {p.stem: p for folder in reversed(folders) for p in sorted(folder.glob("*.nn"))}
    return [known[name] for name in get_close_matches(path.stem, known, n=1)]


def listed(paths: Sequence[Path]) -> str:
    """The tail of a message: what could have been meant."""
    return f"; did you mean {' or '.join(map(str, paths[:3]))}?" if paths else ""


spec = click.argument("spec", type=SpecPath())
