"""`gradc run --sample` and `--decode`: what a network writes, as a text or as classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_runtime.cli.actions.output import write, write_json
from gradc_runtime.cli.actions.results import save
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data import Examples
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.session.decoding import DecodingChoice
from gradc_runtime.session.decoding import write as write_classes
from gradc_runtime.session.session import Session

BEGINNING = "\n"  # a text goes on behind this, if nothing else is said


Named = Mapping[str, Any]


def write_on(session: Session, model: str, data: Examples, inputs: Named, given: Named) -> int:
    """Print what the model writes: all of a sample, of an answer what follows its start.

    Raises `Refused` where `--examples` is given beside inputs.
    """
    alphabet = data.alphabet
    choice = choice_of(session, alphabet, given)
    start = beginning(given["prompt"], alphabet)
    if inputs and given["examples"]:
        raise Refused("--examples is for a model that reads nothing but what it writes")
    found = write_classes(session, model, start, choice, inputs, given["examples"] or 1)
    if given["save"] is not None:
        save({model: [np.array(one) for one in found]}, given["save"])
        return 0
    shown = start if given["sample"] is not None and given["prompt"] else []
    texts = [alphabet.write([*shown, *one]) if alphabet else None for one in found]
    if given["as_json"]:
        write_json([{"text": t, "classes": c} for t, c in zip(texts, found, strict=True)])
        return 0
    for text, classes in zip(texts, found, strict=True):
        write(" ".join(map(str, classes)) if text is None else text)
    return 0


def choice_of(session: Session, alphabet: Alphabet | None, given: Named) -> DecodingChoice:
    """How each element is chosen: drawn for `--sample`, the likeliest for `--decode`."""
    sampled = given["sample"] is not None
    return DecodingChoice(
        limit=given["sample"] if sampled else given["decode"],
        temperature=given["temperature"] if sampled else 0.0,
        end=alphabet.end if alphabet is not None else None,
        seed=session.seed if given["seed"] is None else given["seed"],
    )


def beginning(prompt: str | None, alphabet: Alphabet | None) -> list[int]:
    """The classes that are read first.

    Raises `Refused` for a prompt of other characters than the data has.
    """
    if prompt and alphabet is not None:
        return list(map(int, alphabet.read(prompt, "--prompt")))
    if prompt:
        try:
            return [int(word) for word in prompt.replace(",", " ").split()]
        except ValueError:
            raise Refused(f"--prompt: the data has no alphabet, so numbers, not {prompt}") from None
    if alphabet is None:
        return [0]
    return [alphabet.classes.get(BEGINNING, 0) if alphabet.end is None else alphabet.end]
