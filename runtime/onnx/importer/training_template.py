"""The `train` block of an imported spec: what is still missing for it to learn on.

Written out where a loss is chosen, else as a comment to fill in.
"""

from __future__ import annotations

from gradc_runtime.onnx.importer.graph_to_spec import ImportedSpec

LOSSES = {
    "cross_entropy": ("class({})", "cross_entropy({}, target)"),
    "squared_error": ("[{}]", "squared_error({}, target)"),
    "bce_logits": ("[{}]", "bce_logits({}, target)"),
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
    kind, minimized = LOSSES[loss]
    sizes = found.first_sizes()
    target = kind.format(sizes[-1] if kind[0] == "c" and sizes else ", ".join(map(str, sizes)))
    target = "scalar" if target == "[]" else target
    return (
        f'data examples({", ".join([*fields, f"target : {target}"])}) = npz("examples.npz")\n'
        f"train on examples {{\n"
        f"    minimize {minimized.format(output)}\n"
        f"    using adam(lr = 1e-4), batch 32, epochs 5\n"
        f"}}\n"
    )
