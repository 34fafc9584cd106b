"""A constant of the file that stands where a contraction has its indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Label
from gradc_compiler.elaborate import Module
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import (
    Assign,
    ContractExpr,
    Definition,
    Index,
    Let,
    Name,
    Tree,
)
from gradc_compiler.warnings.step_view import FoundWarning


def constant_indices(module: Module) -> Iterator[FoundWarning]:
    """`let i = 2` and `contract(k : W[k, i] * x[i])`: column 2, where a sum over i may be meant.

    Only names that look like indices are told: those of one letter, and those that stand alone in
    several places.
    """
    constants = {let.name: let for let in module.unit.lets()}
    for declaration in module.unit.declarations if constants else ():
        own = set(_given(declaration))
        known = {name: let for name, let in constants.items() if name not in own}
        for tree in _all(declaration):
            if isinstance(tree, ContractExpr):
                yield from _within(tree, known)


def _within(tree: ContractExpr, constants: dict[str, Let]) -> Iterator[FoundWarning]:
    axes = {name.name for axis in tree.axes for name in _all(axis) if isinstance(name, Name)}
    alone = [place for factor in tree.factors for place in _places(factor)]
    often = Counter(place.name for place in alone)
    told = set[str]()
    for place in alone:
        name, let = place.name, constants.get(place.name)
        if let is None or name in axes | told or (len(name) > 1 and often[name] < 2):
            continue
        told.add(name)
        yield FoundWarning(
            span=place.span,
            message=f"`{name}` is a constant here, so this reads one place and sums over none",
            secondary=(Label(let.name_span, "the constant"),),
            hint="give the index another letter, or the constant a longer name",
        )


def _places(factor: Index) -> Iterator[Name]:
    """The places of a factor that are a name alone."""
    yield from (place for place in factor.indices if isinstance(place, Name))


def _given(declaration: Tree) -> Iterator[str]:
    """The names that a body binds itself."""
    if isinstance(declaration, Definition):
        yield from (one.name for one in (*declaration.settings, *declaration.inputs))
    for tree in _all(declaration):
        if isinstance(tree, Assign):
            yield from (target.name for target in tree.targets)


def _all(tree: Tree) -> Iterator[Tree]:
    pending = [tree]
    for part in pending:
        yield part
        pending += children(part)
