"""Text to syntax tree: lark's LALR tables, driven so that one run finds every syntax error.

A syntax error pops the parser's stack to the nearest place where a statement or a declaration may
begin, puts an ERROR token there, and goes on at the next line: the panic mode of yacc (Aho, Lam,
Sethi & Ullman, ch. 4.8).  Brackets are already balanced by `newlines`, so a body ends where it
should.  Nothing recurses: the stack of the parser is a list.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Shift

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Source, Span
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.grammar.check_tree import check_tree
from gradc_compiler.syntax.grammar.lalr_tables import grammar
from gradc_compiler.syntax.grammar.tree import File
from gradc_compiler.syntax.lex.lex import scan
from gradc_compiler.syntax.lex.newlines import lay_out
from gradc_compiler.syntax.lex.suppress_cascades import FoundError, at_margin, causes
from gradc_compiler.syntax.parse.parse_context import open_brackets
from gradc_compiler.syntax.parse.pipe_operands import unclear_chains
from gradc_compiler.syntax.parse.syntax_errors import explain_unexpected

MAX_ERRORS = 50
NEVER = (None, None)
STOPS = ("NL", "LBRACE", "RBRACE", "$END")


def parse(source: Source) -> File:
    """The tree of a file, or a CompileError with all that is wrong with its syntax."""
    raw = scan(source)
    if all(token.type in ("NL", "COMMENT", "SEMICOLON", "$END") for token in raw):
        raise CompileError([_nothing_said(source)])
    words, tokens, found, doubtful = lay_out(raw)
    file, unexpected = _drive(tokens) if len(found) < MAX_ERRORS else (None, [])
    doubtful += [(one.place - 1, one.place) for one in found]
    found += [
        one for one in unexpected if not any(start < one.place <= end for start, end in doubtful)
    ]
    problems = causes(found, words)
    if not problems:
        assert file is not None, "a file without errors has a tree"
        problems = check_tree(file)
        if all(problem.code != "E0107" for problem in problems):
            problems += unclear_chains(file)
        problems.sort(key=lambda problem: problem.primary.span.start)
    if problems:
        raise CompileError(problems[:MAX_ERRORS])
    assert file is not None
    return _trim(file)


def _drive(tokens: list[Lexeme]) -> tuple[File | None, list[FoundError]]:
    """Feed the tokens to the LALR engine, and go on after each error."""
    machine: Any = grammar().parse_interactive()
    found: list[FoundError] = []
    at, last_error, file = 0, -1, None
    while at < len(tokens):
        try:
            file = machine.feed_token(tokens[at])
            at += 1
        except UnexpectedToken:
            if at == last_error:  # nothing was gained by recovering here: pass over this token
                at += 1
                continue
            last_error = at
            outside = "KIND" in machine.accepts() and not at_margin(tokens[at])
            diagnostic = explain_unexpected(tokens, at, machine.accepts)
            found.append(FoundError.of_grammar(diagnostic, outside=outside))
            if len(found) >= MAX_ERRORS:
                break
            at = _recover(machine, tokens, at)
    return file, found


def _recover(machine: Any, tokens: list[Lexeme], at: int) -> int:
    """Pop to where a statement or declaration may begin; the index where the parser goes on."""
    if at and tokens[at - 1].type == "RBRACE":  # let the block that ended be reduced
        machine.feed_token(Lexeme("NL", "", tokens[at].span))
    state = machine.parser_state
    table = state.parse_conf.states
    while table[state.state_stack[-1]].get("ERROR", NEVER)[0] is not Shift:
        state.state_stack.pop()
        state.value_stack.pop()
    machine.feed_token(Lexeme("ERROR", "", tokens[at].span))
    depth = open_brackets(tokens, at)
    while tokens[at].type not in STOPS or (depth > 0 and tokens[at].type == "NL"):
        depth += (tokens[at].type in ("LPAR", "LSQB")) - (tokens[at].type in ("RPAR", "RSQB"))
        at += 1
    return at


def _trim(file: File) -> File:
    """The file from its first declaration to its last."""
    first, last = file.declarations[0].span, file.declarations[-1].span
    return replace(file, span=Span(source=first.source, start=first.start, end=last.end))


def _nothing_said(source: Source) -> Diagnostic:
    return Diagnostic(
        code="E0109",
        message="this file declares nothing",
        primary=Label(Span(source=source, start=0, end=0)),
        hint="begin with a model: `model line(x : scalar) -> scalar { param w = 0; w * x }`",
    )
