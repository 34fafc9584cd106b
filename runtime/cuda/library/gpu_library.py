"""The files of a model on a GPU: a C source, its header, kernels and weights in one file, and the
shared library where NVIDIA's header is found.

    int digit_gpu_run(digit_gpu *model, const float *image, float *scores, size_t n, CUstream s);

The pointers are of the host or of the device: the driver tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from gradc_compiler.c.c_names import CNames, c_prefix
from gradc_compiler.program.arrays import Array
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.devices.kernel_cache import Target, name_of, ptx_of
from gradc_runtime.cuda.estimates.assembled import NoAssembler, assemble
from gradc_runtime.cuda.library.gpu_model import GpuModel, PlacedNumber, c_type
from gradc_runtime.embed.toolchain import Toolchain, call

SOURCE = Path(__file__).with_suffix(".c")
HEADER = SOURCE.with_name("gpu_header.c")
CAPABILITIES = ((8, 0), (9, 0))  # of the machine code that is in a library
OLDEST = Target((8, 0), 4)  # whose PTX later GPUs take too


@dataclass
class Blob:
    """What is in the library as bytes, one thing after another."""

    content: bytearray = field(default_factory=bytearray)

    def add(self, part: bytes) -> int:
        """The place of some bytes, a multiple of 64."""
        self.content += bytes(-len(self.content) % 64)
        self.content += part
        return len(self.content) - len(part)


def arguments_of(model: GpuModel) -> dict[str, tuple[int, Array]]:
    """The first word and the array of each argument, by its C name: inputs, then outputs."""
    names, outputs = CNames(("n", "model", "stream", "row", "rows")), model.arrays("output")
    found = {names.take(str(a.name)): (at, a) for at, a in model.arrays("input")}
    for at, array in outputs:
        found[names.take("scores" if len(outputs) == 1 else str(array.name))] = at, array
    return found


def declared(found: Mapping[str, tuple[int, Array]]) -> str:
    """Arguments as C declares them."""
    return ", ".join(
        f"{'const ' * (array.role == 'input')}{c_type(array)} *{name}"
        for name, (_, array) in found.items()
    )


def copies(found: Mapping[str, tuple[int, Array]], role: str) -> str:
    """Copies of a batch's rows into the model's memory, or out of it."""
    lines = []
    for name, (at, array) in found.items():
        if array.role != role:
            continue
        own, size = f"model->memory + {4 * at}", array.type.size
        row = f"(CUdeviceptr)({name} + row * {size})"
        ends = (own, row) if role == "input" else (row, own)
        copy = f"cuMemcpyAsync({', '.join(ends)}, rows * {4 * size}, stream)"
        lines.append(f"        TRY({copy});")
    return "\n".join(lines)


def written_numbers(kind: str, name: str, rows: Iterable[str]) -> str:
    """A C table."""
    return f"static const {kind} {name}[] = {{\n" + "".join(f"    {row},\n" for row in rows) + "};"


def as_c(numbers: Sequence[PlacedNumber]) -> list[str]:
    """Numbers that a kernel is given."""
    return [f"{{{number.value}, {int(number.moves)}}}" for number in numbers] or ["{0, 0}"]


def data_of(model: GpuModel, blob: Blob) -> str:
    """All tables of the C source; kernels and weights go into the blob."""
    codes = [code_of(ptx, blob) for ptx in ptx_of(model.kernels, OLDEST)]
    names = [f'"{name_of(kernel, OLDEST)}"' for kernel in model.kernels]
    figures = {
        "KERNELS": len(model.kernels), "NODES": len(model.launches), "WORDS": model.words,
        "TABLE": len(model.table), "BATCH": model.batch,
        "FILLED": blob.add(model.filled.tobytes()), "FILLED_BYTES": model.filled.nbytes,
    }  # fmt: skip
    return "\n".join([
        *(f"#define {name} {value}" for name, value in figures.items()),
        written_numbers("char *const", "names", names),
        written_numbers("struct code", "codes", codes),
        written_numbers("struct number", "numbers", as_c(model.table)),
        *nodes_of(model),
    ])  # fmt: skip


def nodes_of(model: GpuModel) -> Iterator[str]:
    """The nodes of the graph as tables: their launches, parameters, and whom they wait for."""
    nodes, parameters, edges = list[str](), list[PlacedNumber](), [0]
    waits = [[a for a, b in model.edges if b == k] for k in range(len(model.launches))]
    for launch, numbers, own in zip(model.launches, model.parameters, waits, strict=True):
        table = launch.table[0] if launch.table else -1
        nodes.append(
            f"{{{model.kernels.index(launch.key)}, {launch.blocks}, {launch.key.threads},"
            f" {len(parameters)}, {len(numbers)}, {table}, {len(edges)}, {len(own)}}}"
        )
        parameters += numbers
        edges += own
    yield f"#define MOST_PARAMETERS {max(map(len, model.parameters))}"
    yield f"#define MOST_WAITS {max(map(len, waits)) + 1}"
    yield written_numbers("struct number", "parameters", as_c(parameters))
    yield written_numbers("int", "edges", map(str, edges))
    yield written_numbers("struct node", "nodes", nodes)


def code_of(ptx: bytes, blob: Blob) -> str:
    """A kernel's machine code, as far as there is an assembler, and its PTX."""
    parts = []
    for capability in CAPABILITIES:
        try:
            cubin, _ = assemble(ptx.decode(), capability)
            parts += [blob.add(cubin), len(cubin)]
        except NoAssembler:
            parts += [0, 0]
    return f"{{{', '.join(map(str, [*parts, blob.add(ptx + bytes(1))]))}}}"


def write_library(model: GpuModel, folder: Path, include: Path | None) -> list[Path]:
    """Write the sources, and compile them where NVIDIA's header is; returns the files.

    Raises `ToolchainError` where the C compiler fails.
    """
    name, found, blob = c_prefix(model.name), arguments_of(model), Blob()
    text = SOURCE.read_text().replace("DATA", data_of(model, blob), 1)
    text = text.replace("ARGUMENTS", declared(found)).replace("INPUTS", copies(found, "input"))
    text = text.replace("OUTPUTS", copies(found, "output")).replace("NAME", name)
    header = HEADER.read_text().replace("ARGUMENTS", declared(found)).replace("NAME", name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_gpu.bin").write_bytes(bytes(blob.content))
    (folder / f"{name}_gpu.c").write_text(text)
    (folder / f"{name}_gpu.h").write_text(header.replace("MACRO", name.upper()))
    files = [folder / f"{name}_gpu.{kind}" for kind in ("c", "h", "bin")]
    if include is not None:
        tools, made = Toolchain.of(("native",)), f"lib{name}_gpu.so"
        flags = ["-std=gnu11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
        own = ["-I", str(include), f"{name}_gpu.c", "-o", made]
        call([*tools.compiler, *flags, *own], folder)
        files.append(folder / made)
    return files


def cuda_include() -> Path | None:
    """The folder with NVIDIA's cuda.h, of a toolkit."""
    places = sorted(Path("/usr/local").glob("cuda*/include/cuda.h"), reverse=True)
    return places[0].parent if places else None
