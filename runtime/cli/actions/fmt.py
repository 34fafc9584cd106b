"""What `gradc fmt` does."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.syntax.parse.read_file import STANDARD_INPUT, read_source
from gradc_compiler.syntax.pretty.format_source import format_source
from gradc_runtime.cli.actions import diagnostics
from gradc_runtime.cli.actions.output import counted, say, write
from gradc_runtime.session.checkpoint import write_atomically


def rewrite(files: Sequence[Path], *, check: bool, diff: bool, to_stdout: bool) -> int:
    """Format each file; 1 if one cannot be parsed, or would change where that is only looked at."""
    check |= diff
    to_stdout |= STANDARD_INPUT in files and not check
    broken, changed = 0, 0
    for path in files:
        try:
            source = read_source(path)
            text = format_source(source)
        except CompileError as fault:
            diagnostics.show(fault.diagnostics, as_json=False)
            broken += 1
            continue
        if to_stdout:
            write(text)
        elif text.encode() != as_written(path, source):
            changed += 1
            rewritten(path, source, text, check=check, diff=diff)
    if not to_stdout:
        same, to_change = len(files) - changed - broken, "to change" if check else "changed"
        say(f"{counted(changed, 'file')} {to_change}, {same} as they were")
    return 1 if broken or (check and changed) else 0


def rewritten(path: Path, source: Source, text: str, *, check: bool, diff: bool) -> None:
    """Write a file in its form, or say that it would change, and how."""
    say(f"{'would change' if check else 'rewrote'} {path}")
    if diff:
        write(difference(path, source.text, text))
    if not check:
        write_atomically(path, text.encode())


def difference(path: Path, before: str, after: str) -> str:
    """What `patch` would apply."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(unified_diff(old, new, f"a/{path}", f"b/{path}"))


def as_written(path: Path, source: Source) -> bytes:
    """The bytes of a file, line ends and all."""
    return source.text.encode() if path == STANDARD_INPUT else path.read_bytes()
