"""The real sizes, written once for all peers: each network over the operations of a framework.

A framework's `Operations` take parameters in the order of the spec, each where it is used first;
here they are noted alone, which gives the shapes.  An image is [rows, columns, channels], a sound
[steps, channels]; a framework lays them out as it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

Shape = tuple[int, ...]


class Operations(Protocol):
    """What a network is made of."""

    def take(self, *shape: int, gain: bool = False, parts: int = 1) -> Any:
        """The next parameter; of `parts`, one below the other.  A gain is near 1."""

    def function(self, name: str, x: Any) -> Any:
        """relu, gelu, silu, tanh or sigmoid."""

    def linear(self, W: Any, b: Any, x: Any) -> Any:
        """W x + b along the last axis; b may be None."""

    def rows(self, W: Any, x: Any) -> Any:
        """The rows of W that tokens name."""

    def convolve(self, W: Any, b: Any, x: Any, stride: int) -> Any:
        """Of an image, with so many zeros around it that only the stride makes it smaller."""

    def taps(self, W: Any, b: Any, x: Any, apart: int) -> Any:
        """Of a sound: taps `apart` steps from each other, the last on the step itself."""

    def linear_steps(self, W: Any, b: Any, x: Any) -> Any:
        """W x + b of each step of a sound."""

    def batch_norm(self, g: Any, b: Any, x: Any) -> Any:
        """Of each channel of images."""

    def layer_norm(self, g: Any, b: Any, x: Any) -> Any:
        """Along the last axis."""

    def group_norm(self, g: Any, b: Any, x: Any) -> Any:
        """Of 8 groups of channels of each image."""

    def attention(self, qkv: Any, heads: int, causal: bool) -> Any:
        """Of queries, keys and values that stand side by side."""

    def join(self, x: Any, y: Any) -> Any:
        """Channels of two images side by side."""

    def halves(self, x: Any) -> tuple[Any, Any]:
        """Of the channels of a sound."""

    def pixels(self, x: Any) -> Any:
        """An image as rows of its channels."""

    def image(self, x: Any, like: Any) -> Any:
        """Rows as an image of that size."""

    def everywhere(self, e: Any) -> Any:
        """A vector of each example as an image that is the same at every pixel."""

    def twice(self, x: Any) -> Any:
        """Every pixel as four."""

    def mean(self, x: Any) -> Any:
        """Of all pixels."""

    def waves(self, t: Any) -> Any:
        """A time as 32 sines and 32 cosines."""

    def sound(self, x: Any) -> Any:
        """Steps of channels as a sound."""

    def steps(self, x: Any) -> Any:
        """And back."""


def dense(o: Operations, x: Any, inputs: int, units: int) -> Any:
    return o.linear(o.take(units, inputs), o.take(units), x)


def conv(o: Operations, x: Any, c: int, n: int, size: int = 3, stride: int = 1) -> Any:
    return o.convolve(o.take(n, size, size, c), o.take(n), x, stride)


def gains(o: Operations, n: int) -> tuple[Any, Any]:
    """What a normalisation ends in."""
    return o.take(n, gain=True), o.take(n)


def resnet18(o: Operations, x: Any) -> Any:
    """He et al., 2016, for images of 32x32 pixels."""

    def filters(x: Any, c: int, n: int, size: int = 3, stride: int = 1) -> Any:
        y = o.convolve(o.take(n, size, size, c), None, x, stride)
        return o.batch_norm(*gains(o, n), y)

    def basic(x: Any, c: int, n: int, stride: int) -> Any:
        main = filters(o.function("relu", filters(x, c, n, 3, stride)), n, n)
        side = x if stride == 1 and n == c else filters(x, c, n, 1, stride)
        return o.function("relu", main + side)

    x, c = o.function("relu", filters(x, 3, 64)), 64
    for n in (64, 128, 256, 512):
        x = basic(basic(x, c, n, 1 if n == c else 2), n, n, 1)
        c = n
    return dense(o, o.mean(x), 512, 10)


def heads_of(o: Operations, x: Any, d: int, heads: int, causal: bool) -> Any:
    """An attention, whose three projections are one product."""
    seen = o.attention(o.linear(o.take(d, d, parts=3), None, x), heads, causal)
    return o.linear(o.take(d, d), None, seen)


def gpt(length: int, width: int, blocks: int, heads: int) -> Callable[[Operations, Any], Any]:
    """Blocks of attention and two dense layers, on 96 kinds of tokens."""

    def block(o: Operations, x: Any) -> Any:
        x = x + heads_of(o, o.layer_norm(*gains(o, width), x), width, heads, True)
        y = dense(o, o.layer_norm(*gains(o, width), x), width, 4 * width)
        return x + dense(o, o.function("gelu", y), 4 * width, width)

    def forward(o: Operations, x: Any) -> Any:
        positions = o.take(length, width)
        x = o.rows(o.take(96, width), x) + positions
        for _ in range(blocks):
            x = block(o, x)
        return dense(o, o.layer_norm(*gains(o, width), x), width, 96)

    return forward


def wavenet(o: Operations, x: Any) -> Any:
    """van den Oord et al., 2016: two stacks of eight gated layers, on 256 kinds of tokens."""
    x, seen = o.sound(o.rows(o.take(256, 64), x)), 0.0
    for k in range(16):
        a, b = o.halves(o.taps(o.take(128, 2, 64), o.take(128), x, 2 ** (k % 8)))
        z = o.function("tanh", a) * o.function("sigmoid", b)
        x = x + o.linear_steps(o.take(64, 64), o.take(64), z)
        seen = o.linear_steps(o.take(128, 64), o.take(128), z) + seen
    y = o.linear_steps(o.take(128, 128), o.take(128), o.function("relu", seen))
    return dense(o, o.steps(o.function("relu", y)), 128, 256)


def ddpm(o: Operations, given: Any) -> Any:
    """Ho, Jain & Abbeel, 2020, with one block on each of three levels."""

    def filters(x: Any, c: int, n: int) -> Any:
        return conv(o, o.function("silu", o.group_norm(*gains(o, c), x)), c, n)

    def block(x: Any, e: Any, c: int, n: int) -> Any:
        y = filters(x, c, n) + o.everywhere(dense(o, o.function("silu", e), 256, n))
        return filters(y, n, n) + (x if c == n else conv(o, x, c, n, 1))

    def attend(x: Any, c: int) -> Any:
        rows = o.pixels(o.group_norm(*gains(o, c), x))
        return x + o.image(heads_of(o, rows, c, 1, False), x)

    x, t = given
    e = dense(o, o.function("silu", dense(o, o.waves(t), 64, 256)), 256, 256)
    a = block(conv(o, x, 3, 64), e, 64, 64)
    b = block(conv(o, a, 64, 64, stride=2), e, 64, 128)
    c = attend(block(conv(o, b, 128, 128, stride=2), e, 128, 128), 128)
    d = block(c, e, 128, 128)
    f = block(o.join(d, c), e, 256, 128)
    g = block(o.join(conv(o, o.twice(f), 128, 128), b), e, 256, 128)
    h = block(o.join(conv(o, o.twice(g), 128, 128), a), e, 192, 64)
    return filters(h, 64, 3)


NETWORKS: dict[str, Callable[[Any, Any], Any]] = {
    "resnet18": resnet18,
    "gpt": gpt(128, 384, 6, 6),
    "gpt512": gpt(512, 256, 2, 4),
    "wavenet": wavenet,
    "ddpm": ddpm,
}


@dataclass(frozen=True)
class Taken:
    """Parameters of one shape that a network uses as one, one below the other."""

    shape: Shape
    gain: bool
    parts: int


class Noted:
    """Any value, while shapes are noted."""

    def __add__(self, other: Any) -> Noted:
        return self

    __mul__ = __add__


class Notes:
    """`Operations` that compute nothing and note which parameters are taken."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []

    def take(self, *shape: int, gain: bool = False, parts: int = 1) -> Noted:
        self.taken.append(Taken(shape, gain, parts))
        return Noted()

    def halves(self, x: Any) -> tuple[Noted, Noted]:
        return Noted(), Noted()

    def __getattr__(self, name: str) -> Callable[..., Noted]:
        return lambda *_: Noted()


@cache
def taken_by(name: str) -> list[Taken]:
    """The parameters of a network in order."""
    notes = Notes()
    NETWORKS[name](notes, (Noted(), Noted()))
    return notes.taken
