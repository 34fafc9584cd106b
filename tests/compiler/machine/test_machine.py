"""Tuned numbers stand in the record of the machine, or in a list here that only becomes shorter."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from gradc_compiler.machine.machine import MACHINE, Machine

ROOT = Path(__file__).resolve().parents[3]
RECORD = "compiler/machine/machine.py"
FOLDERS = (  # from graphs to native code; the language and the command line have limits of theirs
    *("compiler/" + name for name in ("graph", "graph_tools", "ops", "fusion", "loops", "machine")),
    *("compiler/" + name for name in ("memory", "printing", "program", "rewrites", "select")),
    "compiler/whole_step",
    "runtime/binding",
    "runtime/cpu",
    "runtime/cuda",
    "runtime/system/aligned_memory.py",
    "compiler/kept_entries.py",
    "compiler/pipeline.py",
    "compiler/schedule.py",
)
SOURCES = {"hardware", "measured", "tuned", "derived", "chosen"}

FORMAT = "numbers that two sides agree on: places, marks, versions, types, bits of a register"
BOUND = "numerical: how long sums may be, bits of a format, coefficients, keys of a generator"
PATIENCE = "how long a person or another process is waited for"
MEASURING = "how something is measured, when the user asks for it"
ALLOWED = {  # by file: the kind, and the names (*: all that the file has)
    "compiler/fusion/groups.py": (FORMAT, "OUTSIDE MOST_PLACES"),
    "compiler/fusion/heights.py": (FORMAT, "LOWEST"),
    "compiler/graph/ragged.py": (FORMAT, "LARGEST_SUM"),
    "compiler/graph_tools/flattened_images.py": (FORMAT, "IMAGE"),
    "compiler/loops/scalar_code.py": (FORMAT, "ROW_NAMES ZERO ONE"),
    "compiler/loops/scalar_form.py": (FORMAT, "OPERANDS"),
    "compiler/machine/addition_chains.py": (
        BOUND,
        "IN_A_ROW LONG AGAIN BLOCKS IN_PANEL MOST_PIECES OF_PIECES MOST_CHUNKS ADDED SUMMED "
        "MOST_SUMMED COMPENSATED OF_LANES IN_PIECE",
    ),
    "compiler/ops/bfloat16.py": (BOUND, "EPS EPS_OF_TF32 DROPPED DROPPED_OF_TF32"),
    "compiler/ops/division.py": (BOUND, "WHOLE"),
    "compiler/ops/elementwise.py": (BOUND, "ANY POSITIVE UNIT KINK_AT_0 BERNOULLI STEPS"),
    "compiler/ops/orthonormalize.py": (BOUND, "BITS TERMS"),
    "compiler/ops/random.py": (BOUND, "MULTIPLIERS WEYL MASK ZERO"),
    "compiler/printing/cuda_gather.py": (FORMAT, "GEOMETRY TAKE_OWN FROM_ROWS"),
    "compiler/printing/recurrence_kernel.py": (FORMAT, "AT_ONCE GIVEN SLOT"),
    "compiler/printing/scalar_text.py": (FORMAT, "*"),
    "compiler/printing/tensor_fragments.py": (FORMAT, "HIGH WIDE LANES"),
    "compiler/program/entry.py": (FORMAT, "MOST_OPERANDS MOST_TIMES"),
    "compiler/program/kernel_abi.py": (
        FORMAT,
        "MODE COLUMNS ROWS A_ROW Y_ROW K1 A_K1 B_K1 K2 A_K2 B_K2 LOOP_COUNT LOOPS LOOP A_LOOP "
        "B_LOOP Y_LOOP B_COLUMN Y_COLUMN MOST_LOOPS MOST_ANY_LOOPS OUTPUT_LOOPS SUM_LOOPS "
        "ANY_LOOPS ROWS_IN_ALL AFTER_LOOPS DROPPED",
    ),
    "compiler/graph_tools/samples.py": (FORMAT, "NUMBERS LONGEST"),
    "compiler/rewrites/algebra/powers_of_two.py": (BOUND, "LARGEST"),
    "compiler/rewrites/conv/winograd_transforms.py": (
        BOUND,
        "TAPS TILE POINTS PIXELS WEIGHTS RESULTS",
    ),
    "compiler/rewrites/driver.py": (BOUND, "MOST_ROUNDS"),
    "compiler/printing/row_meaning.py": (FORMAT, "NUMBER VALUE"),
    "compiler/select/choose_tile.py": (FORMAT, "NEAR ONE_BY_ONE"),
    "compiler/select/epilogues.py": (FORMAT, "MOST_OTHERS FIRST_VARIABLE"),
    "compiler/select/gather_windows.py": (FORMAT, "MOST_RESIDUES"),
    "compiler/select/product_loops.py": (FORMAT, "LONGEST"),
    "compiler/printing/cuda_tree.py": (FORMAT, "WARP"),
    "compiler/printing/tile_reading.py": (
        FORMAT,
        "GUARD FIELD MOST_WINDOWS ROWS_IN_REGISTERS",
    ),
    "compiler/printing/tile_writer.py": (FORMAT, "OTHERS STRIDE"),
    "compiler/select/contraction.py": (FORMAT, "ONE"),
    "compiler/select/indexed_nests.py": (FORMAT, "NUMBER VALUE OWNER"),
    "compiler/whole_step/example_loop.py": (FORMAT, "ONCE"),
    "compiler/whole_step/step_code.py": (FORMAT, "ZERO"),
    "compiler/whole_step/verify_code.py": (FORMAT, "OF_A_STEP OUTERMOST"),
    "runtime/cpu/codegen/build_kernel.py": (FORMAT, "LIBRARY_LEVEL GENERATED_LEVEL"),
    "runtime/cpu/codegen/floor_division.py": (BOUND, "WHOLE DIGITS"),
    "runtime/cpu/codegen/flush_to_zero.py": (FORMAT, "X86_ZEROS ARM_ZEROS"),
    "runtime/cpu/codegen/intrinsics.py": (FORMAT, "I1 I8 I32 I64"),
    "runtime/cpu/codegen/math32.py": (
        BOUND,
        "ONE TWO HALF ZERO WHOLE LN2_HIGH LN2_LOW SMALLEST_NORMAL TWO_23 TWO_24 ROOT_HALF_BITS "
        "MANTISSA SIGN BITS_23 BIAS SHIFT_1",
    ),
    "runtime/cpu/codegen/pair_words.py": (BOUND, "I16 HALF UPPER BELOW_HALF QUIET"),
    "runtime/cpu/codegen/round_bits.py": (BOUND, "ODD"),
    "runtime/cpu/codegen/scalar_math.py": (
        BOUND,
        "MASK MULTIPLIER_0 MULTIPLIER_1 WEYL_0 WEYL_1 TINY",
    ),
    "runtime/cpu/codegen/trig32.py": (
        BOUND,
        "PAIR WORD WORD_3 QUARTER TWO_27 HALF_PI_OF_BITS",
    ),
    "runtime/cpu/gemm/long_sums.py": (FORMAT, "AT_ONCE TOTAL REST ARRAYS"),
    "runtime/cpu/gemm/multi_index.py": (FORMAT, "PLACES"),
    "runtime/cpu/gemm/pairs.py": (FORMAT, "WORD TILE"),
    "runtime/cpu/gemm/pack_operands.py": (FORMAT, "STRIP"),
    "runtime/cpu/gemm/matrix_tiles.py": (FORMAT, "LEFT RIGHT ROW"),
    "runtime/cpu/gemm/own_geometry.py": (FORMAT, "OWN"),
    "runtime/cpu/gemm/pack_tiles.py": (FORMAT, "ROWS_TO_PANEL SIDE"),
    "runtime/cpu/gemm/rounded.py": (FORMAT, "PAIRS"),
    "runtime/cpu/gemm/weight_strips.py": (FORMAT, "STRIP"),
    "runtime/cpu/interpreter/bytecode.py": (
        FORMAT,
        "THREADS STEPS BASES BASES_STEP LINE MOST_GROUPS OF_GROUPS "
        "TEAM CHUNK_COUNTER ARRIVED GENERATION MAILBOX STATE "
        "FUNCTION POINTERS GEOMETRY CORE SPINS EVENT CROWDED HEADER EXAMPLES "
        "BLOCK BLOCKS CHUNKS PHASES PARTIAL_BYTES "
        "FIRST_CHUNK END_CHUNK CONTINUE LAST SPACES STRIDES_START RESULTS RESULTS_START "
        "TIMES CLOCK_SPACE PHASE "
        "BLOCK_BYTES TEAMS MEMBERS END OWNER PLACE ARGUMENTS BY_ROW "
        "INSTRUCTION KERNEL OPERANDS_START OPERANDS GEOMETRY_AT "
        "GRAIN WAITS ROWS FOLLOWERS LOOP_LENGTH LOOP_TIME LOOP_BACKWARDS OPERAND "
        "OPERAND_SPACE OPERAND_START OPERAND_STRIDE OPERAND_ROWS OPERAND_STEP OPERAND_MOVE "
        "SUM SUM_PARTIAL SUM_UNIFORM SUM_WORDS RESULT RESULT_UNIFORM RESULT_BYTES RESULT_SPACE "
        "CLOCK CLOCK_FIRST CLOCK_ROWS CLOCK_STEPS CLOCK_COUNTS PIECE MOST_ROWS LOOKS",
    ),
    "runtime/cpu/interpreter/batch_stage.py": (FORMAT, "CLEARED"),
    "runtime/cpu/partition/assigned.py": (FORMAT, "STEPS"),
    "runtime/cpu/partition/split_dims.py": (FORMAT, "GRAINS"),
    "runtime/cpu/partition/thread_tasks.py": (FORMAT, "SINGLE"),
    "runtime/cpu/objects/build_locks.py": (PATIENCE, "TOLD PASSED LONGEST_NAP"),
    "runtime/cpu/objects/compile_kernels.py": (PATIENCE, "LONGEST_COPY"),
    "runtime/cpu/objects/elf.py": (
        FORMAT,
        "RELOCATABLE AMD64 PROGRAM SYMBOLS RELOCATIONS UNWINDING WRITTEN LOADED EXECUTED "
        "THREADS_OWN ADDRESS LARGEST_ALIGNMENT WHOLE_ADDRESS EMPTY LONGEST_NAME",
    ),
    "runtime/cpu/objects/link.py": (FORMAT, "NATIVE"),
    "runtime/cpu/objects/object_cache.py": (FORMAT, "FORMAT LARGEST"),
    "runtime/cpu/objects/trust.py": (FORMAT, "FILE BYTES"),
    "runtime/cpu/partition/tuned_tiles.py": (MEASURING, "POWERS"),
    "runtime/cpu/replay.py": (FORMAT, "LARGEST"),
    "runtime/system/aligned_memory.py": (FORMAT, "MMAP_THRESHOLD TRIM_THRESHOLD MOST"),
    "runtime/cpu/threads/worker.py": (FORMAT, "WORD"),
    "runtime/cpu/tuning/autotuner.py": (MEASURING, "ROUNDS SECONDS WARM WORTH"),
    "runtime/cpu/tuning/instruction_profile.py": (MEASURING, "CALLS"),
    "runtime/cpu/tuning/roofline.py": (MEASURING, "FOOTPRINTS ROWS COLUMNS TERMS BUDGET"),
    "compiler/printing/attention_plan.py": (FORMAT, "THREADS ACROSS WIDE"),
    "compiler/printing/pair_sums_text.py": (FORMAT, "AT_ONCE"),
    "compiler/printing/pair_writer.py": (FORMAT, "PAD"),
    "compiler/rewrites/find_slopes.py": (FORMAT, "MOST_SUMS"),
    "compiler/rewrites/pair_formula.py": (FORMAT, "MOST_STEPS MOST_OTHERS"),
    "compiler/select/pair_kernels.py": (FORMAT, "FIRST EXPONENT"),
    "runtime/cuda/cuda_math.py": (BOUND, "MASK MULTIPLIERS WEYL"),
    "runtime/cuda/device_form.py": (FORMAT, "HEADER"),
    "runtime/cuda/devices/driver_calls.py": (FORMAT, "LEAST_DRIVER LEAST_CAPABILITY"),
    "runtime/cuda/devices/heap.py": (FORMAT, "ALIGN"),
    "runtime/cuda/devices/ptx_builder.py": (FORMAT, "TENSOR_CORES"),
    "runtime/cuda/devices/simulated_device.py": (FORMAT, "SIZE BLOCKS POISON MULTIPROCESSORS"),
    "runtime/cuda/estimates/data_sheets.py": (FORMAT, "GPUS"),
    "runtime/cuda/estimates/occupancy.py": (FORMAT, "WARP GRAIN OWN_SHARED SHARED_GRAIN"),
    "runtime/cuda/estimates/step_time.py": (FORMAT, "FULL LEAST"),
    "runtime/cuda/estimates/step_of_entry.py": (FORMAT, "APART FIRST"),
    "runtime/cuda/launch/control.py": (FORMAT, "SLOT"),
    "runtime/cuda/library/gpu_library.py": (FORMAT, "CAPABILITIES OLDEST"),
    "runtime/cuda/library/gpu_model.py": (FORMAT, "NOWHERE"),
    "runtime/cuda/shim.py": (FORMAT, "ASYNC_COPIES"),
    "runtime/cuda/simulated_block.py": (FORMAT, "PLAIN WARP"),
    "runtime/cuda/simulated_grid.py": (FORMAT, "WHOLE TOP"),
    "runtime/cuda/simulated_warp.py": (FORMAT, "LANES G L TF32 BF16"),
    "runtime/cuda/tile_copies.py": (FORMAT, "ASYNC AT_ONCE I64 VOID SHARED_MEMORY MOST"),
    "runtime/cuda/tile_functions.py": (FORMAT, "LOW WHOLE"),
    "runtime/cuda/tile_products.py": (FORMAT, "I32 ALIGNED"),
    "runtime/cuda/tile_tensors.py": (FORMAT, "UPPER RESULTS HALF"),
    "runtime/cuda/cuda_trig.py": (BOUND, "LARGE TWO_BY_PI TURN PARTS W1 W2 W3 SINE COSINE"),
}
MOST_TUNED = 15  # numbers of MEASURING and PATIENCE; there were some 90 tuned ones before


def names_of(targets: list[ast.expr]) -> Iterator[str]:
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and node.id.isupper() and node.id[0] != "_":
                yield node.id


def has_number(value: ast.expr) -> bool:
    """Whether a number is written there, other than in a text."""
    return any(
        isinstance(n, ast.Constant) and type(n.value) in (int, float) for n in ast.walk(value)
    )


def constants(text: str) -> Iterator[str]:
    """The constants of a module that are written as numbers."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and has_number(node.value):
            yield from names_of(node.targets)
        elif isinstance(node, ast.AnnAssign) and node.value and has_number(node.value):
            yield from names_of([node.target])


def modules() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        path = ROOT / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if name != RECORD:
                yield name, file.read_text(encoding="utf-8")


def test_no_tuned_number_stands_outside_of_the_record() -> None:
    found = {name: {*constants(text)} for name, text in modules()}
    found |= {name: {"*"} for name, (_, names) in ALLOWED.items() if names == "*" and found[name]}
    allowed = {name: {*names.split()} for name, (_, names) in ALLOWED.items()}
    assert {name: names for name, names in found.items() if names} == allowed
    tuned = [names for kind, names in ALLOWED.values() if kind in (MEASURING, PATIENCE)]
    assert len(" ".join(tuned).split()) <= MOST_TUNED


def test_a_number_is_seen_however_it_is_written() -> None:
    text = "A = 3\nB, C = 1 << 4, f(2.5)\nD: int = -1\nE = X.y\nF = ['3']\ng = 3\nH = A * 2\n"
    assert [*constants(text)] == ["A", "B", "C", "D", "H"]


def test_every_figure_says_where_it_is_from_and_is_read() -> None:
    texts = "\n".join(text for _, text in modules())
    for figure in dataclasses.fields(Machine):
        kind, _, reason = figure.metadata["source"].partition(": ")
        assert kind in SOURCES and len(reason) > 4, figure.name
        used = f"MACHINE.{figure.name}" in texts or figure.name in PROPERTIES
        assert used, f"nobody reads {figure.name}"


PROPERTIES = {"word_bytes"}  # read by a property alone


def test_derived_figures_follow() -> None:
    two = dataclasses.replace(MACHINE, vector=8, step_effort=1 << 10)
    assert (two.panel, two.wide, two.looped_statements) == (16, 32, 64)
    assert MACHINE.line_bytes == 64
    assert MACHINE.frame_rows * MACHINE.panel == MACHINE.near_cache
    assert 3 * MACHINE.long_sum_rows * MACHINE.long_sum_columns <= MACHINE.near_cache
    assert MACHINE.typical_block == MACHINE.small_batch == MACHINE.full_rows
    assert MACHINE.worth_splitting_ns == round(130_500 / MACHINE.operations_per_ns)
