"""Names of a spec as C identifiers."""

from __future__ import annotations

import pytest

from gradc_compiler.c.c_names import CNames, c_name, c_prefix, comment


@pytest.mark.parametrize("name", ["int", "class", "restrict", "sin", "sinf", "main", "errno", "I",
                                  "size_t", "int32_t", "EOF", "INT_MAX", "y1", "_x", "a__b", "1a",
                                  "typeof", "nullptr", "é", "'", ""])  # fmt: skip
def test_what_c_keeps_to_itself_gets_another_name(name: str) -> None:
    found = c_name(name)
    assert found != name and found.isidentifier() and found.isascii() and "__" not in found


@pytest.mark.parametrize("name", ["image", "x", "W", "conv1_W", "loss"])
def test_other_names_stay(name: str) -> None:
    assert c_name(name) == name


def test_every_thing_has_a_name_of_its_own() -> None:
    names = CNames(["n"])
    found = [names.take(text) for text in ("n", "n", "n_2", "int", "int", "int_of_spec", "a'", "a")]
    assert len(set(found)) == len(found) and "n" not in found


def test_a_comment_ends_where_it_should() -> None:
    for text in ("a */ system(); /*", "line \\", "??/", "two\nlines", "é"):
        found = comment(text)
        assert "*/" not in found and "\n" not in found and not found.endswith("\\")
        assert "??" not in found and found.isascii()


@pytest.mark.parametrize("name", ["math", "string", "stdint", "features", "c", "m", "va"])
def test_no_file_is_taken_for_one_of_the_c_library(name: str) -> None:
    """`#include <math.h>` finds math.h in a folder of the caller's, and -lm libm.so."""
    assert c_name(name) == name and c_prefix(name) == f"{name}_of_spec"
