"""What other frameworks write around a training, and how `train` says it.

`RENAMED` has foreign names of settings; `INSTEAD` has words for which one writes something else.
Keys are in lower case and without underscores; `{value}` is what the author gave.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Diagnostic, Label
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.parse.parse_context import shorten

RENAMED = {
    # there              here
    "batchsize": "batch",
    "minibatch": "batch",
    "minibatchsize": "batch",
    "epoch": "epochs",
    "nepochs": "epochs",
    "numepochs": "epochs",
    "maxepochs": "epochs",
    "nbepoch": "epochs",
    "validation": "held_out",
    "validationsplit": "held_out",
    "validationfraction": "held_out",
    "valsplit": "held_out",
    "testsize": "held_out",
    "randomseed": "seed",
    "randomstate": "seed",
    "manualseed": "seed",
    "earlystopping": "patience",
}

RATE = "the rate is the optimizer's: `using adam(lr = {value})`"
CLIP = "a limit on the gradient stands beside the optimizer: `using adam, clip(norm = {value})`"
RUN = "a run is counted in passes through the data: `epochs 5`"
OPTIMIZER = "the optimizer follows `using`: `minimize loss using adam(lr = 1e-3)`"
LOSS = "write `minimize {value}`: what is minimized is the loss"
SCHEDULE = "a schedule stands for the rate: `using adam(lr = cosine(1e-3, steps = 5_000))`"
TARGET = "the command says where a spec runs: `gradc train --target cuda`"
REPORT = "what is measured beside the loss has a line of its own: `report accuracy(net(x), label)`"
INSTEAD = {
    "lr": RATE,
    "learningrate": RATE,
    "stepsize": RATE,
    "weightdecay": "it is an optimizer's: `using adamw(decay = {value})`",
    "momentum": "it is an optimizer's: `using momentum(lr = 0.01, beta = {value})`",
    "clipnorm": CLIP,
    "maxnorm": CLIP,
    "gradclip": CLIP,
    "gradientclip": CLIP,
    "clipgrad": CLIP,
    "clipgradnorm": CLIP,
    "clipvalue": "it stands beside the optimizer: `using adam, clip(value = {value})`",
    "steps": RUN,
    "numsteps": RUN,
    "maxsteps": RUN,
    "maxiter": RUN,
    "iterations": RUN,
    "shuffle": "examples are drawn in another order in every epoch: leave it out",
    "metric": REPORT,
    "metrics": REPORT,
    "callbacks": "runs keep their best and last weights, and `patience 5` ends one early",
    "checkpoint": "runs keep their best and last weights by themselves: leave it out",
    "device": TARGET,
    "target": TARGET,
    "dtype": "the command says it: `gradc train --dtype float64`",
    "workers": "the command says it: `gradc train --threads 4`",
    "numworkers": "the command says it: `gradc train --threads 4`",
    "threads": "the command says it: `gradc train --threads {value}`",
    "verbose": "the command says it: `gradc train --quiet`",
    "optimizer": OPTIMIZER,
    "optimiser": OPTIMIZER,
    "schedule": SCHEDULE,
    "scheduler": SCHEDULE,
    "lrscheduler": SCHEDULE,
    "loss": LOSS,
    "criterion": LOSS,
    "objective": LOSS,
    "minimise": "it is spelt `minimize`",
    "maximize": "write what is to be small: `minimize -{value}`",
    "maximise": "write what is to be small: `minimize -{value}`",
    "with": "write `using {value}`",
}
VALUES = frozenset({"NUMBER", "TEXT", "NAME", "LPAR", "MINUS", "EQUAL", "WRONG_NUMBER"})


def plain(name: str) -> str:
    """A name as the tables have it."""
    return name.lower().replace("_", "")


def in_train(name: str, value: str) -> str | None:
    """How `train` says `name value`, or None where nobody calls anything so."""
    setting = RENAMED.get(plain(name))
    if setting is not None:
        return f"write `{setting} {value}`"
    return INSTEAD[plain(name)].format(value=value) if plain(name) in INSTEAD else None


def foreign_clause(tokens: list[Lexeme], begin: int, at: int) -> Diagnostic | None:
    """E0121 for `batch_size 32`, `optimizer adam` and their kin inside `train`."""
    place = _word(tokens, begin, at)
    if place is None or not _inside_train(tokens, at):
        return None
    word, hint = tokens[place], in_train(tokens[place].text, _value(tokens, place + 1))
    if hint is None:
        return None
    message = f"`{word.text}` is not a word of `train`"
    return Diagnostic(code="E0121", message=message, primary=Label(word.span), hint=hint)


def _value(tokens: list[Lexeme], at: int) -> str:
    """What was given, as far as a call's bracket."""
    if tokens[at].type == "EQUAL":
        at += 1
    text = shorten(tokens[at].text)
    called = tokens[at].type == "NAME" and tokens[at + 1].type == "LPAR"
    return f"{text}(...)" if called else text


def _word(tokens: list[Lexeme], begin: int, at: int) -> int | None:
    """Where the word of a setting stands: before the token that does not fit, or there."""
    if tokens[at].text == "with":
        return at
    for place in (at - 1, at):
        starts = place == begin or (place > begin and tokens[place - 1].type == "COMMA")
        if starts and place + 1 < len(tokens) and tokens[place + 1].type in VALUES:
            return place
    return None


def _inside_train(tokens: list[Lexeme], at: int) -> bool:
    """Whether the innermost declaration that is open is a `train`."""
    depth, declared, begins = 0, "", True
    for token in tokens[:at]:
        if depth == 0 and begins:
            declared = token.text
        begins = token.type in ("NL", "RBRACE")
        depth += (token.type == "LBRACE") - (token.type == "RBRACE")
    return depth > 0 and declared == "train"
