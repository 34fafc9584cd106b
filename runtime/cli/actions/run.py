"""What `gradc run` does: a model's forward pass on inputs from the command line or from the data,
and, with `--sample` or `--decode`, what it writes when it reads its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from gradc_compiler.graph.ragged import Batch
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.graph_tools.samples import Limits
from gradc_runtime.cli.actions.answers import class_name
from gradc_runtime.cli.actions.encoded_inputs import as_in_table, encoded_inputs
from gradc_runtime.cli.actions.file_inputs import file_inputs
from gradc_runtime.cli.actions.output import write_json
from gradc_runtime.cli.actions.pixels_given import with_pixels_looked_at
from gradc_runtime.cli.actions.read_inputs import (
    is_of_classes,
    is_words,
    read_inputs,
    refuse_decimal_commas,
)
from gradc_runtime.cli.actions.request import Request, prepare
from gradc_runtime.cli.actions.results import plain, save, show
from gradc_runtime.cli.actions.with_weights import session_to_run
from gradc_runtime.cli.actions.writing import write_on
from gradc_runtime.cli.faults import Refused
from gradc_runtime.cli.options import Binding
from gradc_runtime.data import Dataset, Streamed
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.decoding import written_argument
from gradc_runtime.session.inputs import lengths_read_by
from gradc_runtime.session.session import Session
from gradc_runtime.session.state import suggestion


def run(spec: Path, words: Sequence[str], given: Mapping[str, Any]) -> int:
    """Print what the model gives, or write it to a file.

    Raises `Refused` for options that do not go together.
    """
    session, request = session_to_run(Request.of(spec, given), given)
    names = [word for word in words if "=" not in word]
    bindings = [Binding().convert(word, None, None) for word in words if "=" in word]
    texts = {name: str(value) for name, value in (*given["inputs"], *bindings)}
    model = chosen(session, names)
    prepare(session, [session.program.models[model]])
    examples = ModelInputs(session, request, model)
    limits = session.program.entries[session.program.models[model]].limits
    types = types_of(session, model)
    if given["sample"] is not None or given["decode"] is not None:
        written, _ = written_argument(session, model)
        types.pop(written)
        inputs = examples.inputs(texts, types, given["at"], limits)
        return write_on(session, model, examples.data, inputs, given)
    if given["prompt"] is not None:
        raise Refused("--prompt begins what --sample N or --decode N goes on with")
    found = session.run(
        model, given["examples"], **examples.inputs(texts, types, given["at"], limits)
    )
    results: dict[str, Any] = found if isinstance(found, dict) else {model: found}
    if given["save"] is not None:
        save(results, given["save"])
    else:
        said = examples.as_texts(model, results) | examples.as_names(model, results)
        tell({**results, **said}, as_json=given["as_json"])
    return 0


def tell(results: Mapping[str, Any], *, as_json: bool) -> None:
    """Results on the terminal, or as data."""
    if as_json:
        write_json({name: plain(found) for name, found in results.items()})
    else:
        show(results)


class ModelInputs:
    """Inputs of a model: written out, or taken from the data of the spec."""

    def __init__(self, session: Session, request: Request, model: str) -> None:
        self.session, self.request = session, request
        self.read = [*types_of(session, model)]

    @cached_property
    def data(self) -> Dataset | Streamed:
        """The data, loaded when it is needed; rows that are new have no label."""
        return self.request.dataset(self.session, self.read)

    def inputs(
        self,
        texts: Mapping[str, str],
        types: Mapping[str, TensorType],
        at: slice | None,
        limits: Limits,
    ) -> dict[str, Any]:
        """What each argument is given."""
        taken: dict[str, Any] = {}
        if at is not None:
            taken = {name: self.field(name, at) for name in types if name not in texts}
        taken |= file_inputs(texts, types, self.session)
        if self.request.encoding is not None:
            encoding = Encoding.of_data(self.request.encoding)
            texts = as_in_table(texts, types, encoding)
            taken |= encoded_inputs(texts, types, encoding)
        left = {name: text for name, text in texts.items() if name not in taken}
        rest = {name: type for name, type in types.items() if name not in taken}
        alphabet = self.data.alphabet if self.has_words(left, rest) else None
        read = read_inputs(
            left, rest, seed=self.session.seed, alphabet=alphabet, limits=limits,
        )  # fmt: skip
        refuse_decimal_commas({**taken, **read}, texts, types)
        return with_pixels_looked_at({**taken, **read}, types, self.session)

    def field(self, name: str, at: slice) -> Batch:
        """Some examples of a field of the data.

        Raises `Refused` for a name that is no field, or for examples that do not exist.
        """
        data = self.data
        if name not in data.types:
            raise Refused(f"{name} is no field of {data.name}{suggestion(name, data.types)}")
        found = data.take(at, [name])[name]
        if not len(found):
            raise Refused(f"{data.name} has the examples 0 to {data.examples - 1}")
        return found

    def as_texts(self, model: str, results: Mapping[str, Any]) -> dict[str, list[str]]:
        """Those of a model's results that are texts: classes of the data's alphabet."""
        program = self.session.program
        fields = self.session.fields if program.training is not None else {}
        known = {type.classes for type in fields.values() if is_of_classes(type)}
        outputs = zip(results, program.outputs[model].values(), strict=True)
        texts = [n for n, type in outputs if is_of_classes(type) and type.classes in known]
        alphabet = self.data.alphabet if texts else None
        if alphabet is None:
            return {}
        return {name: [alphabet.write(one) for one in results[name]] for name in texts}

    def as_names(self, model: str, results: Mapping[str, Any]) -> dict[str, list[str]]:
        """Those of a model's results that are classes of a field that it does not read, by name."""
        known = (self.request.encoding or {}).get("classes", {})
        answers = {name: names for name, names in known.items() if name not in self.read}
        found = {}
        for name, type in zip(results, self.session.program.outputs[model].values(), strict=True):
            if type.kind is Kind.INDEX and type.time is None and not type.shape:
                fitting = [f for f in answers if self.session.fields[f].classes == type.classes]
                if len(fitting) == 1:
                    names = answers[fitting[0]]
                    found[name] = [class_name(k, names) for k in results[name]]
        return found

    def has_words(self, texts: Mapping[str, str], types: Mapping[str, TensorType]) -> bool:
        """Whether a sequence of classes is given as a text, which the data's alphabet reads."""
        return self.session.program.training is not None and any(
            is_words(texts[name], type) for name, type in types.items() if name in texts
        )


def chosen(session: Session, names: Sequence[str]) -> str:
    """The model that is named, or the only one.

    Raises `Refused` where no model has the name, or several models could be meant.
    """
    models = session.program.models
    if len(names) > 1:
        raise Refused(f"one model at a time, not {' and '.join(names)}; inputs are name=value")
    if names and names[0] not in models:
        raise Refused(f"no model is called {names[0]}{suggestion(names[0], models)}")
    if not names and len(models) != 1:
        raise Refused(f"name a model: {', '.join(models) or 'the spec has none'}")
    return names[0] if names else next(iter(models))


def types_of(session: Session, model: str) -> dict[str, TensorType]:
    """The arguments that a model reads, or that tell it a length."""
    entry = session.program.entries[session.program.models[model]]
    read = entry.inputs
    times = {*lengths_read_by(entry).values()} - {type.time for type in read.values()}
    declared = session.program.inputs.get(model, {})
    return read | {n: t for n, t in declared.items() if t.time in times}
