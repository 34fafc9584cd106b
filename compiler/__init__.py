"""The compiler: from the text of a spec to a `Program`, which the runtime runs.  A map; no code.

Installed and imported as `gradc_compiler`.  `compiler/pipeline.py` has all stages on one screen;
here is each with its folder, in order.  A folder imports only those that stand above it in
`tests/test_architecture.py`, so it can be read knowing those alone.  `specs/walk.md` follows one
spec through all of them, with what each prints.

**What everything may use.**  `compiler/records` has dataclasses that are cheap to define.
`compiler/diagnostics` has source text, places in it (`source.py`), and what the compiler says about
them, as a terminal shows it (`render.py`).  `compiler/error_index` has a page for each code
(`gradc explain E0301`).

**1. Text to tree.**  `compiler/syntax/lex` makes tokens and mends what is misspelt;
`compiler/syntax/parse` drives LALR tables over them so that one run finds every error; the tree and
the grammar are in `compiler/syntax/grammar`; `compiler/syntax/pretty` prints a tree in the one way
that there is (`gradc fmt`).

**2. The representation.**  A graph of ONE example: typed nodes, each an operator on earlier nodes.
`compiler/graph` has nodes, types and what holds of any graph; `compiler/ops` has the operators,
each with its type rule, its derivative and its NumPy reference in one class (an elementwise one is
a row of `elementwise.py`; one along an axis says in `structured.py` how it is called and printed,
and has its kernels in `compiler/printing/row_kernel_table.py`), and its definition in plain loops
(`operator_definitions.py`); `compiler/graph_tools` evaluates a graph by those references, and
prints it and reads it back.

**3. Tree to graphs.**  `compiler/elaborate/elaborate.py` goes from end to end.
`compiler/elaborate/names` says what a name stands for; `compiler/elaborate/types` unifies types as
written with types as found; `compiler/elaborate/functions` are the functions of the language on
values; `compiler/elaborate/parameters` makes what persists and draws first values;
`compiler/elaborate/layers` applies layers; `compiler/elaborate/expressions` gives each kind of
expression its meaning; `compiler/elaborate/models` and `compiler/elaborate/training` make a graph
of each model and of each step.  `compiler/elaborate` names what it gives.  The prelude, which is
text in the language itself, lies in `compiler/prelude`.  `compiler/warnings` looks at what a spec
became for what is hardly meant.

**4. Derivatives.** `compiler/transform/differentiate.py` appends the adjoint of a graph to it,
`push_forward.py` the tangents; their neighbours in `compiler/transform` make Jacobians of either
(`jacobian.py`), transpose what an author wrote (`rule_graphs.py`), and say where cotangents were
cut, which values cannot be 0, and what a node is as an expression of the language;
`round_operands.py` rounds what products read to bfloat16.  `compiler/derived` prints the derived
program, in which every value has a name (`step_labels.py`) that is true (`true_cotangents.py`).
`compiler/study` tells a derivative as numbered steps of the chain rule (`gradc derive`): text,
Markdown, LaTeX, data; by the laws of real numbers two graphs may be the same (`real_form.py`).
`compiler/explorer` makes the page on which all of it can be played (`gradc explore`), and what
graphs and derivations show of themselves in a notebook.

**5. Graph to better graph.**  `compiler/rewrites/table.py` has every rewrite of a graph as a row of
one table, and `compiler/rewrites/driver.py` runs it in two stages.  The laws of algebra
(`compiler/rewrites/algebra`) run until nothing changes.  Then come the forms that a target likes
better, and each target takes its own: of convolutions in `compiler/rewrites/conv`, of attention in
`attend.py` and `query_blocks.py` and of others in `compiler/rewrites`; there too are
rematerialisation (`remat.py`) and the copies that kernels want to see (`legalize.py`).  What a
machine is taken to be stands in `compiler/machine`: its figures in `machine.py`, what work takes on
it in `cost_model.py`, the targets in `targets.py`.

**6. Graph to table.**  `compiler/schedule.py` goes step by step. `compiler/fusion` forms groups of
nodes that are one kernel, puts each into a stage and all in order; `compiler/memory` gives every
value a view of a buffer, and says which stages take the whole batch at once (`wide_stages.py`);
`compiler/loops` makes a group a loop nest, and runs the passes from nest to nest
(`loop_passes.py`), verifying after each; `compiler/select` chooses between loops and library
kernels, builds the table of instructions, of equal layers once (`lowered_once.py`), makes launches
along the same rows one kernel of a GPU (`fuse_rows.py`), and a recurrence (`one_recurrence.py`),
lays out attention there in tiles (`pair_kernels.py`), lets values take turns in the same words
(`share_room.py`); `compiler/printing` writes nests as text for a CPU and, when somebody asks for
it, for CUDA: of attention in `cuda_attention.py`, of recurrences in `recurrence_kernel.py`.
`compiler/kept_entries.py` looks first whether an earlier run kept the table.

**7. A small step as one kernel.**  `compiler/whole_step` unrolls a table into a single kernel, with
words in registers and examples side by side in vectors; it does so when that kernel is asked for.
The step is verified after each pass (`verify_step.py`), and its code before it is text
(`verify_code.py`).

**8. Source for people.**  `compiler/emitted` has what all languages share: `plain_program.py` makes
the table without what only makes it fast here, `see_through.py` lets loops read weights as the
author keeps them, `nest_writer.py` writes loops, `value_names.py` says what values are called.
`compiler/c` prints C99 (`c_source.py`), whose values take turns (`share_memory.py`), and
`compiler/numba_module` one Python file for Numba (`module_source.py`); `number_parts.py` and
`frame_parts.py` are what is copied into it.

**9. ONNX.** `compiler/onnx` has what an ONNX file says, as records; `compiler/onnx/export` makes
them of a model's graph as the author wrote it: of a contraction `MatMul`, `Conv` or `Einsum`
(`contraction_nodes.py`), of an elementwise operator a row (`elementwise_rows.py`).

**10. Editors.** `compiler/editor` answers what an editor asks of a text while it is written, and
writes the grammars for colours in `editors` from one list of words (`words.py`).

**What comes out.**  `compiler/program` has what the runtime is given: a `Program` of entries, each
a table (`entry.py`), and the numbers that library kernels take (`kernel_abi.py`).  An entry is also
a text (`entry_text.py`), which may lie on a shelf between runs (`shelf.py`); so may a program that
is only run or asked for by `gradc.compile_file` (`compiler/kept_programs.py`, `compile_file.py`),
and then no stage above is even imported.
"""
