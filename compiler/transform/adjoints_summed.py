"""The table of adjoints while a graph is walked backwards, and every term that was added to it.

Each contribution is one term of the chain rule: what an operator's rule sends to one operand.
`gradc derive` prints them in order.
"""

from __future__ import annotations

from gradc_compiler.graph.graph import Value
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One term of the chain rule; all but the operand's place are numbers of nodes."""

    node: int  # y, whose rule it is; of a recurrence the `previous` node
    operand: int | None  # which operand of y; None: what the step after it sends back
    x: int  # that operand
    incoming: int | None  # the cotangent that reached y
    sent: int  # what the rule made of it
    total: int  # the adjoint of x with it


class Adjoints(dict[int, Value]):
    """The cotangents summed so far, by node; begins with that of the loss."""

    def __init__(self, loss: Value, one: Value, told: list[Contribution] | None = None) -> None:
        super().__init__({loss.id: one})
        self.told = told

    def add(
        self, x: Value, sent: Value, node: int, operand: int | None = None, g: Value | None = None
    ) -> None:
        """Add what node's rule sends to x."""
        before = self.get(x.id)
        self[x.id] = total = sent if before is None else before + sent
        if self.told is not None:
            self.told.append(
                Contribution(
                    node=node,
                    operand=operand,
                    x=x.id,
                    incoming=None if g is None else g.id,
                    sent=sent.id,
                    total=total.id,
                )
            )
