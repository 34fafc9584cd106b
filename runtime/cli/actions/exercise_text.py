"""The exercises as texts: a program with its derivative, from which the derivative is taken out.

An exercise is a file of `runtime/cli/exercises`: a model that computes a loss and, line by line,
its derivative `d_x` by every value on the way.  The learner gets it with `___` in place of those
lines; `lines_of` finds them again in what comes back, whatever else was written beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gradc_compiler.diagnostics.source import Source, Span
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Assign, Definition, Expr, File, Name
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.state import suggestion

BLANK = "___"
FOLDER = Path(__file__).parents[1] / "exercises"
EXERCISES = (  # in the order of the appendix
    "house", "curve", "dense", "activations", "softmax", "convolution", "chain", "recurrence",
    "lstm", "vae", "gan", "layer_norm",
)  # fmt: skip
HEAD = """# Exercise {number} of {count}: {title}
# d_x is dloss/dx. Put an expression in place of each ___, any that is right; leave the lines above
# them as they are, and do without grad(). `gradc exercise {name}` looks at what you wrote.
#
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativeLine:
    """A line `d_x = ...`."""

    name: str
    value: Expr

    @property
    def span(self) -> Span:
        """Where the expression stands."""
        return self.value.span

    @property
    def is_open(self) -> bool:
        """Whether it is still to be filled in."""
        return self.span.text == BLANK

    @property
    def of(self) -> str:
        """The value that is differentiated by."""
        return self.name.removeprefix("d_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One of the exercises, with its answers."""

    name: str
    source: Source
    tree: File
    model: str
    lines: Mapping[str, DerivativeLine]

    @property
    def number(self) -> int:
        """Its place, from 1."""
        return EXERCISES.index(self.name) + 1

    @property
    def title(self) -> str:
        """The first line of its text."""
        return self.source.line_text(1).removeprefix("# ")

    def for_learners(self) -> str:
        """Its text with blanks, below what is to be done."""
        text = replaced(self.source.text, {line.span: BLANK for line in self.lines.values()})
        head = HEAD.format(
            number=self.number, count=len(EXERCISES), title=self.title, name=self.name
        )
        return head + text.partition("\n")[2]


def exercise_of(name: str) -> Exercise:
    """An exercise by its name.

    Raises `Refused` where there is none.
    """
    if name not in EXERCISES:
        known = dict.fromkeys(EXERCISES)
        raise Refused(f"no exercise is called {name}{suggestion(name, known)}")
    source = read_source(FOLDER / f"{name}.nn")
    tree = parse(source)
    model = next(d.name for d in tree.declarations if isinstance(d, Definition))
    return Exercise(name=name, source=source, tree=tree, model=model, lines=lines_of(tree))


def lines_of(tree: File) -> dict[str, DerivativeLine]:
    """The lines of derivatives, in order; of a name that is given twice the last counts."""
    return {line.name: line for line in _derivatives(tree)}


def _derivatives(tree: File) -> Iterator[DerivativeLine]:
    for declaration in tree.declarations:
        if not isinstance(declaration, Definition):
            continue
        for statement in declaration.body:
            match statement:
                case Assign(targets=(Name(name=name),), value=value) if name.startswith("d_"):
                    yield DerivativeLine(name=name, value=value)


def replaced(text: str, new: Mapping[Span, str]) -> str:
    """A text with other words in some of its places."""
    for span in sorted(new, key=lambda span: span.start, reverse=True):
        text = text[: span.start] + new[span] + text[span.end :]
    return text
