"""Names in a spec for ONNX names such as `/layer1/0/conv1/Conv_output_0`."""

from __future__ import annotations

import re
from collections.abc import Collection

GENERATED = re.compile(r"^(onnx::|val_|_?/?[Cc]onstant|c_lifted|_to_copy|scalar|\d|t_\d|_val)")
TABLE = re.compile(r"^(_?/?[Cc]onstant|c_lifted|scalar)")
LONGEST = 40


def is_generated(name: str) -> bool:
    """Whether an exporter made a name up, as for a number that is no parameter."""
    return bool(GENERATED.match(name)) or "Constant" in name


def is_table_name(name: str) -> bool:
    """Whether an exporter calls a tensor a constant: a mask, say, which nothing trains."""
    return bool(TABLE.match(name))


def cleaned(name: str) -> str:
    """The words of a name, without what exporters put around them."""
    name = re.sub(r"_output_\d+$", "", name.removeprefix("onnx::"))
    words = [w for w in re.split(r"[^A-Za-z0-9]+", name) if w]
    kept = [w for k, w in enumerate(words) if k == 0 or w != words[k - 1]]
    text = "_".join(kept)[-LONGEST:].strip("_").lower()
    return text if text and text[0].isalpha() else f"v{text}"


class SpecNames:
    """The names of a spec: each is given once, and none is a word of the language.

    Where the language's words are not known, every name ends in a number, as no such word does.
    """

    def __init__(self, taken: Collection[str] | None = None) -> None:
        self.given, self.numbered = {*(taken or ())}, taken is None

    def fresh(self, wanted: str) -> str:
        """An unused name that is close to the wanted one."""
        base = cleaned(wanted)
        found, count = f"{base}_1" if self.numbered else base, 1
        while found in self.given:
            count += 1
            found = f"{base}_{count}"
        self.given.add(found)
        return found
