"""The page on Python, `specs/python.md`: `python -m gradc_runtime.cli.python_page` prints it.

What stands there of a function or a class is its own signature and docstring; a test keeps the page
current.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from inspect import Parameter, Signature, cleandoc, signature
from typing import Any

from gradc_runtime.session.session_table import PUBLIC

HEAD = """# From Python

Written by `python -m gradc_runtime.cli.python_page` from the docstrings.  `import gradc` is light:
each name is loaded when it is first used.

```python
import numpy as np
import gradc

program = gradc.compile_file("specs/mnist_cnn.nn")
session = gradc.Session(program, seed=0)
images, labels = np.random.rand(40, 28, 28, 1), np.arange(40) % 10
history = session.train({"image": images, "label": labels}, epochs=2, quiet=True)
print(history["loss"])                              # one number an epoch
print(session.predict(image=images[:3]).argmax(1))  # probabilities of the classes, [3, 10]
session.save("mnist.safetensors")
```

Inputs are arrays by name with an axis of examples first: of NumPy, or whatever speaks DLPack or has
a buffer (tensors of PyTorch, arrays of JAX), without a copy where width and order are the
session's.  Sequences are lists of arrays.  A data frame goes where a data set does.

In a notebook programs, sessions and histories show themselves as tables, `history.plot()` and
`program.graph()` as pictures, `derive` as a page, and a wrong spec as its own lines. After
`%load_ext gradc` a cell that begins with `%%gradc NAME` is a spec, and NAME its program.
"""
SKLEARN = """
## `gradc.sklearn`

```python
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from gradc.sklearn import Classifier

X, y = load_iris(return_X_y=True)
network = make_pipeline(StandardScaler(), Classifier(epochs=20, random_state=0))
assert cross_val_score(network, X, y, cv=3).mean() > 0.9
```
"""
OF_SKLEARN = ("Classifier", "Regressor")
MEMBERS: dict[str, dict[str, str]] = {  # what users call, and what is said of plain attributes
    "Program": {
        "name": "the name of the spec's file", "models": "a mapping with the name of each model",
        "inputs": "of each model, the types of its inputs by name",
        "outputs": "of each model, the types of its outputs by name", "parameters": "",
        "training": "the `train` block, or None", "warnings": "", "graph": "",
    },
    "Session": dict.fromkeys(PUBLIC, "") | {
        "parameters": "a mapping from names to NumPy views: `session.parameters[name] = array`",
        "program": "the program", "target": "where it runs", "dtype": "the width of its numbers",
        "threads": "how many at most", "seed": "what all draws follow from",
        "encoding": "what numbers stand for in a table that was trained on, or None",
    },
    "History": {
        "rows": "a dict for each epoch", "names": "", "step": "updates that were made",
        "stopped_early": "whether `patience` ended it", "frame": "", "plot": "",
    },
    "Dataset": {
        "name": "where it comes from", "types": "the fields", "arrays": "by field, `[N, ...]`",
        "held_out": "the part that its source sets apart, or None", "examples": "", "select": "",
    },
    "Ragged": {
        "values": "all elements, one after another", "lengths": "of each sequence", "of": "",
        "of_padded": "", "padded": "", "take": "",
    },
    "CompileError": {"diagnostics": "all that is wrong, a `Diagnostic` each"},
    "Diagnostic": {
        "code": "such as E0301: `gradc explain E0301`", "message": "one sentence",
        "primary": "where: a span with `line` and `column`, and what stands under it",
        "secondary": "other places", "hint": "how to mend it, or None",
        "severity": "error or warning",
    },
    "RunError": {"exit_code": "what the command line ends with"},
    "Classifier": {"fit": "", "predict": "", "predict_proba": ""},
    "Regressor": {"fit": "", "predict": ""},
}  # fmt: skip
ORDER = (
    "compile_file", "compile_source", "Program", "Session", "derive", "History", "Dataset",
    "Ragged", "CompileError", "Diagnostic", "RunError",
)  # fmt: skip


def page() -> str:
    """All of it."""
    gradc, estimators = import_module("gradc"), import_module("gradc.sklearn")
    assert {*ORDER} == {*gradc.__all__}, "every public name stands on the page"
    parts = [HEAD, *(text for name in ORDER for text in entry(name, getattr(gradc, name), "##"))]
    parts += [SKLEARN.strip("\n"), cleandoc(estimators.__doc__ or "").split("\n\n", 1)[1]]
    parts += [t for name in OF_SKLEARN for t in entry(name, getattr(estimators, name), "###")]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def entry(name: str, thing: Any, level: str) -> Iterator[str]:
    """A function, or a class with its methods."""
    yield f"{level} `{name}`"
    if call := called(thing):
        yield f"`{name}{call}`"
    yield said(thing)
    rows = [member_of(thing, member, text) for member, text in MEMBERS.get(name, {}).items()]
    if rows:
        yield "\n".join(rows)


def member_of(thing: type, name: str, text: str) -> str:
    """A line about a member: the text, or what its docstring says."""
    member = inspect.getattr_static(thing, name, None)
    told = text or " ".join((inspect.getdoc(member) or "").split())
    assert told, f"{thing.__name__}.{name} says what it is"
    called_so = called(getattr(thing, name)) if callable(getattr(thing, name, None)) else ""
    return f"- **`{name}{called_so}`**: {told}"


def said(thing: Any) -> str:
    """A docstring as it stands."""
    return cleandoc(inspect.getdoc(thing) or "")


def called(thing: Any) -> str:
    """How something is called: `(path, *, exact=False)`."""
    if is_dataclass(thing):
        return ""  # a record, which users are given and do not make
    try:
        found: Signature = signature(thing)
    except (TypeError, ValueError):
        return ""
    parts: list[str] = []
    starred = False
    shown = [p for p in found.parameters.values() if p.name not in ("self", "cls")]
    for parameter in shown:
        if parameter.kind is Parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred |= parameter.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL)
        parts.append(argument(parameter))
    return f"({', '.join(parts)})"


def argument(parameter: Parameter) -> str:
    """One argument, with its default."""
    named = parameter.kind is Parameter.VAR_KEYWORD
    stars = "**" if named else "*" if parameter.kind is Parameter.VAR_POSITIONAL else ""
    default = "" if parameter.default is Parameter.empty else f"={parameter.default!r}"
    return f"{stars}{parameter.name}{default}"


if __name__ == "__main__":
    print(page(), end="")
