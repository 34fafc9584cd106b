"""ONNX's own cases of single operators, and what becomes of each; a command that counts them.

    python -m tests.onnx.imported.node_cases [--target cpu] [--write]

All refused cases are printed by name; the page has how many of each kind, and the first of them.

A case passes, or is refused in one line, or has numbers of a kind that a spec has none for (texts,
bfloat16, 8 bits and fewer, sequences of tensors).  Anything else is a fault.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.runner import Runner

from gradc_runtime.onnx.backend import GradcRep
from gradc_runtime.system.errors import DataError

PAGE = Path(__file__).parents[3] / "specs" / "onnx_import.md"
MARK = "<!-- node cases: written by `python -m tests.onnx.imported.node_cases --write` -->\n"
OF_A_CASE = re.compile(r"\(\w*_test_\w*\)")  # the name of a node in an expanded function
SHOWN = 3  # names of cases in a row of the page
KINDS = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13}  # of numbers that a spec has, or holds exactly


@cache
def cases() -> dict[str, Any]:
    """All cases by name; making them is what takes time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        return {case.name: case for case in load_model_tests(kind="node")}


def has_kinds(case: Any) -> bool:
    """Whether all inputs and outputs are tensors of numbers that a spec has."""
    values = [*case.model.graph.input, *case.model.graph.output]
    return all(
        v.type.WhichOneof("value") == "tensor_type" and v.type.tensor_type.elem_type in KINDS
        for v in values
    )


def array_of(value: Any) -> Any:
    """A tensor of a case as an array."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def outcome(case: Any, target: str) -> str:
    """`passes`, `other kinds`, or why it is refused; raises where the numbers are not the same."""
    if not has_kinds(case):
        return "other kinds of numbers"
    try:
        model = GradcRep(case.model, target)
        for inputs, outputs in case.data_sets:
            found = model.run([array_of(i) for i in inputs])
            wanted = [np.asarray(array_of(o)) for o in outputs]
            Runner.assert_similar_outputs(wanted, found, case.rtol, case.atol)
    except DataError as fault:
        assert "\n" not in str(fault) and "none of its own" not in str(fault), str(fault)
        return reason(str(fault))
    return "passes"


def reason(message: str) -> str:
    """A refusal without the names of its node."""
    message = OF_A_CASE.sub("(...)", message)
    if "is not among the operators" in message:
        return f"`{message.partition(' is not among')[0].split(': ')[-1]}`"
    return message.split(": ")[-1]


def table(found: dict[str, str]) -> Iterator[str]:
    """The page's part: how many of each, and which cases are refused."""
    passing = sum(what == "passes" for what in found.values())
    yield f"Of {len(found):,} node cases {passing:,} pass; the others need what stands below."
    yield ""
    yield "| what they need | cases | such as |"
    yield "|---|---|---|"
    for what, names in refused(found):
        such = ", ".join(f"`{name}`" for name in names[:SHOWN])
        yield f"| {what} | {len(names)} | {such} |"


def refused(found: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Each reason with the names of its cases, the most frequent first."""
    by_reason = defaultdict(list)
    for name, what in found.items():
        if what != "passes":
            by_reason[what.replace("|", "/")].append(name.removeprefix("test_"))
    return sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))


def main() -> None:
    """Count, and write the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="reference")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: outcome(case, given.target) for name, case in sorted(cases().items())}
    text = "\n".join([*table(found), ""])
    known = ("passes", "other kinds of numbers")
    print(Counter(what if what in known else "refused" for what in found.values()))
    for what, names in refused(found):
        print(f"{what}: {', '.join(names)}")
    if given.write:
        head, mark, _ = PAGE.read_text().partition(MARK)
        PAGE.write_text(head + (mark or MARK) + text)


if __name__ == "__main__":
    main()
