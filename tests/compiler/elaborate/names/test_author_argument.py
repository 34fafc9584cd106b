"""What fails inside the prelude is told at the author's argument that it comes from."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.pipeline import compile_source

MOVED = ["conv(4, 3x3, {})", "conv_transpose(4, 3x3, {})"]
WINDOWS = [*MOVED, "max_pool(2x2, {})", "avg_pool(2x2, {})"]


def told_at(chain: str) -> tuple[str, str]:
    """The text that an error of a chain points at, and what stands there."""
    text = f"model f(x : [8, 8, 2]) {{\n    x |> {chain}\n}}\n"
    with pytest.raises(CompileError) as caught:
        compile_source(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.primary.span.source.name == "spec.nn"
    return diagnostic.primary.span.text, diagnostic.primary.text


@pytest.mark.parametrize("layer", WINDOWS)
@pytest.mark.parametrize(
    "setting", ["stride = 0", "stride = (1, 0)", "pad = -2", "pad = (1, 2, 3)", "pad = (1, -1)"]
)
def test_a_setting_of_a_window_is_shown(layer: str, setting: str) -> None:
    assert told_at(layer.format(setting)) == (setting, "given here")


@pytest.mark.parametrize("layer", MOVED)
def test_so_is_one_that_only_some_have(layer: str) -> None:
    assert told_at(layer.format("dilation = 0"))[0] == "dilation = 0"


@pytest.mark.parametrize(
    ("chain", "shown"),
    [
        ("conv(4, 3x3, groups = 3)", "groups = 3"),
        ("conv(4, 3x3, 1, same, 1, 3)", "3"),
        ("conv_transpose(4, 3x3, extra = -1)", "extra = -1"),
        ("max_pool(2x2, pad = 3)", "pad = 3"),
        ("conv(4, 9x9, pad = valid)", "9x9"),  # by way of kh, which the type binds
        ("rows |> multi_head_attention(5)", "5"),  # by way of another definition
    ],
)
def test_the_way_back_goes_through_names(chain: str, shown: str) -> None:
    assert told_at(chain)[0] == shown


def test_where_two_arguments_meet_it_is_the_call() -> None:
    """The window reaches over 17: by its size, and as far as it is spread."""
    call = "conv(4, 5x5, pad = valid, dilation = 4)"
    assert told_at(call) == (call, "used here")


def test_a_default_comes_from_the_setting_that_it_names() -> None:
    """The stride of a pool is its window."""
    text = "model f(x : [3, 3, 2]) {\n    x |> max_pool(4x4)\n}\n"
    with pytest.raises(CompileError) as caught:
        compile_source(text)
    assert caught.value.diagnostics[0].primary.span.text == "4x4"


def test_the_authors_own_layers_are_shown_as_they_are() -> None:
    text = (
        "layer mine(n : size)(x : [h, w, c]) { x |> conv(4, 3x3, stride = n) }\n"
        "model f(x : [8, 8, 2]) { x |> mine(0) }\n"
    )
    with pytest.raises(CompileError) as caught:
        compile_source(text)
    primary = caught.value.diagnostics[0].primary
    assert primary.span.text == "stride = n"
