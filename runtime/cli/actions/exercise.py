"""What `gradc exercise` does: hand out an exercise, look at what came back, collect marks.

Marks are never kept: they are worked out anew from the files that learners wrote, so a teacher who
collects folders trusts nothing but the texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_runtime.cli.actions.exercise_check import (
    CounterExample,
    Verdict,
    kink_lines,
    mistake_lines,
    readers_lines,
    verdict_on,
    written,
)
from gradc_runtime.cli.actions.exercise_text import EXERCISES, Exercise, exercise_of
from gradc_runtime.cli.actions.exercise_values import Attempt, Truth
from gradc_runtime.cli.actions.output import console, counted, say, table, tell, write, write_json
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.checkpoint import write_atomically

HANDED_OUT = Path("exercises")  # below the learner's folder


def exercise(name: str | None, given: Mapping[str, Any]) -> int:
    """List the exercises with marks, hand one out, or check it; 1 where it is not all right.

    Raises `Refused` for a name of no exercise, and for a file that is no longer that exercise.
    """
    if name is None:
        return show_marks(given["folders"] or [Path()], as_json=given["as_json"])
    if given["folders"]:
        raise Refused("--folder collects the marks of all exercises: leave the name out")
    one = exercise_of(name)
    path = given["file"] or HANDED_OUT / f"{name}.nn"
    if given["again"] or not path.exists():
        return hand_out(one, path)
    return check(one, path, given)


def hand_out(one: Exercise, path: Path) -> int:
    """Write the text with blanks; what was there before stays beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.replace(path.with_suffix(".nn.before"))
    write_atomically(path, one.for_learners().encode())
    write(f"wrote {path}: {counted(len(one.lines), 'line')} to fill in, one for each d_")
    say(f"then: gradc exercise {one.name}")
    return 0


def check(one: Exercise, path: Path, given: Mapping[str, Any]) -> int:
    """Say what is right, what is open, and show the first mistake."""
    truth = Truth(one)
    attempt = Attempt.of(read_source(path), one)
    verdict = verdict_on(attempt, truth)
    if given["as_json"]:
        write_json({**mark_of(one.name, verdict), "mistake": mistake_data(verdict.mistake)})
        return 0 if verdict.done else 1
    show_lines(one, attempt, verdict)
    for kink in verdict.kinks:
        write("\n".join(["", *kink_lines(kink)]))
    if verdict.mistake is not None:
        write("\n".join(["", *mistake_lines(verdict.mistake, truth)]))
    if given["hint"] and not verdict.done:
        write("\n".join(["", *hint_lines(attempt, verdict, truth)]))
    return 0 if verdict.done else 1


def show_lines(one: Exercise, attempt: Attempt, verdict: Verdict) -> None:
    """Every line with its mark, and how many are right."""
    rows = []
    for name in one.lines:
        line = attempt.lines[name]
        mark = "right" if name in verdict.right else "open" if line.is_open else "wrong"
        said = f"{name} = {written(line.span.text)}"
        rows.append([str(line.span.line), mark, said, verdict.right.get(name, "")])
    console().print(table(["line", "", one.title, ""], rows, right="line"))
    right = f"{len(verdict.right)} of {len(one.lines)} lines are right"
    write(f"{right}: done" if verdict.done else right)


def hint_lines(attempt: Attempt, verdict: Verdict, truth: Truth) -> list[str]:
    """Where to look for the first line that is not right, and by which rule."""
    todo = [n for n in attempt.lines if n in (*verdict.wrong, *verdict.open)]
    name = verdict.wrong[0] if verdict.wrong else todo[0]
    return [f"hint for {name}", *readers_lines(attempt.lines[name].of, truth, rules=True)]


def mistake_data(found: CounterExample | None) -> dict[str, Any] | None:
    """A counter-example as data."""
    if found is None:
        return None
    return {
        "name": found.line.name,
        "line": found.line.span.line,
        "written": written(found.line.span.text),
        "at": {name: array.tolist() for name, array in found.at.items()},
        "where": {name: array.tolist() for name, array in found.known.items()},
        "yours": found.yours.tolist(),
        "true": found.true.tolist(),
    }


def mark_of(name: str, verdict: Verdict) -> dict[str, Any]:
    """An exercise's mark as data."""
    return {
        "exercise": name,
        "lines": len(verdict.right) + len(verdict.wrong) + len(verdict.open),
        "right": len(verdict.right),
        "how": dict(verdict.right),
        "at_kinks": [kink.line.name for kink in verdict.kinks],
        "wrong": [*verdict.wrong],
        "open": [*verdict.open],
        "done": verdict.done,
    }


def show_marks(folders: Sequence[Path], *, as_json: bool) -> int:
    """The marks of every folder: a table of one, a line for each of several."""
    found = {str(folder): [mark_at(name, folder) for name in EXERCISES] for folder in folders}
    if as_json:
        write_json([marks_of(folder, marks) for folder, marks in found.items()])
    elif len(found) == 1:
        (marks,) = found.values()
        show_one(marks)
    else:
        rows = [[folder, *map(short_mark, marks)] for folder, marks in found.items()]
        columns = ["folder", *(str(number) for number, _ in enumerate(EXERCISES, 1))]
        console().print(table(columns, rows, right=" ".join(columns[1:])))
        write(", ".join(f"{number} {name}" for number, name in enumerate(EXERCISES, 1)))
    return 0


def mark_at(name: str, folder: Path) -> dict[str, Any]:
    """The mark of an exercise whose file lies in a learner's folder, or in `exercises` there."""
    one = exercise_of(name)
    paths = [folder / HANDED_OUT / f"{name}.nn", folder / f"{name}.nn"]
    path = next((p for p in paths if p.is_file()), None)
    none = {"exercise": name, "lines": len(one.lines), "right": 0, "wrong": [], "done": False}
    if path is None:
        return {**none, "open": [*one.lines], "state": "not begun"}
    try:
        verdict = verdict_on(Attempt.of(read_source(path), one), Truth(one))
    except CompileError as fault:
        said = fault.diagnostics[0].message
        return {**none, "open": [*one.lines], "state": "does not compile", "why": said}
    except Refused as fault:
        return {**none, "open": [*one.lines], "state": "refused", "why": str(fault)}
    return {**mark_of(name, verdict), "state": "done" if verdict.done else "begun"}


def marks_of(folder: str, marks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A learner's marks as data."""
    return {
        "folder": folder,
        "done": sum(mark["done"] for mark in marks),
        "right": sum(mark["right"] for mark in marks),
        "lines": sum(mark["lines"] for mark in marks),
        "exercises": [*marks],
    }


def show_one(marks: Sequence[Mapping[str, Any]]) -> None:
    """The exercises, each with what it is about and its mark."""
    rows = [
        [str(number), mark["exercise"], exercise_of(mark["exercise"]).title,
         f"{mark['right']} of {mark['lines']}", mark["state"]]
        for number, mark in enumerate(marks, 1)
    ]  # fmt: skip
    console().print(table(["", "exercise", "about", "right", ""], rows, right="right"))
    done = sum(mark["done"] for mark in marks)
    tell(f"{done} of {len(marks)} done; gradc exercise NAME hands one out, and checks it")


def short_mark(mark: Mapping[str, Any]) -> str:
    """`5/5`, or why there is no number."""
    return f"{mark['right']}/{mark['lines']}" if mark["state"] in ("done", "begun") else "-"
