"""Chains on several lines, for the formatter: which stages share a line, and aligned claims."""

from __future__ import annotations

from itertools import pairwise

from compiler.syntax import tree
from compiler.syntax.documents import cat
from compiler.syntax.lines import KEPT, lay_out_lines
from compiler.syntax.unparse import link_doc, links

CLAIM_GAP = 3  # spaces between the longest stage of a chain and the claims beside it
Chain = tree.Pipe | tree.Claim
Row = list[tuple[str, tree.Expr | tree.TypeExpr]]  # the parts on a line, each with its sign


def gaps(chain: Chain) -> list[tuple[int, int]]:
    """The stretches of text between the parts of a chain, where it has a `|>`."""
    parts = links(chain)
    return [(a.span.end, b.span.start) for (_, a), (sign, b) in pairwise(parts) if sign == " |> "]


def split_rows(chain: Chain) -> list[Row]:
    """The lines of the author, or, where the chain stands on one, a line for each stage."""
    text = chain.span.source.text
    broken = any("\n" in text[a:b] for a, b in gaps(chain))
    rows: list[Row] = []
    for sign, part in links(chain):
        gap = text[rows[-1][-1][1].span.end : part.span.start] if rows else ""
        if not rows or (sign == " |> " and ("\n" in gap or not broken)):
            rows.append([])
        rows[-1].append((sign, part))
    return rows


def row_text(row: Row, indent: int, prefix: str) -> tuple[str, str]:
    """The code of a line of a chain, and the claim it ends with."""
    claim = ""
    if len(row) > 1 and row[-1][0] == " : ":
        claim = link_doc(*row[-1]).flat
        row = row[:-1]
    pieces = [piece for sign, part in row for piece in (sign, link_doc(sign, part))]
    if isinstance(pieces[0], str) and pieces[0].startswith(" "):
        pieces[0] = pieces[0][1:]
    doc = cat(prefix, *pieces)
    after = len(claim) + CLAIM_GAP + 2
    if indent + len(doc.flat) + after <= KEPT:
        return doc.flat, claim
    return lay_out_lines(doc, indent, indent, after=after), claim


def align_claims(rows: list[tuple[str, str]]) -> list[str]:
    """The claims of a chain's stages in one column; a claim on its first value stands by itself."""
    widths = [len(code.split("\n")[-1]) for code, claim in rows[1:] if claim]
    column = max(widths, default=0) + CLAIM_GAP
    texts = []
    for at, (code, claim) in enumerate(rows):
        pad = column - len(code.split("\n")[-1]) if at else 1
        texts.append(f"{code}{' ' * pad}: {claim}" if claim else code)
    return texts
