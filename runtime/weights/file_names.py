"""What a file calls otherwise than the network: `rename`, from names or prefixes there to here.

A rename that changes nothing is a mistyped one, and what somebody names comes before what merely
has the name: with `{"dense1": "dense2"}` the file's own dense2 is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.weights.module_groups import grouped

Renames = Mapping[str, str]


def new_name(name: str, rename: Renames) -> str | None:
    """The name here of something in the file, where it has another; of prefixes the longest."""
    for old in sorted(rename, key=len, reverse=True):
        if name == old or name.startswith(f"{old}."):
            return rename[old] + name[len(old) :]
    return None


def names_in_file(file: str, names: Iterable[str], rename: Renames) -> dict[str, str]:
    """By its name here, what each tensor is called in the file.

    Raises `CheckpointError` where two are renamed to one.
    """
    found, kept = dict[str, str](), dict[str, str]()
    for name in names:
        new = new_name(name, rename)
        if new is None:
            kept[name] = name
        elif other := found.get(new):
            raise CheckpointError(f"{file}: {other} and {name} are both renamed to {new}")
        else:
            found[new] = name
    return kept | found


def require_known(
    file: str, names: Iterable[str], here: Iterable[str], rename: Renames
) -> None:  # fmt: skip
    """Refuse a rename of what the file does not have, to what the network does not have, or of two
    modules to one layer.

    Raises `CheckpointError`.
    """
    there, own = [*names], [*here]
    modules, layers = dict[str, str](), {*prefixes(own)}
    for old, new in rename.items():
        if old not in (known := {*prefixes(there), *grouped(there)}):
            raise CheckpointError(f"{file} has nothing called {old}{near(old, known)}")
        if new not in layers:
            raise CheckpointError(f"the network has nothing called {new}{near(new, layers)}")
        if (other := modules.setdefault(new, old)) != old and {old, other} <= {*grouped(there)}:
            raise CheckpointError(f"{file}: {other} and {old} are both renamed to {new}")


def near(name: str, known: Iterable[str]) -> str:
    """The tail of a message: a name that was perhaps meant."""
    found = get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def prefixes(names: Iterable[str]) -> Iterable[str]:
    """Names, and everything that they belong to: `f`, `f.dense1`, `f.dense1.W`."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:k]) for k in range(1, len(parts) + 1))
