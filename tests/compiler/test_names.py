"""Names of Python, in every place where a name can stand: no kernel contains them."""

from __future__ import annotations

import keyword
import re

from gradc_compiler.pipeline import compile_source
from gradc_compiler.syntax.grammar.check_tree import OF_NUMBERS, OF_TENSORS

SLOTS = """\
layer ?0(?1 : size, ?2 = 0.5)(?3 : [?4]) -> [?1] {
    param ?5 : [?1, ?4] ~ ?6
    state ?7 : [?1] = 0
    noise ?8 : [?1] ~ normal(0, 1)
    ?9 = ?5 @ ?3 + ?8 * ?2
    ?7' = 0.9 * ?7 + 0.1 * ?9
    ?9 - ?7
}
initializer ?6 { normal(0, 0.1) }
function ?10(?11 : ?12) -> ?12 { ?11 * tanh(?11) }
model ?13(?14 : [3]) -> (?15 : [2], ?16 : [4]) {
    ?17 = ?14 |> ?0(8, ?2 = 0.1) |> ?10 |> dense(8)
    (?17 |> dense(2), ?17 |> dense(4))
}
regularizer ?18(?19) { sum(?19^2) }
schedule ?20(?21)(?22) { ?21 / (?22 + 1) }
optimizer ?23(?24 = 0.1)(?25, ?26) {
    state ?27 = 0
    ?27' = 0.9 * ?27 + ?26
    ?25' = ?25 - ?24 * ?27'
}
data ?28(?14 : [3], ?29 : class(4)) = csv("d.csv")
train on ?28 {
    ?15, ?16 = ?13(?14)
    step ?30 {
        minimize cross_entropy(?16, ?29) + sum(?15^2) + 0.1 * ?18(?13) over ?13
        using ?23(?24 = ?20(0.1))
        report ?31 = sum(?15)
    }
}
"""
COUNT, TYPE = 32, 12  # of slots; the one of a type, which names no kind of number (E0122)
HOSTILE = [
    "lambda", "exec", "eval", "compile", "globals", "getattr", "open", "__import__", "__class__",
    "__builtins__", "__globals__", "os", "sys", "self", "None", "True", "False", "del", "raise",
    "yield", "async", "await", "nonlocal", "try", "with", "as_", "pass", "assert", "is", "in",
    "def", "return", "class_", "while", "for", "break", "continue", "global", "finally", "except",
    "elif",
    "k0", "v0", "x0", "i0", "geometry", "pointers", "begin", "end", "first", "real", "reals",
    "index", "indices", "step", "math", "numba", "print", "range", "int", "float", "__name__",
]


def spec_of(names: list[str]) -> str:
    """The spec with these names in its slots."""
    return re.sub(r"\?(\d+)", lambda slot: names[int(slot[1])], SLOTS)


def sources(text: str) -> list[str]:
    """Every kernel that is generated for a spec, without the noise's keys, which are of names."""
    program = compile_source(text)
    found = [k.source for e in program.entries.values() for k in e.kernels if k.source is not None]
    return [re.sub(r"\d{6,}", "KEY", source) for source in found]


def test_names_of_python_leave_no_trace_in_the_kernels() -> None:
    plain = sources(spec_of([f"name_{k}_" for k in range(COUNT)]))
    assert plain and not any("name_" in source for source in plain)
    for start in range(0, len(HOSTILE), COUNT // 2):
        names = [HOSTILE[(start + k) % len(HOSTILE)] for k in range(COUNT)]
        if names[TYPE] in {*OF_NUMBERS, *OF_TENSORS}:
            names[TYPE] = "type"
        assert sources(spec_of(names)) == plain, names


def test_the_hostile_names_are_the_ones_that_python_reads() -> None:
    ours = {"if", "else", "and", "or", "not", "class", "import", "from", "as", "global"}
    assert set(keyword.kwlist) - ours <= {*HOSTILE, "class", "as"}
