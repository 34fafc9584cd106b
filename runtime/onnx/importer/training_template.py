"""The `train` block of an imported spec: what is still missing for it to learn on.

Written out where a loss is chosen, else as a comment to fill in.
"""

from __future__ import annotations

from gradc_runtime.onnx.importer.atoms import Axes, is_free, sizes, slots_of
from gradc_runtime.onnx.importer.imported_spec import ImportedSpec, type_text

LOSSES = {
    "cross_entropy": "cross_entropy({}, target)",
    "squared_error": "squared_error({}, target)",
    "bce_logits": "bce_logits({}, target)",
}


def train_block(found: ImportedSpec, loss: str | None) -> str:
    """The data declaration and the train block."""
    text = block(found, loss or "squared_error")
    if loss is not None:
        return f"\n{text}"
    lines = ["To train it, say what its examples are and what is minimised:", *text.splitlines()]
    return "\n" + "".join(f"# {line}\n" if line else "#\n" for line in lines)


def block(found: ImportedSpec, loss: str) -> str:
    """The text for one loss, on the first of the model's outputs."""
    fields = [f"{i.name} : {i.type}" for i in found.inputs.values()]
    called = ", ".join(i.name for i in found.inputs.values())
    output = f"{found.model}({called})"
    if len(found.results) > 1:
        output += f".{next(iter(found.results.values()))}"
    axes = found.first_output()
    if loss == "cross_entropy":
        shape = sizes(slots_of(axes))
        lead = f"seq({shape[0]}) " if len(shape) == 2 else ""
        target = type_text(without_last(axes), shape[-1]) if shape else "class(1)"
        target = f"{lead}class({shape[-1]})" if lead else target
        output = f"rows({output})" if lead else output
    else:
        target = type_text(axes)
    return (
        f'data examples({", ".join([*fields, f"target : {target}"])}) = npz("examples.npz")\n'
        f"train on examples {{\n"
        f"    minimize {LOSSES[loss].format(output)}\n"
        f"    using adam(lr = 1e-4), batch 32, epochs 5\n"
        f"}}\n"
    )


def without_last(axes: Axes) -> Axes:
    """The axes of what a label stands for."""
    return tuple(axis for axis in axes if is_free(axis))
