"""Statements and signatures as documents, for the formatter."""

from __future__ import annotations

from typing import assert_never

from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.doc import Doc, cat, group, listing
from gradc_compiler.syntax.grammar.unparse import (
    CHOICE,
    POSTFIX,
    expression,
    reported_doc,
    type_doc,
)


def statement_doc(node: tree.Statement) -> Doc:
    """A statement; of a step only what stands before its body."""
    match node:
        case tree.Param(name=name, type=type_, drawn=drawn, initial=initial):
            sign = " ~ " if drawn else " = "
            return cat(f"param {name}", *_typed(type_), sign, expression(initial))
        case tree.Noise(name=name, type=type_, distribution=distribution):
            return cat(f"noise {name}", *_typed(type_), " ~ ", expression(distribution))
        case tree.States(entries=entries):
            states = [cat(e.name, *_typed(e.type), " = ", expression(e.initial)) for e in entries]
            return cat("state ", listing(states))
        case tree.Assign(targets=targets, value=value):
            return cat(", ".join([target.name for target in targets]), " = ", expression(value))
        case tree.Update(target=target, value=value):
            return cat(f"{target.name}' = ", expression(value))
        case tree.ResultStmt(value=value):
            return cat(expression(value))
        case _:
            return _clause_doc(node)


def _clause_doc(node: tree.Clause) -> Doc:
    """A clause of a train block or of a step."""
    match node:
        case tree.Minimize(value=value):
            return cat("minimize ", expression(value))
        case tree.Descend(pairs=pairs):
            return cat("descend ", listing([_descent(pair) for pair in pairs]))
        case tree.Over(targets=parts):
            return cat("over ", listing([expression(part, POSTFIX) for part in parts]))
        case tree.Setting():
            return _setting(node)
        case tree.Using(items=items):
            used = [_setting(i) if isinstance(i, tree.Setting) else expression(i) for i in items]
            return cat("using ", listing(used))
        case tree.Report(items=arguments):
            return cat("report ", listing([reported_doc(item) for item in arguments]))
        case tree.Step(name=name):
            return cat(f"step {name}")
        case _:
            assert_never(node)


def _descent(pair: tree.Along) -> Doc:
    """A parameter and the direction that it moves along."""
    direction = expression(pair.direction, CHOICE)
    return cat(expression(pair.parameter, POSTFIX), " along ", direction)


def header_doc(node: tree.Declaration) -> Doc:
    """A declaration without its body."""
    match node:
        case tree.Definition(kind=kind, name=name, result=result):
            to = [" -> ", type_doc(result)] if result else []
            return cat(f"{kind} {name}", *_lists(node), *to)
        case tree.Derivative(name=name, inputs=inputs, tangents=tangents, reason=reason):
            told = [f' because "{reason}"'] if reason is not None else []
            return cat(f"derivative {name}", _parameters(inputs), _parameters(tangents), *told)
        case tree.Import(path=path, names=None):
            return cat(f'import "{path}"')
        case tree.Import(path=path, names=names):
            return cat(
                "import ", listing([cat(name.name) for name in names or ()]), f' from "{path}"'
            )
        case tree.Data(name=name, fields=fields, source=source):
            return cat(f"data {name}", _parameters(fields), " = ", expression(source))
        case tree.Train(data=data):
            return cat(f"train on {data.name}")
        case tree.Let(name=name, value=value):
            return cat(f"let {name} = ", expression(value, CHOICE))
        case _:
            assert_never(node)


def _lists(node: tree.Definition) -> list[Doc]:
    """The lists of a signature: none of them can be left out where a second one follows."""
    if node.kind == "initializer":
        lists = [node.settings] if node.settings or node.inputs else []
        return [_parameters(items) for items in [*lists, *([node.inputs] if node.inputs else [])]]
    lists = [node.settings, node.inputs] if node.settings else [node.inputs]
    return [_parameters(items) for items in lists]


def _parameters(parameters: tuple[tree.Parameter, ...]) -> Doc:
    return group("(", [_parameter(parameter) for parameter in parameters], ")")


def _parameter(node: tree.Parameter) -> Doc:
    default = [" = ", expression(node.default)] if node.default else []
    return cat(node.name, *_typed(node.type), *default)


def _typed(type_: tree.TypeExpr | None) -> list[Doc | str]:
    return [" : ", type_doc(type_)] if type_ else []


def _setting(node: tree.Setting) -> Doc:
    on = "on " if node.name == "validate" else ""
    return cat(f"{node.name} {on}", expression(node.value, CHOICE))


def tail(node: tree.Statement) -> tree.Expr | None:
    """The expression that a statement ends with."""
    match node:
        case tree.Param(initial=value) | tree.Noise(distribution=value):
            return value
        case (
            tree.Assign(value=value)
            | tree.Update(value=value)
            | tree.ResultStmt(value=value)
            | tree.Minimize(value=value)
        ):
            return value
    return None
