"""Where each place of a resized axis lies on the old axis, and the weights of old places in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.rule import RuleContext
from gradc_runtime.system.errors import DataError

HALF, ASYMMETRIC = "half_pixel", "asymmetric"  # where places lie
MODES = ("nearest", "linear", "cubic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """One axis of `Resize`: `size` places become `count`."""

    size: int
    count: int
    scale: float
    mode: str
    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude: bool = False  # weights of places outside are spread over the others
    antialias: bool = False
    fill: float = 0.0
    bounds: tuple[float, float] = (0.0, 1.0)

    @staticmethod
    def of(
        n: RuleContext, size: int, count: int, scale: float, bounds: tuple[float, float]
    ) -> Scaling:
        """The scaling that the attributes of a node describe.

        Raises `DataError` for unknown attributes.
        """
        mode = n.attr("mode", "nearest")
        old, simple = n.opset < 11, "floor" if scale >= 1 else "ceil"
        if mode not in MODES:
            raise DataError(f"there is no mode `{mode}`")
        return Scaling(
            size=size, count=count, scale=scale, mode=mode, bounds=bounds,
            coordinates=n.attr("coordinate_transformation_mode", ASYMMETRIC if old else HALF),
            rounding=n.attr("nearest_mode", simple if old else "round_prefer_floor"),
            cubic=n.attr("cubic_coeff_a", -0.75), exclude=bool(n.attr("exclude_outside", 0)),
            antialias=bool(n.attr("antialias", 0)), fill=n.attr("extrapolation_value", 0.0),
        )  # fmt: skip

    def is_nothing(self) -> bool:
        """Whether the axis stays as it is."""
        return (
            self.scale == 1 and self.count == self.size and self.coordinates != "tf_crop_and_resize"
        )

    def places(self) -> Any:
        """Where each new place lies on the old axis.

        Raises `DataError` for an unknown rule.
        """
        x: Any = np.arange(self.count, dtype=np.float64)
        exact = self.size * self.scale
        match self.coordinates:
            case "half_pixel":
                return (x + 0.5) / self.scale - 0.5
            case "half_pixel_symmetric":
                middle = self.size / 2 * (1 - self.count / exact)
                return middle + (x + 0.5) / self.scale - 0.5
            case "pytorch_half_pixel":
                return (x + 0.5) / self.scale - 0.5 if self.count > 1 else x * 0 + -0.5
            case "align_corners":
                return x * (self.size - 1) / (exact - 1) if exact != 1 else x * 0
            case "asymmetric":
                return x / self.scale
            case "tf_crop_and_resize":
                return self.cropped(x)
            case other:
                raise DataError(f"there are no coordinates `{other}`")

    def cropped(self, x: Any) -> Any:
        """Places within a region of the old axis."""
        (low, high), most = self.bounds, self.size - 1
        if self.count > 1:
            return low * most + x * (high - low) * most / (self.count - 1)
        return x * 0 + 0.5 * (low + high) * most

    def outside_mask(self) -> Any:
        """Which new places lie outside of the old axis, where that is filled."""
        if self.coordinates != "tf_crop_and_resize":
            return np.zeros(self.count, bool)
        x = self.places()
        return (x < 0) | (x > self.size - 1)

    def outside(self) -> bool:
        """Whether any new place lies outside of the old axis, where that is filled."""
        return bool(self.outside_mask().any())


def nearest_places(how: Scaling) -> list[int]:
    """The old place nearest to each new one.

    Raises `DataError` for an unknown rounding.
    """
    x = how.places()
    roundings: dict[str, Any] = {
        "floor": np.floor, "ceil": np.ceil, "round_prefer_ceil": lambda v: np.floor(v + 0.5),
        "round_prefer_floor": lambda v: np.ceil(v - 0.5),
    }  # fmt: skip
    rounded = roundings.get(how.rounding)
    if rounded is None:
        raise DataError(f"there is no rounding `{how.rounding}`")
    return [int(p) for p in np.clip(rounded(x), 0, how.size - 1)]


def weight_table(how: Scaling) -> np.ndarray:
    """How much of each old place each new one takes: [count, size]."""
    table = np.zeros(bounded([how.count, how.size]))
    if how.mode == "nearest":
        table[np.arange(how.count), nearest_places(how)] = 1
        return table
    wide = min(how.scale, 1.0) if how.antialias else 1.0
    reach = (1 if how.mode == "linear" else 2) / wide
    for k, x in enumerate(how.places()):
        taps = np.arange(int(np.floor(x - reach)), int(np.floor(x + reach)) + 2)
        weights = kernel((taps - x) * wide, how)
        if how.exclude:
            weights = np.where((taps < 0) | (taps >= how.size), 0, weights)
        if how.exclude or how.antialias:
            weights = weights / weights.sum()
        np.add.at(table[k], np.clip(taps, 0, how.size - 1), weights)
    return table


def kernel(d: np.ndarray, how: Scaling) -> Any:
    """The weight of an old place at distance d: a triangle, or Keys' cubic."""
    d = np.abs(d)
    if how.mode == "linear":
        return np.maximum(1 - d, 0)
    a = how.cubic
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))
