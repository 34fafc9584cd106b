"""Windows over images: what `Conv` and pooling say of pads, strides and dilations, in any rank."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.rule import RuleContext
from gradc_runtime.system.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window along one axis: n positions in, `count` places out."""

    size: int  # positions of the image
    reach: int  # taps
    stride: int
    dilation: int
    before: int  # zeros in front
    after: int
    count: int  # places


def windows_of(n: RuleContext, sizes: Sequence[int], kernel: Sequence[int]) -> list[Window]:
    """The windows of a node.

    Raises `DataError` where one does not fit.
    """
    rank = len(sizes)
    if len(kernel) != rank or rank < 1:
        raise DataError(f"a window of {len(kernel)} axes over {rank}")
    strides = n.attr("strides", [1] * rank)
    dilations = n.attr("dilations", [1] * rank)
    pads = n.attr("pads", [0] * (2 * rank))
    if (
        any(len(x) != r for x, r in ((strides, rank), (dilations, rank), (pads, 2 * rank)))
        or min([*strides, *dilations, *kernel]) < 1
    ):
        raise DataError("strides, dilations or pads of another rank")
    auto, ceil = n.attr("auto_pad", "NOTSET"), bool(n.attr("ceil_mode", 0))
    return [
        window(sizes[k], kernel[k], strides[k], dilations[k], (pads[k], pads[rank + k]), auto, ceil)
        for k in range(rank)
    ]


def window(
    size: int, reach: int, stride: int, dilation: int, pads: tuple[int, int], auto: str, ceil: bool
) -> Window:
    """The window along one axis, of `reach` taps that are `dilation` apart.

    Raises `DataError` where it does not fit.
    """
    span = (reach - 1) * dilation + 1
    before, after = padding(size, span, stride, pads, auto)
    room = size + before + after - span
    count = (-(-room // stride) if ceil and auto == "NOTSET" else room // stride) + 1
    if ceil and auto == "NOTSET" and (count - 1) * stride >= size + before:
        count -= 1  # a window that begins in the padding behind is none
    if room < 0 or count < 1:
        raise DataError(f"a window over {span} does not fit into {size + before + after}")
    after = max(after, (count - 1) * stride + span - size - before)
    return Window(
        size=size, reach=reach, stride=stride, dilation=dilation, before=before, after=after,
        count=count,
    )  # fmt: skip


def padding(size: int, span: int, stride: int, pads: tuple[int, int], auto: str) -> tuple[int, int]:
    """The zeros in front of an axis and behind it, as `auto_pad` says; else as `pads` does."""
    if auto == "VALID":
        return 0, 0
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        return pads
    count = -(-size // stride)
    around = max((count - 1) * stride + span - size, 0)
    before = around // 2 if auto == "SAME_UPPER" else around - around // 2
    return before, around - before


def position(w: Window, place: str, tap: str) -> str:
    """Where tap `tap` of the window at `place` reads: `2*y + i - 1`."""
    move = place if w.stride == 1 else f"{w.stride}*{place}"
    step = tap if w.dilation == 1 else f"{w.dilation}*{tap}"
    return f"{move} + {step}" + (
        f" - {w.before}" if w.before > 0 else f" + {-w.before}" if w.before else ""
    )


def pair_text(first: int, second: int) -> str:
    """`2`, or `2x1`."""
    return str(first) if first == second else f"{first}x{second}"


def pad_text(windows: Sequence[Window]) -> str:
    """The setting `pad` of the prelude's layers for two axes."""
    y, x = windows
    four = (y.before, y.after, x.before, x.after)
    if four == (0, 0, 0, 0):
        return "valid"
    if len(set(four)) == 1:
        return str(y.before)
    if y.before == y.after and x.before == x.after:
        return f"({y.before}, {x.before})"
    return f"({', '.join(map(str, four))})"
