"""Damage to bytes and texts, drawn from a seed, so that every input can be made again."""

from __future__ import annotations

import re
from random import Random

WORDS = (0, 1, 2, 3, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1,
         2**63, 2**64 - 1)  # fmt: skip
TOKENS = (
    "0", "1", "-1", "2", "1.5", "1e999", "-1e999", "nan", "inf", "9" * 30, "9" * 5000, "1e-400",
    "true", "null", "None", "True", "[]", "{}", "[[", "]]", "()", "(0,)", "''", '""', '"', ",",
    ":", "0x1", "\n", "\0", "\ufeff", "\ud7ff", "\u202e", "x", "k", "xs", "epoch", "step",
    "__import__('os')", "\\u0000",
)  # fmt: skip
PIECE = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|\s+|.", re.DOTALL)


def of_bytes(draw: Random, data: bytes, most: int = 4) -> bytes:
    """Some bytes of a file changed, put in, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(draw.randint(0, most)):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                size = draw.choice([1, 2, 4, 8])
                order = draw.choice(["little", "big"])
                word = draw.choice(WORDS) % 256**size
                changed[at : at + size] = word.to_bytes(size, order)  # type: ignore[arg-type]
            case 2:
                del changed[at : at + draw.randint(1, 16)]
            case 3:
                changed[at:at] = draw.randbytes(draw.randint(1, 8))
            case 4:
                changed[at:at] = changed[at : at + draw.randint(1, 64)]
            case _:
                if draw.random() < 0.3:
                    del changed[at:]
    return bytes(changed)


def of_text(draw: Random, text: str, tokens: tuple[str, ...] = TOKENS, most: int = 4) -> str:
    """Some words of a text exchanged, put in, doubled, taken out or moved."""
    pieces = PIECE.findall(text)
    for _ in range(draw.randint(0, most)):
        at = draw.randrange(len(pieces) + 1)
        match draw.randrange(5):
            case 0:
                pieces[at : at + 1] = [draw.choice(tokens)]
            case 1:
                pieces[at:at] = [draw.choice(tokens)]
            case 2:
                del pieces[at : at + draw.randint(1, 6)]
            case 3:
                pieces[at:at] = pieces[at : at + draw.randint(1, 20)]
            case _:
                moved = draw.randrange(len(pieces) + 1)
                pieces[at:at] = pieces[moved : moved + draw.randint(1, 6)]
    return "".join(pieces)
