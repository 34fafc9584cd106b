"""Specs whose names mean something in C, Python, JavaScript, or in what is written for these."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from gradc_compiler.c import c_names
from gradc_compiler.elaborate.expressions.declarations import RESERVED
from gradc_compiler.numba_module.module_names import CALLER, OWN
from gradc_compiler.syntax.grammar.keywords import KEYWORDS

SOURCES = Path(__file__).parents[3] / "runtime" / "embed" / "sources"
SPEC = """
model {0}({1} : [3], {2} : class(4), {3} : seq [2]) -> ({4} : [3], {5} : [2]) {{
    param {6} : [3] = 0.5
    {7} = {1} * {6} + sum(one_hot({2}) * [0.1, 0.2, 0.3, 0.4])
    {8} = dense(3) |> tanh
    ({8}({7}) + {6}, time_sum({3}) + sum({7}))
}}
data d({1} : [3], {2} : class(4), {3} : seq [2]) = npz("none.npz")
train on d {{
    {9} = {0}({1}, {2}, {3})
    step {10} {{
        minimize sum(({9}.{4} - 1)^2) + sum({9}.{5}^2)
        using adam(lr = 1e-2)
    }}
    report {11} = 2 * sum({9}.{5})
}}
"""
ROLES = 12
SCRIPT = """
abstract arguments await boolean byte case constructor debugger default eval export extends final
finally function hasOwnProperty implements instanceof interface let native null package prototype
super synchronized throws toString transient typeof undefined valueOf var void yield __proto__
"""
MADE = """
X y_found rows_of_seq line_5 line_5_gradient loops run_f step_one step_one_on step_on gradients_on
loss_and_gradients_one f_stage_0 f_run f_memory f_state constant_1 examples length n1 v1 v2 sum1
greatest1 where1 relu_formula scores loss accuracy made gap gap_1 real_word index_word own_weights
turn_1 state_of_spec int_of_spec x_2 d_dense1_product dense1 dense1_W conv1_W Exp MatMul Scan
node_1 input output weights digit t k e i j m s l0 _x x__y
"""
NASTY = (
    "int double restrict lambda main printf math string numba numpy c m class_ errno I NULL "
    "register None True self np n memory sum_ __proto__ constructor this new delete "
    "template signed wchar_t line_5 run_int step_int f_stage_0 real_word"
)


def allowed(name: str) -> bool:
    """Whether a spec may call something so."""
    written = re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name)
    return bool(written) and name not in KEYWORDS | RESERVED


def every_name() -> list[str]:
    """All such names that a spec may have, in an order of their own."""
    in_c = [c_names.KEYWORDS, c_names.MACROS, c_names.FUNCTIONS, c_names.HEADERS, c_names.LIBRARIES]
    found = {name for names in in_c for name in names} | c_names.OWN
    found |= {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *OWN, *CALLER}
    found |= {*sys.stdlib_module_names} & {"json", "math", "sys", "os", "re", "typing", "base64"}
    found |= {*SCRIPT.split(), *MADE.split()}
    for path in SOURCES.glob("*.[cm]*"):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
        found |= {*re.findall(r"\b[A-Za-z_]\w*\b", text)}
    return sorted(filter(allowed, found), key=lambda name: (name[::-1], name))


def nasty_names() -> list[str]:
    """A few of them."""
    return [name for name in NASTY.split() if allowed(name)]


def specs(names: list[str], turn: int) -> Iterator[str]:
    """Specs in which each name stands once, in a role of its own for every turn."""
    for first in range(0, len(names), ROLES):
        own = (names[first : first + ROLES] + names)[:ROLES]
        turned = own[turn:] + own[:turn]
        yield SPEC.format(*turned)
