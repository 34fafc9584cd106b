"""The words of the language, with what each is for: the one list behind editors' colours, what they
complete, and what they show above a word.

The grammar's own lists (`syntax/grammar/keywords.py`, `SETTINGS`, what `grammar.lark` declares) say
which words there are; a test holds that this says something of every one and of no other.
"""

from __future__ import annotations

from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.elaborate.types.ranges import RANGES
from gradc_compiler.syntax.grammar.keywords import DECLARATIONS, KEYWORDS
from gradc_compiler.syntax.lex.newlines import SETTINGS

DECLARED = {
    "layer": "a part of a network: settings, inputs, and a body whose parameters belong to it",
    "cell": "a step of a recurrence: from a state and an input to the next state",
    "model": "a network with parameters of its own, which can be run and trained by its name",
    "function": "what is computed of its arguments, without parameters",
    "regularizer": "a penalty on parameters, such as `l2(net)`",
    "initializer": "how first values are drawn: `param W : [3, 4] ~ glorot_uniform`",
    "optimizer": "a rule from a parameter and its gradient to its next value",
    "schedule": "a setting that changes from update to update",
    "data": "the fields of one example, and the source they come from",
    "train": "`train on DATA { ... }`: what is minimised, by which optimizer",
    "import": 'definitions of another file: `import residual from "blocks.nn"`',
}
STATEMENTS = {
    "param": "a parameter: `param W : [3, 4] ~ glorot_uniform` drawn, `param b : [3] = 0` set",
    "noise": "numbers drawn anew for each example and step: `noise e : [2] ~ normal(0, 1)`",
    "state": "what lives from step to step: `state m = 0`, and `m' = ...` sets the next value",
    "minimize": "the loss of one example; its mean over the batch is minimised",
    "using": "the optimizer, and settings of the training: `using adam(lr = 1e-3), batch 32`",
    "report": "a number that is measured beside the loss",
    "descend": "a gradient that is written out: `descend net.W along g`",
}
IN_PLACE = {  # names anywhere else
    "derivative": "how a function moves with its inputs: `derivative f(x)(dx) { ... }`",
    "because": 'why a `derivative` is not the true one: `because "straight through"`',
    "let": "a constant, which `--set` changes: `let hidden = 64` at the top of a file",
    "on": "`train on DATA { ... }`",
    "from": '`import NAME from "FILE.nn"`',
    "step": "`step NAME { ... }`: one of several updates that take turns",
    "over": "which parameters a step moves: `over net.encoder`",
    "along": "`descend net.W along g`",
}
OPERATORS = {
    "if": "`a if condition else b`, chosen while the spec is compiled",
    "else": "`a if condition else b`, chosen while the spec is compiled",
    "and": "both conditions hold",
    "or": "one of the conditions holds",
    "not": "the condition does not hold",
}
TYPES = {
    "scalar": "a single number, the same as `[]`",
    "class": "a label: `class(10)` is a whole number from 0 to 9",
    "seq": "a sequence: `seq [3]`, `seq(20) class(9)`",
}
FUNCTIONS = {"contract": "sums of products: `contract(i : W[i, j] * x[j])`"}
OF_TRAINING = {
    "batch": "examples of one update",
    "epochs": "passes over the training data",
    "held_out": "the share of the data that is measured and not trained on",
    "seed": "what all draws follow from",
    "patience": "epochs without a lower loss after which training ends",
    "limit": "the most examples that are trained on, and that are measured",
    "in_memory": "the bytes of files that are loaded whole",
    "block": "the bytes of a larger file that are read at once",
    "memory": "the bytes that training may take",
    "exact": "`true`: only rewrites that change no rounding",
    "precision": "`bf16`, `tf32`: operands of products are rounded to that",
    "validate": "`validate on v`: the data that are measured and not trained on",
}
OF_SETTINGS = {  # words for the types of settings
    "size": "a whole number, 1 or more",
    "number": "a number",
    **{name: wanted for name, (_, wanted) in RANGES.items()},
}
HELP = DECLARED | STATEMENTS | IN_PLACE | OPERATORS | TYPES | FUNCTIONS | OF_TRAINING
CONSTANTS = ("true", "false")


def groups() -> dict[str, list[str]]:
    """Every word by what it is, in order: what all grammars are written from."""
    assert set(DECLARED) == {*DECLARATIONS} and set(OF_TRAINING) == {*SETTINGS}
    assert {*DECLARED, *STATEMENTS, *OPERATORS, *TYPES, *FUNCTIONS} == {*KEYWORDS}
    known = sorted(prelude().places)
    return {
        "declaration": sorted(DECLARED),
        "statement": sorted([*STATEMENTS, *IN_PLACE]),
        "operator": sorted(OPERATORS),
        "type": sorted([*TYPES, *OF_SETTINGS]),
        "constant": list(CONSTANTS),
        "setting": sorted(OF_TRAINING),
        "function": sorted([*FUNCTIONS, *BUILTINS]),
        "prelude": known,
    }
