"""Train the specs and draw the figures: `python specs/gallery/make.py` (needs matplotlib).

Names rebuild some of them: `python specs/gallery/make.py curve vae`.  A figure is a function that
trains the spec it shows, from seed 0, and saves `NAME.png` beside this file.
"""

from __future__ import annotations

import sys

import adversarial  # noqa: F401  (files its figures)
import autoencoders  # noqa: F401
import beyond  # noqa: F401
import feedforward  # noqa: F401
import recurrent  # noqa: F401
import sequences  # noqa: F401
from drawing import FIGURES


def main(names: list[str]) -> None:
    """Draw the named figures, or all."""
    if unknown := [name for name in names if name not in FIGURES]:
        sys.exit(f"no figure is called {unknown[0]}; there are {', '.join(FIGURES)}")
    for name in names or FIGURES:
        FIGURES[name]()
        print(f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
