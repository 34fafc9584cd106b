"""Layer values: what a definition is once its settings are given, or without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.layers.arguments import bind_arguments
from gradc_compiler.elaborate.layers.signature import match_settings
from gradc_compiler.elaborate.names.author_argument import Entered
from gradc_compiler.elaborate.names.paths import made_at
from gradc_compiler.elaborate.names.scope import Scope, check_parts
from gradc_compiler.elaborate.names.values import Defined, Layer, StaticValue
from gradc_compiler.syntax.grammar.tree import Definition

Named = Mapping[str, StaticValue]


def with_settings(
    defined: Defined, arguments: Sequence[StaticValue], named: Named, span: Span, scope: Scope
) -> Layer:
    """The layer value that a definition and its settings make."""
    definition = defined.definition
    chain = (*scope.chain,)
    bound = bind_arguments(definition, definition.settings, arguments, named, span, scope)
    made = made_at(span, scope.path)
    path = scope.path.within(span)
    inner = Scope(scope.run, defined.unit, path, site=scope.site, chain=chain)
    if defined.unit.is_prelude and inner.site is None:
        inner.site = span
    if inner.site is not None:
        inner.entered = Entered(definition, span, None, scope.entered)
    match_settings(definition, bound, inner, span, scope)
    check_parts(list(bound.values()), span, scope)
    return Layer(defined, _own(definition, inner), span, chain, made)


def _own(definition: Definition, inner: Scope) -> dict[str, StaticValue]:
    """What the settings bind: without the constants of the file, which its body sees anyway."""
    constants, names = inner.unit.constants, {setting.name for setting in definition.settings}
    return {n: v for n, v in inner.names.items() if n in names or n not in constants}


def without_settings(defined: Defined, span: Span, scope: Scope) -> Layer:
    """The layer value that a definition makes by itself."""
    return with_settings(defined, [], {}, span, scope)


def bare_layer(defined: Defined, span: Span, scope: Scope) -> Layer:
    """The layer that a name is without settings: one for each place where it is written."""
    if defined.plain is None:
        return without_settings(defined, span, scope)
    if defined.bare is None:
        defined.bare = defined.plain(defined, span)
        defined.bare.name = defined.name
        defined.bare.made = defined.made or defined.bare.made
    return defined.bare
