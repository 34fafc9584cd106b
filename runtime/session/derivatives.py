"""Derivatives that a session is asked for beside its gradients: along a direction, of second order,
all of them at once, of each example.

Each is an entry of a program of its own (`Program.derive`), compiled when it is first asked for and
run on the target, in the width and with the parameters of the session.  Nothing is approximated:
forward mode, and forward over reverse, as the language's `jvp`, `hvp`, `jacobian` and `hessian`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.graph.outputs import OutputKey, Role, of_role
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.derivative import AskedDerivative, Mode
from gradc_runtime.data.arrays.validate import numbers
from gradc_runtime.session.backends import Arrays, examples_of
from gradc_runtime.session.inputs import as_given, only
from gradc_runtime.session.program_view import ProgramView
from gradc_runtime.session.state import StateMemory, is_known, suggestion
from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.fork_safe_lock import ForkSafeLock

Names = str | Sequence[str]


class Derivatives(ProgramView):
    """What a session is differentiated by, beyond `gradients`."""

    memory: StateMemory
    threads: int
    _derived: dict[str, Any]  # sessions of the programs of derivatives, by entry
    _exclusive: ForkSafeLock

    def jvp(self, model: str | None, moves: Mapping[str, Any], /, **inputs: Any) -> Any:
        """How a model's outputs move when inputs or parameters do: `(outputs, tangents)`, each as
        `run` gives outputs.

        `moves` has a direction for each input `[N, ...]` and each parameter that moves.  None in
        place of a model: the loss of the first training step, of each example.
        Raises `SessionError` for unknown names and for what does not fit.
        """
        asked = self._asked(Mode.ALONG, model, [*moves])
        found = self._found(asked, inputs, moves)
        tangents = of_role(Role.TANGENT, found)
        return only({name: found[name] for name in tangents}), only(tangents)

    def hvp(self, model: str | None, moves: Mapping[str, Any], /, **inputs: Any) -> Arrays:
        """The second derivatives of a scalar times a direction, by what moves: a dict of arrays.

        Of a model each example's own; of the loss (None) that of the mean over the batch.  Raises
        as `jvp` does, and `SessionError` where the model gives no scalar.
        """
        asked = self._asked(Mode.SECOND_ALONG, model, [*moves])
        return _by_name(self._found(asked, inputs, moves))

    def jacobian(self, model: str | None, by: Names, /, **inputs: Any) -> Any:
        """All derivatives of a model's outputs by an input or a parameter: `[N, *output, *by]`, or
        a list of `[T, *output, *by]` where one of the two is a sequence.

        Several names, or several outputs, give a dict by `"OUTPUT by NAME"`.  Raises as `jvp`.
        """
        return only(_by_name(self._found(self._asked(Mode.ALL, model, by), inputs)))

    def hessian(self, model: str | None, by: Names, /, **inputs: Any) -> Any:
        """All second derivatives of a scalar: `[N, *by, *by]` of a model, of the mean loss (None)
        by parameters `[*by, *by]`.

        Several names give a dict by `"NAME by NAME"`.  Raises as `hvp`.
        """
        return only(_by_name(self._found(self._asked(Mode.ALL_SECOND, model, by), inputs)))

    def example_gradients(
        self, step: str | None = None, /, **inputs: Any
    ) -> tuple[np.ndarray, Arrays]:
        """Each example's own loss `[N]`, and its gradient for each parameter of the step,
        `[N, *parameter]`.

        Their mean over the examples is what `gradients` gives.  Raises as that does.
        """
        named = self.training.steps[0] if step is None else self.named_step(step)
        asked = AskedDerivative(mode=Mode.EACH, model=None, step=named.name, by=named.over)
        found = _by_name(self._found(asked, inputs))
        return found["loss"], {name: found[name] for name in named.over}

    def gradient_norms(self, step: str | None = None, /, **inputs: Any) -> np.ndarray:
        """The Euclidean norm of each example's gradient by all parameters together, `[N]`."""
        _, found = self.example_gradients(step, **inputs)
        squares = [np.square(g.reshape(len(g), -1)).sum(axis=1) for g in found.values()]
        return np.asarray(np.sqrt(np.sum(squares, axis=0)))

    def _asked(self, mode: Mode, model: str | None, by: Names) -> AskedDerivative:
        """What is asked for; `SessionError` where the spec has no such names."""
        names = (by,) if isinstance(by, str) else tuple(by)
        if model is not None and not is_known(model, self.program.models):
            message = f"no model is called {model}{suggestion(model, self.program.models)}"
            raise SessionError(message)
        inputs = self.fields if model is None else self.program.inputs[model]
        known = {n: t for n, t in inputs.items() if t.classes is None}
        known |= {p.name: p.type for p in self.program.parameters}
        for name in names:
            if not is_known(name, known):
                raise SessionError(f"nothing that moves is called {name}{suggestion(name, known)}")
        if not names:
            raise SessionError("name at least one input or parameter that moves")
        if model is not None and mode in (Mode.SECOND_ALONG, Mode.ALL_SECOND):
            self._require_scalar(model)
        moving = {name: known[name] for name in names}
        if mode is Mode.ALL:
            _require_one_time(self._outputs(model), moving)
        elif mode is Mode.ALL_SECOND:
            _require_one_time(moving, moving)
        step = "" if model is not None else self.training.steps[0].name
        return AskedDerivative(mode=mode, model=model, step=step, by=tuple(dict.fromkeys(names)))

    def _outputs(self, model: str | None) -> Mapping[str, TensorType]:
        return {} if model is None else self.program.outputs[model]

    def _require_scalar(self, model: str) -> None:
        outputs = self.program.outputs[model]
        if [t for t in outputs.values() if t.shape or t.time is not None] or len(outputs) != 1:
            told = ", ".join(f"{name} : {type}" for name, type in outputs.items())
            raise SessionError(f"second derivatives are those of one scalar; {model} gives {told}")

    def _found(
        self,
        asked: AskedDerivative,
        inputs: Mapping[str, Any],
        moves: Mapping[str, Any] | None = None,
    ) -> dict[OutputKey, Any]:
        """What a derivative's entry gives for inputs and directions."""
        with self._exclusive.lock:
            other = self._open(asked)
            for name, view in self.memory.views.items():
                other.memory.views[name][...] = view
            given = {**inputs, **_directions(other, asked, moves or {})}
            declared = self.fields if asked.model is None else self.program.inputs[asked.model]
            batches = other.checked(
                asked.entry, given, {**other.program.inputs[asked.entry], **declared}
            )
            results, outputs = other.once(asked.entry, batches)
        types = other.program.outputs[asked.entry]
        shared = asked.model is None and asked.mode in (Mode.SECOND_ALONG, Mode.ALL_SECOND)
        count = examples_of(batches)
        found = {k: as_given(batch, types[str(k)], self.dtype) for k, batch in outputs.items()}
        for key, value in results.items():
            found[key] = value[0] if shared else np.repeat(value[:1], count, axis=0)
        order = [*types]
        return {key: found[key] for key in sorted(found, key=lambda k: order.index(str(k)))}

    def _open(self, asked: AskedDerivative) -> Any:
        """The session of a derivative's program, opened when it is first asked for."""
        if asked.entry not in self._derived:
            assert self.program.derive is not None, "a derivative is of a spec's own program"
            program = self.program.derive(asked)
            open_again: Any = type(self)
            self._derived[asked.entry] = open_again(program, self.target, self.dtype, self.threads)
        return self._derived[asked.entry]


def _directions(session: Any, asked: AskedDerivative, moves: Mapping[str, Any]) -> dict[str, Any]:
    """Directions of parameters go into place; those of inputs are inputs of the entry."""
    found = {}
    for name in moves:
        view = session.memory.views.get(f"tangent/{name}")
        if view is None:
            found[f"tangent/{name}"] = moves[name]
            continue
        given = numbers(moves[name], f"the direction of {name}")
        if given.shape != view.shape:
            raise SessionError(f"{name} is {list(view.shape)}, its direction {list(given.shape)}")
        view[...] = given
    return found


def _by_name(found: Mapping[OutputKey, Any]) -> Arrays:
    return {str(key): value for key, value in found.items()}


def _require_one_time(of: Mapping[str, TensorType], by: Mapping[str, TensorType]) -> None:
    """`SessionError` where each element of one sequence has a derivative by each of another."""
    for name, type in of.items():
        if type.classes is not None:
            raise SessionError(f"derivatives are those of numbers; {name} is {type}")
        other = next((n for n, t in by.items() if t.time is not None), None)
        if type.time is not None and other is not None:
            pair = f"each element of {name} : {type} by each of {other} is no sequence"
            raise SessionError(f"{pair}; jvp and hvp are derivatives along one direction")
