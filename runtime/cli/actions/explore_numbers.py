"""The numbers of the explorer's page: every value, every adjoint, what each step sends, and how
long gradients are through layers and time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.explorer.view import Shown
from gradc_compiler.study import numbers
from gradc_compiler.study.derivation import Derivation
from gradc_compiler.study.derivation_numbers import Arrays
from gradc_compiler.study.value_labels import adjoint_label

LARGEST_PICTURE = 64  # pixels along a side
MOST_BARS = 40


def numbers_data(shown: Shown, found: Arrays, said: str) -> dict[str, Any]:
    """What the page shows of numbers; `said` is where they come from."""
    made = shown.made
    last = adjoint_nodes(shown)
    return {
        "said": said,
        "values": [number_data(found[id]) for id in shown.nodes],
        "adjoints": [
            number_data(found[last[k]]) if k in last else None for k in range(len(shown.nodes))
        ],
        "steps": [
            [
                {
                    "text": numbers.tensor_text(found[_key(term.sent)]),
                    "total": numbers.tensor(found[term.total]),
                }
                for term in step.terms
            ]
            for step in made.steps
        ],
    }


def _key(sent: tuple[int, ...]) -> int | tuple[int, ...]:
    return sent if len(sent) > 1 else sent[0]


def adjoint_nodes(shown: Shown) -> dict[int, int]:
    """Of each value, the node of its whole adjoint."""
    found = {shown.by_name[term.of]: term.total for step in shown.made.steps for term in step.terms}
    results = {shown.by_name[name]: id for name, id in shown.made.wrt.items()}
    return {**found, **{k: id for k, id in results.items() if k in found}}


def number_data(array: np.ndarray) -> dict[str, Any]:
    """A tensor in words, and as a picture if it looks like one."""
    found: dict[str, Any] = {
        "text": numbers.tensor_text(array), "short": numbers.tensor(array)
    }  # fmt: skip
    picture = picture_of(array)
    return found if picture is None else {**found, "picture": picture}


def picture_of(array: np.ndarray) -> dict[str, Any] | None:
    """Levels of grey of a tensor's two first axes (the first of the others), in 256 steps."""
    plain = array.squeeze()
    while plain.ndim > 2:
        plain = plain[..., 0]
    if plain.ndim != 2 or plain.size < 6 or max(plain.shape) > LARGEST_PICTURE:
        return None
    if not np.isfinite(plain).all():
        return None
    low, high = float(plain.min()), float(plain.max())
    levels = np.round(255 * (plain - low) / ((high - low) or 1.0)).astype(np.uint8)
    height, width = plain.shape
    of = "" if plain.size == array.size else ", the first channel"
    said = f"{height} by {width}{of}, from {numbers.short(low)} (black) to {numbers.short(high)}"
    return {"width": width, "height": height, "levels": levels.tobytes().hex(), "said": said}


def flow_data(shown: Shown, view: Mapping[str, Any], found: Arrays) -> dict[str, Any]:
    """How long adjoints are: of layers from the loss down, of parameters, of steps of time."""
    last = adjoint_nodes(shown)
    results = [v for v in layer_results(view) if v in last]
    rows = [bar_data(shown, v, found[last[v]]) for v in reversed(results[-MOST_BARS:])]
    wrt = [shown.by_name[name] for name in shown.made.wrt]
    parameters = [bar_data(shown, v, found[last[v]]) for v in wrt if v in last]
    carried = {value["carried"] for value in view["values"]} - {None}
    over_time = [
        v for v in sorted(carried) or results if v in last and _in_time(shown.made, last[v])
    ]
    return {
        "layers": rows,
        "parameters": parameters,
        "times": [time_data(shown, v, found[last[v]]) for v in over_time[:4]],
    }


def layer_results(view: Mapping[str, Any]) -> list[int]:
    """What layers give, in order; every value where there are no layers."""
    values: Sequence[Mapping[str, Any]] = view["values"]
    inside: list[set[int]] = [set(block["values"]) for block in view["blocks"]]
    for number, block in reversed([*enumerate(view["blocks"])]):
        if block["above"] is not None:
            inside[block["above"]] |= inside[number]
    found = set()
    for own in inside[1:]:
        outside = {r for k, value in enumerate(values) if k not in own for r in value["reads"]}
        found |= {max(own & outside, default=max(own))}
    plain = [k for k, value in enumerate(values) if value["kind"] in ("value", "loss")]
    return sorted(found) or plain


def _in_time(made: Derivation, id: int) -> bool:
    return made.graph[id].type.time is not None


def bar_data(shown: Shown, value: int, array: np.ndarray) -> dict[str, Any]:
    """A value's adjoint as a bar."""
    norm = length(array)
    name = shown.made.names[shown.nodes[value]]
    return {"value": value, "name": name, "norm": norm, "text": numbers.short(norm)}


def time_data(shown: Shown, value: int, array: np.ndarray) -> dict[str, Any]:
    """A value's adjoint, step by step of time."""
    norms = [length(row) for row in array]
    name = adjoint_label(shown.made.names[shown.nodes[value]])
    texts = [*map(numbers.short, norms)]
    return {"value": value, "adjoint": name, "norms": norms, "texts": texts}


def length(array: np.ndarray) -> float:
    """The Euclidean norm; 0 where it is no number, which a bar cannot show."""
    norm = float(np.linalg.norm(np.asarray(array, np.float64)))
    return norm if np.isfinite(norm) else 0.0
