"""Chains on several lines, for the formatter: which stages share a line, and aligned claims."""

from __future__ import annotations

from itertools import pairwise

from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.doc import cat
from gradc_compiler.syntax.grammar.unparse import Link, links
from gradc_compiler.syntax.pretty.fill import KEPT, lay_out_lines

CLAIM_GAP = 3  # spaces between the longest stage of a chain and the claims beside it
Chain = tree.Pipe | tree.Claim
Row = list[Link]  # the parts on a line


def gaps(chain: Chain) -> list[tuple[int, int]]:
    """The stretches of text between the parts of a chain, where it has a `|>`."""
    parts = links(chain)
    pairs = [(a.part.span, b.part.span) for a, b in pairwise(parts) if b.sign == " |> "]
    return [(a.end, b.start) for a, b in pairs]


def split_rows(chain: Chain) -> list[Row]:
    """The lines of the author, or, where the chain stands on one, a line for each stage."""
    text = chain.span.source.text
    broken = any("\n" in text[a:b] for a, b in gaps(chain))
    rows: list[Row] = []
    for link in links(chain):
        gap = text[rows[-1][-1].part.span.end : link.part.span.start] if rows else ""
        if not rows or (link.sign == " |> " and ("\n" in gap or not broken)):
            rows.append([])
        rows[-1].append(link)
    return rows


def row_text(row: Row, indent: int, prefix: str) -> tuple[str, str]:
    """The code of a line of a chain, and the claim it ends with."""
    claim = ""
    if len(row) > 1 and row[-1].sign == " : ":
        claim = row[-1].doc().flat
        row = row[:-1]
    pieces = [piece for link in row for piece in (link.sign, link.doc())]
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
