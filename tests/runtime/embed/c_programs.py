"""Programs in C that call what `gradc build` wrote, of any model and any step.

They read `NAME.in` for each argument that is read, and write `NAME.out` for each that is written,
raw numbers both; they use the header alone, as a stranger would.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gradc_runtime.embed.interface import CInterface
from gradc_runtime.embed.step_interface import StepInterface

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1"]
HEADERS = "#include <stdio.h>\n#include <stdlib.h>\n\n"
FILLED = r"""static void *filled(const char *path, size_t bytes) {
    FILE *file = fopen(path, "rb");
    void *found = malloc(bytes + 1);
    if (!file || !found || fread(found, 1, bytes, file) != bytes || fgetc(file) != EOF) {
        fprintf(stderr, "%s is not of %lu bytes\n", path, (unsigned long)bytes);
        exit(9);
    }
    fclose(file);
    return found;
}

"""
KEPT = r"""static void kept(const char *path, const void *from, size_t bytes) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(from, 1, bytes, file) != bytes || fclose(file)) exit(8);
}
"""


def model_program(interface: CInterface, count: int, written: Mapping[str, int]) -> str:
    """A program that runs some examples once; `written` says how many numbers an output has."""
    own = [*_read(interface), *_workspace(interface, count)]
    for name, numbers in written.items():
        word = interface.word(interface.arguments[name].type)
        own.append(f"{word} *{name} = malloc(sizeof({word}) * {numbers} + 1);")
    given = ", ".join([*interface.order, str(count), "workspace", "bytes"])
    own += [f"code = {interface.name}_run_in({given});", *_told(interface)]
    own += [f'kept("{name}.out", {name}, sizeof *{name} * {n});' for name, n in written.items()]
    return _program(interface, own)


def step_program(interface: StepInterface, steps: int) -> str:
    """A program that takes some steps on one batch, and keeps the state and what was measured."""
    count, state = interface.model.batch, f"struct {interface.name}_state"
    own = [*_read(interface), *_workspace(interface, count)]
    own += [f"{state} *state = malloc(sizeof *state);", f"code = {interface.name}_start(state);"]
    own += [*_told(interface)]
    for name in interface.written:
        word = interface.word(interface.arguments[name].type)
        own.append(f"{word} {name}[{steps}];")
    read = [name for name in interface.order if name not in interface.written]
    given = [*read, *(f"{name} + k" for name in interface.written), str(count), "workspace"]
    own += [f"for (int k = 0; k < {steps} && code == 0; k++)"]
    own += [f"    code = {interface.name}_step({', '.join(['state', *given, 'bytes'])});"]
    own += [*_told(interface)]
    own += [f'kept("{name}.out", {name}, sizeof {name});' for name in interface.written]
    own += ['kept("state.out", state, sizeof *state);']
    own += [f'code = {interface.name}_save(state, "state.safetensors");', *_told(interface)]
    return _program(interface, own)


def _program(interface: CInterface, own: Sequence[str]) -> str:
    """The text of a program around its calls."""
    body = "".join(f"    {line}\n" for line in own)
    start = f"    int code = {interface.name}_check();\n    if (code != 0) return 7;\n"
    filled = FILLED if "filled(" in body else ""  # a model may read nothing
    head = f'#include "{interface.name}.h"\n{HEADERS}{filled}{KEPT}'
    return f"{head}\nint main(void) {{\n{start}{body}    return 0;\n}}\n"


def _read(interface: CInterface) -> Iterator[str]:
    """Declare and fill what is read; how large each file is stands in `NAME.bytes` beside it."""
    for name, array in interface.arguments.items():
        if array.role == "input":
            word = interface.word(array.type)
            yield f'const {word} *{name} = filled("{name}.in", {name.upper()}_BYTES);'
    for name in interface.lengths:
        yield f'const int32_t *{name} = filled("{name}.in", {name.upper()}_BYTES);'


def _workspace(interface: CInterface, count: int) -> Iterator[str]:
    asked = ", ".join([*interface.lengths, str(count)])
    yield f"size_t bytes = {interface.name}_workspace({asked});"
    yield "void *workspace = malloc(bytes + 1);"


def _told(interface: CInterface) -> Iterator[str]:
    """End with a message where a call answered a code."""
    yield f"if (code != 0) return fputs({interface.name}_message(code), stderr), 6;"


def put(folder: Path, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Write what a program reads; the flags that tell it the sizes."""
    for name, values in arrays.items():
        (folder / f"{name}.in").write_bytes(values.tobytes())
    return [f"-D{name.upper()}_BYTES={values.nbytes}" for name, values in arrays.items()]


def ran(command: Sequence[str], folder: Path) -> str:
    """Run a command that must end well; its output."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode} {done.stdout} {done.stderr}"
    return done.stdout
