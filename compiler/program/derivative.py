"""A derivative that is asked for beside those that a spec writes: by whom, of what, by what."""

from __future__ import annotations

from enum import StrEnum

from gradc_compiler.records.fast_dataclass import dataclass


class Mode(StrEnum):
    """How a derivative is taken."""

    ALONG = "jvp"  # of every output, along a direction of what moves
    SECOND_ALONG = "hvp"  # of the gradient of a scalar, along a direction
    ALL = "jacobian"  # of every output, by every number of what moves
    ALL_SECOND = "hessian"  # of a scalar, by every two numbers
    EACH = "example gradients"  # of each example's own loss


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDerivative:
    """Of a model's outputs, or (None) of the loss of a step in training, by inputs and parameters.

    A direction is read as the input, or persistent, `tangent/NAME`.  The entry gives derivatives as
    `tangent/OUTPUT` (ALONG), `OUTPUT by NAME` (ALL), `NAME` (SECOND_ALONG, EACH) and `NAME by NAME`
    (ALL_SECOND); ALONG and EACH also give what is differentiated.
    """

    mode: Mode
    model: str | None
    step: str = ""
    by: tuple[str, ...] = ()

    @property
    def entry(self) -> str:
        """The key of its entry."""
        of = f"forward/{self.model}" if self.model is not None else f"training/{self.step}"
        return f"{self.mode.value} of {of} by {', '.join(self.by)}"
