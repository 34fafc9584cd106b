"""Whatever goes wrong, as a line and an exit code.

    1   the spec or the run is at fault: diagnostics, data that does not fit, a loss that is not a
        number, a check that failed
    2   usage or environment: an unknown option, a missing file, no GPU
    130 stopped by Ctrl-C, SIGTERM or SIGHUP
    70  an error of gradc's own: a short message, and a report in a file

A traceback is shown only for the last, and only with `--debug`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

import click

from gradc_compiler.diagnostics.source import CompileError
from gradc_runtime.cli.declare import CommandState, act
from gradc_runtime.system.errors import RunError, bounded

FAULT, USAGE, INTERNAL, INTERRUPTED = 1, 2, 70, 130
OURS = ("gradc_compiler", "gradc_runtime", "gradc")
ISSUES = "please report it, with this file"


class Refused(Exception):
    """A command cannot be done as asked, for a reason outside the spec: one line, exit code 2."""


def answer(fault: BaseException, state: CommandState) -> int:
    """Tell the user, and give the exit code."""
    match fault:
        case click.exceptions.Exit(exit_code=code):
            return code
        case click.exceptions.NoArgsIsHelpError():
            click.echo(fault.format_message(), err=True)
            return USAGE
        case click.ClickException():
            return usage(fault)
        case CompileError(diagnostics=found):
            act("diagnostics:show", found, as_json=state.json)
            return FAULT
        case RunError():
            return say(str(fault), fault.exit_code)
        case Refused():
            return say(str(fault), USAGE)
        case _:
            return surroundings(fault, state)


def surroundings(fault: BaseException, state: CommandState) -> int:
    """What neither the spec nor the command line is to blame for."""
    match fault:
        case KeyboardInterrupt() | click.Abort():
            return say("interrupted", INTERRUPTED)
        case BrokenPipeError():
            drop_output()
            return 0
        case OSError(errno=errno.ENOSPC | errno.EFBIG | errno.EDQUOT | errno.EIO, filename=None):
            drop_output()
            return say(f"the answer could not be written: {fault.strerror}", FAULT)
        case MemoryError():
            return say("there is not enough memory for this", FAULT)
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] not in OURS:
            return say(f"this needs {name}, which is not installed", USAGE)
        case OSError(strerror=str(), filename=str()):
            return say(f"{fault.filename}: {fault.strerror}", USAGE)
        case _:
            return internal(fault, state)


def drop_output() -> None:
    """Let what is still to be written to standard output vanish, as nothing more can be."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(line: str, code: int) -> int:
    """One line on standard error, if there is room even for that."""
    with suppress(OSError):
        act("output:say", f"gradc: {bounded(line)}")
    return code


def usage(fault: click.ClickException) -> int:
    """A usage error: what is wrong, and where the help is."""
    context = getattr(fault, "ctx", None)
    message = fault.format_message()
    say(message[:1].lower() + message[1:] if message[1:2].islower() else message, USAGE)
    if context is not None:
        click.echo(f"try `{context.command_path} --help`", err=True)
    return USAGE


def internal(fault: BaseException, state: CommandState) -> int:
    """An error of our own: a report in a file, and one short message."""
    if state.debug:
        traceback.print_exception(fault)
    try:
        where = write_report(report(fault, state))
    except OSError as full:
        where = f"nothing: {full.strerror}"
    what = f"{type(fault).__name__} in {stage_of(fault)}"
    say(f"internal error: {what} ({ISSUES}: {where})", INTERNAL)
    return INTERNAL


def stage_of(fault: BaseException) -> str:
    """The module of ours in which it happened."""
    names = [
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(fault.__traceback__)
    ]
    ours = [name for name in names if name.partition(".")[0] in OURS]
    return ours[-1] if ours else "gradc"


def report(fault: BaseException, state: CommandState) -> str:
    """Versions, arguments, which spec, and the traceback."""
    lines = [
        f"gradc {' '.join(state.arguments)}",
        f"python {sys.version}",
        f"machine {platform.platform()}",
        *(f"{name} {found}" for name, found in act("versions:of_libraries").items()),
        f"spec {fingerprint(state.spec)}",
        f"stage {stage_of(fault)}",
        "",
        *traceback.format_exception(fault),
    ]
    return "\n".join(lines)


def fingerprint(spec: Path | None) -> str:
    """The spec's name and the SHA-256 of its text."""
    if spec is None or not spec.is_file():
        return "none"
    return f"{spec} sha256 {hashlib.sha256(spec.read_bytes()).hexdigest()}"


def write_report(text: str) -> str:
    """Write the report to a new file; its path."""
    handle, path = tempfile.mkstemp(prefix="gradc-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
        stream.write(text)
    return path
