"""The table of data sources in `specs/data.md`: `python -m gradc_runtime.data.sources_page` prints
it.

A source's arguments are its signature and its line is the first of its docstring, so the page says
what the code does; a test keeps it current.
"""

from __future__ import annotations

from inspect import Parameter, getdoc, signature

from gradc_runtime.data.sources import SOURCES


def table() -> str:
    """A row for each source."""
    rows = [f"| `{name}({arguments(name)})` | {line(name)} |" for name in SOURCES]
    return "\n".join(["| source | what it gives |", "|---|---|", *rows]) + "\n"


def arguments(name: str) -> str:
    """What may be written between the parentheses."""
    return ", ".join(map(argument, list(signature(SOURCES[name]).parameters.values())[1:]))


def argument(parameter: Parameter) -> str:
    """One argument: a text in capitals, a number with its default value."""
    text = f'"{parameter.name.removesuffix("s").upper()}"'
    match parameter.kind:
        case Parameter.VAR_POSITIONAL:
            return f"{text}, ..."
        case Parameter.VAR_KEYWORD:
            return f"field = {text}"
    if parameter.default is Parameter.empty:
        return text
    if isinstance(parameter.default, str):
        return f'{parameter.name} = "{parameter.default}"'
    return f"{parameter.name} = {parameter.default:_}"


def line(name: str) -> str:
    """The first line of a source's docstring."""
    said = getdoc(SOURCES[name])
    assert said, f"{name} says what it gives"
    return said.splitlines()[0].rstrip(".")


if __name__ == "__main__":
    print(table(), end="")
