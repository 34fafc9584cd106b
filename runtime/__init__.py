"""The runtime: a `Program` with numbers.  A map; no code.

Installed and imported as `gradc_runtime`.  It knows no calculus: every answer is an entry of the
program, run on a back end.  A folder imports only those that stand above it in
`tests/test_architecture.py`; of the compiler it knows `compiler/program` and a few types.
`specs/walk.md` ends where a `Program` is run.

**What everything may use.**  `runtime/system` has files read without trust, locks, signals, aligned
memory, and each fault as one clear line (`errors.py`).

**Ranks.**  `runtime/ranks` has the processes that `mpiexec` starts (`launched.py`), what they tell
one another and how long they wait (`group.py`), sums on their way while a rank computes
(`sums_on_way.py`), and a guard for each (`guard.py`).

**Data.**  `runtime/data/tables` says what a table's cells mean and what its numbers stand for;
`runtime/data/arrays` has a `Dataset`, and the one place where what users hand in is checked
(`checked.py`);
`runtime/data/blocks` the same for data that does not fit, read while a network trains;
`runtime/data/folders` files that are an example each, such as pictures by class;
`runtime/data/readers` one reader for each format and bundled set; `runtime/data` opens the sources
that a spec names (`sources.py`).

**Weights.**  `runtime/weights` reads files of any origin (`safetensors_file.py`; of PyTorch without
executing their pickle, `pickle_reader.py`) and matches what is in them with what a network has
(`take_over.py`, `match_modules.py`), and goes the way back (`as_modules.py`).

**A session.** `runtime/session/session.py` is what users hold: parameters of one network, and what
can be done with them.  Beside it in `runtime/session` are the memory that lives from step to step
(`state.py`), what an entry reads and gives back (`inputs.py`), and the table of back ends
(`backends.py`), each of which is imported when it is asked for.  `runtime/binding` is what all back
ends share: arrays in and out of words, packed sequences, constants.

**The CPU.**  `runtime/cpu/executable.py` makes an entry ready to run: for each batch size a plan
(`call_plan.py`), and a fast path for the same call once more (`replay.py`); both in `runtime/cpu`.
Below it:

* `runtime/cpu/codegen/language` is a small compiler of its own, from a subset of Python to LLVM;
  `runtime/cpu/codegen` has what kernels may call (intrinsics, atomics, mathematics) and checks
  generated text before it is run.
* `runtime/cpu/gemm` has library kernels: micro-kernel, macro-kernel, packing, as in BLIS, and
  bfloat16 by a matrix unit (`matrix_tiles.py`).
* `runtime/cpu/objects` builds object code, keeps it in a cache, and loads it without LLVM; there
  lie schedules of earlier runs as well (`kept_schedules.py`).
* `runtime/cpu/partition` divides work: batches into tiles, of one size in each
  segment (`segments.py`), sums into chunks, and each stage into
  tasks for any number of threads (`divide.py`), of equal layers once (`alike.py`), of a serial
  stage in rounds (`independent.py`), between which it places barriers (`barriers.py`).
* `runtime/cpu/interpreter` writes an entry as one array of int64 (`encode.py`) and has the native
  loop that goes through it (`dispatch.py`).
* `runtime/cpu/numba_jit` has Numba compile the same kernels: the target `numba`.
* `runtime/cpu/shared_executable.py` runs an entry on one batch together with other ranks.
* `runtime/cpu/threads` has the pool whose workers never come back to Python.
* `runtime/cpu/tuning` measures: tiles of other sizes, where the time of an entry goes, the
  roofline.

**Other programs.**  `runtime/embed` builds a model into a library, a header and a program that need
no Python: `frozen.py` works out ahead what weights alone decide, `laid_weights.py` lays them out
for products, `relocatable.py` takes the addresses out of bytecode, `levels.py` compiles for other
processors; `runtime/embed/sources` has the C that all of them share, a reader of weights among
it.  `wasm_module.py` has a model's C text compiled for a browser.

**Exchange.** `runtime/onnx` makes protobuf of the records of `compiler/onnx`.  The other way
`runtime/onnx/importer` reads a file without trust and goes through its graph (`graph_to_spec.py`);
how axes of ONNX lie in a tensor of the language is `atoms.py`, and `runtime/onnx/importer/rules`
has a rule for each operator.  The package onnx is imported when somebody asks for a file.

**CUDA.**  `runtime/cuda` has what kernels' texts may say and how they are compiled; every import of
numba-cuda is in `shim.py` and `numba_intrinsics.py`, tensor cores are in `tile_tensors.py`, and
blocks of one launch meet in `grid_barrier.py`.
`runtime/cuda/launch` makes a step one graph of launches, as data (`step_graph.py`), with few nodes
(`merge_calls.py`), and checks its edges (`verify_edges.py`); `runtime/cuda/devices` runs graphs, by
NVIDIA's driver or in a simulator, and keeps compiled kernels (`kernel_cache.py`);
`runtime/cuda/estimates` has GPUs' data sheets; `runtime/cuda/execution` runs an entry for a
session, whose numbers stay on the device (`device_state.py`), or with other ranks
(`shared_cuda.py`); `runtime/cuda/library` writes a model
as a C library for GPUs.

**Certificates.**  `runtime/certificates` holds kernels against the NumPy reference on this machine,
in a copy of the process, and writes down that it did.

**Training.**  `runtime/training/trainer.py` runs epochs, resumable to the bit; its neighbours in
`runtime/training` keep checkpoints, watch gradients and show progress.

**Estimators.**  `runtime/estimators` has what users import as part of `gradc`: `gradc.sklearn`;
`runtime/stubs` tells type checkers what `gradc` has.

**Notebooks.**  `runtime/notebooks` lets a cell be a spec (`%%gradc`), and has `gradc.derive`.

**The command line.**  `runtime/cli/commands` declares commands with their options,
`runtime/cli/actions` has what each does, and `runtime/cli/exercises` the specs of `gradc exercise`;
`runtime/cli` answers faults and ends with an exit code.
`runtime/cli/language_server` speaks with editors.
"""
