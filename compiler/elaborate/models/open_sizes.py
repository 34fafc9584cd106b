"""Checks the body of a model whose sizes are open, though nothing applies the model.

The body is elaborated for several sizes, among them those that its own errors mention.  If it is
sound for one of them, there is nothing to report.  If it is sound for none, only errors of the body
itself are reported: errors that stand at the same place for all sizes, and have the same text for
two primes once each prime is replaced by its name: `[n, 3] is claimed, this gives [n, 5]`.  Others
may be errors of the sizes that were tried, such as that of a claim `: [784]` behind `flatten`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle

from gradc_compiler.diagnostics.source import Diagnostic, Label
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.models.models import forward, listed
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, LimitExceeded, SpecError
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Defined, Sizes
from gradc_compiler.elaborate.types.sizes import OPEN_TYPE, Type, resolve_named
from gradc_compiler.graph.types import TensorType
from gradc_compiler.syntax.grammar.tree import NameType, Parameter

EASY = (8, 64, 1)  # sizes that most bodies take
PRIMES = ((1009, 1013, 1019, 1021), (1031, 1033, 1039, 1049))  # sizes that nobody writes in a spec
TYPES = {8: TensorType((8,)), 64: TensorType((8, 8)), 1: TensorType()}  # where a type is open
MOST = 8  # sizes that errors speak of
OF_NAMES = "E02"  # codes of errors that no type of an input mends
Place = tuple[str, int]


def check_open(defined: Defined, free: list[str], session: ElaborationContext) -> None:
    """Report what is wrong with a model's body whatever its open sizes are."""
    names = list(dict.fromkeys(free))
    places, sizes = set[Place](), list(EASY)
    for number, size in enumerate(sizes):
        found = problems_of(defined, dict.fromkeys(names, size), session)
        places = {place(d) for d in found if number == 0 or place(d) in places}
        if not places:
            return
        if number == 0:
            sizes += spoken_of(found)
    chosen = [dict(zip(names, cycle(primes), strict=False)) for primes in PRIMES]
    first, second = ([renamed(d, s) for d in problems_of(defined, s, session)] for s in chosen)
    said = {(place(d), d.message) for d in second if place(d) in places}
    codes = OF_NAMES if OPEN_TYPE in names else ""
    for diagnostic in first:
        same = (place(diagnostic), diagnostic.message) in said
        if same and diagnostic.code.startswith(codes):
            session.problems.add(explained(diagnostic, defined, names))


def spoken_of(found: list[Diagnostic]) -> list[int]:
    """The sizes that errors name, which may be those that the body wants."""
    numbers = [int(n) for d in found for n in re.findall(r"\d{1,5}", d.message)]
    return [n for n in dict.fromkeys(numbers) if n not in EASY][:MOST]


def explained(diagnostic: Diagnostic, defined: Defined, free: list[str]) -> Diagnostic:
    """An error, with the remark that it does not depend on the open sizes."""
    definition = defined.definition
    where = definition.inputs[0].span if definition.inputs else definition.name_span
    note = Label(where, f"this leaves open: {listed(free)}; so it is for any")
    return replace(diagnostic, secondary=(*diagnostic.secondary, note))


def place(diagnostic: Diagnostic) -> Place:
    """Which error it is, and where."""
    return diagnostic.code, diagnostic.primary.span.start


def renamed(diagnostic: Diagnostic, sizes: Mapping[str, int]) -> Diagnostic:
    """An error that calls the sizes by their names."""
    names = {str(size): name.removeprefix("..") for name, size in sizes.items()}

    def said(text: str) -> str:
        return re.sub(r"\d[\d,]*\d", lambda m: names.get(m[0].replace(",", ""), m[0]), text)

    return replace(
        diagnostic,
        message=said(diagnostic.message),
        primary=replace(diagnostic.primary, text=said(diagnostic.primary.text)),
        secondary=tuple(replace(label, text=said(label.text)) for label in diagnostic.secondary),
        hint=said(diagnostic.hint) if diagnostic.hint is not None else None,
    )


def problems_of(
    defined: Defined, sizes: Mapping[str, int], session: ElaborationContext
) -> list[Diagnostic]:
    """The errors of a body for some sizes, found in an elaboration of its own."""
    own, name = ElaborationContext(session.unit, session.directory, {}), defined.definition.name
    found = own.problems.found
    scope = own.scope(own.run(), name, defined.unit)
    for size_name, size in sizes.items():
        rest = size_name.startswith("..")
        scope.names[size_name.removeprefix("..")] = Sizes((size, size)) if rest else size
    try:
        own.applied[name] = tuple(tried(p, sizes, scope) for p in defined.definition.inputs)
        forward(defined, own)
    except SpecError as fault:
        return [*found.values(), fault.diagnostic]
    except ErrorAlreadyReported:  # a type of an input has an error, which is found
        pass
    except LimitExceeded as stop:
        return [*found.values(), *([stop.diagnostic] if stop.diagnostic else [])]
    return list(found.values())


def tried(parameter: Parameter, sizes: Mapping[str, int], scope: Scope) -> Type:
    """The type of an input for these sizes."""
    written = parameter.type
    if written is None or (isinstance(written, NameType) and written.name in sizes):
        return TYPES.get(next(iter(sizes.values())), TensorType((3, 5)))
    return resolve_named(parameter.name, written, scope)
