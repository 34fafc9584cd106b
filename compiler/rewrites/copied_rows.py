"""Between sequences of fixed length and the rows of a tensor: copies, no sums.

    from_rows(x) = total(scatter(x, position))          y[t, ...] = x[t]
    take(spread(x), at) = take(x, at)                    y[t] = x[at[t]]
    total(scatter(x, at)) = scatter(x as rows, at as rows)

In the language `from_rows` is a sum over time of matrices that are 0 but for one row; each of the
first two forms is the derivative of the other.  Computed as written, every element of the sequence
would make a whole tensor: T times the memory, and T times the work.  Without the sum each element
is moved once, and nothing is rounded.

The last form is the derivative of an embedding.  As written, each element adds a matrix of all
classes that is 0 but for one row.  Rewritten, an example has one matrix, to which its elements add
their rows in order.
"""

from __future__ import annotations

from collections.abc import Callable

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.sequence import FromRows, TimeBroadcast, TimePosition, TimeSum


def copy_rows(_: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """The rule for sums over time, and for rows that are taken of a value spread over time."""

    def rule(node: Node, xs: list[Value]) -> Value | None:
        match node.op:
            case TimeSum(pair=False):
                return _rows(xs[0])
            case Take():
                return _taken(*xs)
        return None

    return rule


def _rows(x: Value) -> Value | None:
    """The tensor whose rows the elements of x put in place, if that is what x does."""
    match x.node.op:
        case Scatter(rows=rows, pair=False):
            source, at = (x.builder.value(i) for i in x.node.inputs)
            if at.node.op == TimePosition(rows) and source.type.time == rows:
                return x.builder.add(FromRows(), source, name=x.node.name)
            if isinstance(source.type.time, int) and source.type.time == at.type.time:
                return x.builder.add(x.node.op, _as_rows(source), x.builder.add(FromRows(), at))
    return None


def _as_rows(x: Value) -> Value:
    """The elements of a fixed-length sequence as rows of a tensor: that tensor itself, if they were
    taken from one.
    """
    rows = x.type.time
    match x.node.op:
        case Take() if isinstance(rows, int):
            table, at = (x.builder.value(i) for i in x.node.inputs)
            whole = table.type.time is None and table.shape[0] == rows
            if whole and at.node.op == TimePosition(rows):
                return table
    return x.builder.add(FromRows(), x)


def _taken(table: Value, at: Value) -> Value | None:
    """Rows of a table that is spread over time, taken from the table itself."""
    if not isinstance(table.node.op, TimeBroadcast) or at.type.time != table.type.time:
        return None
    return table.builder.add(Take(), table.builder.value(table.node.inputs[0]), at)
