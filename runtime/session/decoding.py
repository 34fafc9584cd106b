"""Autoregressive decoding: a network reads what it has written so far, and writes what comes next.

The model takes a sequence of classes and gives, for each of them, a score for every class that may
come after it: `say(xs : seq class(64)) -> seq [64]`.  The sequence begins with a start, and in
every round the scores of its last element decide which class is added: the best one, or one drawn
with probabilities softmax(scores / temperature).  So a model that continues a text and one that
translates another sequence, which it is given as well, are decoded alike.  An example is finished
when it has written its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingChoice:
    """How a class is chosen, and when an example is finished."""

    limit: int  # classes that are added at most
    temperature: float = 1.0  # 0: always the best
    end: int | None = None  # the class that finishes
    seed: int = 0


def written_argument(session: Session, model: str) -> tuple[str, TensorType]:
    """The argument that grows: the sequence of classes that is as long as the result.

    Raises `SessionError` for a model that cannot write.
    """
    entry = session.program.entries[session.program.models[model]]
    outputs = list(entry.outputs.values())
    if len(outputs) == 1 and isinstance(outputs[0].time, str) and outputs[0].rank == 1:
        beside = [(n, type) for n, type in entry.inputs.items() if type.time == outputs[0].time]
        if len(beside) == 1 and beside[0][1].kind is Kind.INDEX and not beside[0][1].shape:
            return beside[0]
    raise SessionError(
        f"{model} cannot write: that takes one sequence of classes, and a result as long as it"
        " with a score for each class, as in say(xs : seq class(64)) -> seq [64]"
    )


def write(
    session: Session,
    model: str,
    start: list[int],
    choice: DecodingChoice,
    inputs: Mapping[str, Any],
    count: int = 1,
) -> list[list[int]]:
    """The classes that each example adds to `start`: up to and with its end, or up to the limit.

    `inputs` are the model's other arguments; without any there are `count` examples.

    Raises `SessionError` where `start` is empty, the choice makes no sense, or the scores do not
    fit.
    """
    name, type = written_argument(session, model)
    require_sense(name, start, choice)
    draws = np.random.Generator(np.random.Philox(choice.seed))
    count = max((len(given) for given in inputs.values()), default=count)
    found: list[list[int]] = [[] for _ in range(count)]
    for _ in range(choice.limit):
        read = [[*start, *one] for one in found]
        scores = np.stack([said[-1] for said in session.run(model, **inputs, **{name: read})])
        require_classes(model, scores, name, type)
        for one, k in zip(found, chosen(scores, choice.temperature, draws).tolist(), strict=True):
            one.append(k)
        if choice.end is not None and all(choice.end in one for one in found):
            break
    return [until(one, choice.end) for one in found]


def require_sense(name: str, start: list[int], choice: DecodingChoice) -> None:
    """Raises `SessionError` where `start` is empty, or the temperature makes no sense."""
    if not start:
        raise SessionError(f"{name} needs an element to begin with")
    if not choice.temperature >= 0:
        raise SessionError(f"a temperature is 0 or more, not {choice.temperature}")


def require_classes(model: str, scores: np.ndarray, name: str, type: TensorType) -> None:
    """Raises `SessionError` where scores [N, classes] have more classes than the model reads."""
    if type.classes is not None and scores.shape[1] > type.classes:
        raise SessionError(f"{model} scores {scores.shape[1]} classes, but {name} is {type}")


def chosen(scores: np.ndarray, temperature: float, draws: np.random.Generator) -> np.ndarray:
    """A class [N] for each row of scores [N, classes]: the best, or drawn by a softmax of them.

    Raises `SessionError` for scores that are not finite.
    """
    if not np.isfinite(scores).all():
        raise SessionError("a score is not a finite number")
    if temperature == 0:
        best: np.ndarray = scores.argmax(axis=1)
        return best
    likely = np.exp((scores - scores.max(axis=1, keepdims=True)).astype(np.float64) / temperature)
    below = np.cumsum(likely, axis=1) / likely.sum(axis=1, keepdims=True)
    found: np.ndarray = (below[:, :-1] <= draws.random((len(scores), 1))).sum(axis=1)
    return found


def until(classes: list[int], end: int | None) -> list[int]:
    """The classes up to and with the first `end`; all of them where there is none."""
    return classes[: classes.index(end) + 1] if end in classes else classes
