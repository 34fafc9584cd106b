"""Specs of this repository, changed at random, compile or are refused with a diagnostic.

A word is exchanged, lost or doubled, a number becomes another, a name an expression, a line comes
twice.  Whatever is not a `CompileError` is a fault of the compiler.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.pipeline import compilation
from tests.support.meanings import SPECS

ROOT = Path(__file__).parents[2]
TOKEN = re.compile(
    r"[ ]+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?(?:x\d+)*|\.\.\w*|[A-Za-z_]\w*'?|\"[^\"]*\"|\|>|->|[^ ]"
)
NUMBERS = ["0", "1", "-1", "2", "3", "1e39", "0.5", "100000", "2x2"]
EXPRESSIONS = [
    "0", "2x2", "(1, 2)", "[1, [2, 3]]", "[]", "x", "xs", "h'", "(x, x)", "x[0]", "x[5]", "x[1:0]",
    "zeros([0])", "iota(0)", "previous(zeros([2]), xs)", "grad(x, x)", "last(xs)", "batch_mean(x)",
    "training", "time_sum(xs)", "scan(lstm(2))", "unfold(0, lstm(2))", "repeat(0, tanh)", "1e400",
    "true", "dense", "dense(2)", '"t"', "each(dense(2))", "stop_gradient(x)", "length(xs)",
    "shape(x)", "normal(0, 1)", "place(xs)", "one_hot(0, 0)", "seq [2]", "take(x, 0)", "identity",
    "sum(x, axis = 3)", "reshape(x, [0])", "checkpoint(dense(2))", "linear(1, 0, 0)", "adam",
]  # fmt: skip


def texts() -> list[str]:
    """The specs that compile quickly, without their comments."""
    files = [
        *(ROOT / "specs").glob("*.nn"),
        *(ROOT / "tests/compiler/syntax/programs").glob("*.nn"),
    ]
    snippets = re.findall(r"```nn\n(.*?)```", (ROOT / "specs/language.md").read_text(), re.DOTALL)
    found = [*(path.read_text() for path in sorted(files)), *snippets, *SPECS.values()]
    return [re.sub(r"#.*", "", text) for text in found]


def mutations(seed: int, count: int) -> Iterator[str]:
    """Specs with one to five changes each."""
    rng, known = random.Random(seed), texts()
    words = [t for text in known for t in TOKEN.findall(text) if t.strip()]
    for _ in range(count):
        tokens = TOKEN.findall(rng.choice(known))
        for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 5])):
            change(tokens, words, rng)
        yield "".join(tokens)


def change(tokens: list[str], words: list[str], rng: random.Random) -> None:
    """One change of a text."""
    place = rng.randrange(len(tokens))
    named = [k for k, t in enumerate(tokens) if t[0].isalnum()] or [place]
    counted = [k for k, t in enumerate(tokens) if t[0].isdigit()] or [place]
    match rng.choice(["swap", "drop", "insert", "put", "put", "number", "line"]):
        case "swap":
            tokens[place] = rng.choice(words)
        case "drop" if len(tokens) > 1:
            del tokens[place]
        case "insert":
            tokens.insert(place, rng.choice(words))
        case "put":
            tokens[rng.choice(named)] = rng.choice(EXPRESSIONS)
        case "number":
            tokens[rng.choice(counted)] = rng.choice(NUMBERS)
        case _:
            lines = "".join(tokens).split("\n")
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            tokens[:] = TOKEN.findall("\n".join(lines))


def refused_or_compiled(seed: int, count: int) -> int:
    """How many compiled; nothing else than a diagnostic has come of the others."""
    compiled = 0
    for text in mutations(seed, count):
        try:
            compilation(Source("spec.nn", text), ROOT / "specs", {}, ())
            compiled += 1
        except CompileError:
            pass
        except Exception as fault:
            raise AssertionError(f"{type(fault).__name__}: {fault}\n{text}") from fault
    return compiled


def test_a_mutated_spec_compiles_or_is_refused() -> None:
    assert 0 < refused_or_compiled(1, 120) < 120


@pytest.mark.wide
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_mutated_specs_compile_or_are_refused(seed: int) -> None:
    assert 0 < refused_or_compiled(seed, 500) < 500
