"""One page from the network."""

from __future__ import annotations

import http.client
import urllib.request

TIMEOUT = 20.0  # seconds without an answer


def download(url: str, most: int) -> bytes:
    """The body of a page of at most so many bytes; `OSError` or `ValueError` if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            body: bytes = answer.read(most + 1)
    except http.client.HTTPException as fault:
        raise ValueError(str(fault)) from fault
    if len(body) > most:
        raise ValueError("the answer is too long")
    return body
