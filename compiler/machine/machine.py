"""What a machine is taken to be: every tuned number of the compiler and of the back ends.

Fixed figures, never measured at run time, so that a spec is the same program everywhere; results
may depend on some (where a batch is cut), so all threads and machines must have the same.  One
cost model reads them (`cost_model.py`), and the places that choose by a single threshold.

Each figure says where it is from: *hardware*; *measured* (`specs/decisions.md` or a comment said
so); *tuned* (set so that the benchmark was fast, with no record of the measurement); *derived* from
others, if not by a property; *chosen*, where little depends on it.  Words have 4 bytes; times are
those of one thread.  What was measured, was on x86-64 cores with AVX-512 and 512 KB or 1 MB of
second-level cache.  How long sums may grow is no figure of a machine: `addition_chains.py`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeVar

from gradc_compiler.records.fast_dataclass import dataclass

T = TypeVar("T")


def known(value: T, source: str) -> T:
    """A figure, and where it is from."""
    return field(default=value, metadata={"source": source})


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A processor and a GPU, in figures."""

    # The core
    vector: int = known(16, "hardware: words of the widest register, AVX-512")
    line: int = known(16, "hardware: words of a cache line, 64 bytes")
    word_bytes: int = known(4, "hardware: float32")
    tall_tile: int = known(16, "hardware: rows of a tile one register wide, of 32 registers")
    low_tile: int = known(4, "hardware: rows of the lowest tile one register wide")
    flat_tile: int = known(8, "hardware: registers of a tile of one row, none of which waits")

    # Rates of a thread, in a nanosecond, and costs in nanoseconds
    operations_per_ns: int = known(150, "tuned: products in the cache, which reach 190 to 250")
    words_per_ns: int = known(12, "tuned: what is read and written, from the caches")
    shared_words_per_ns: int = known(20, "tuned: what all threads read, from far away")
    call_ns: int = known(100, "tuned: of an instruction, whatever it does")
    arrival_ns: int = known(150, "tuned: two threads wait for one another for twice as long")
    barriers_timed: int = known(1000, "chosen: in a call, beside which waking a thread is nothing")
    whole_call: float = known(0.97, "chosen: of the time of its cores; a call of less lost one")
    barrier_group: int = known(8, "chosen: threads that arrive at a barrier by one word")

    memory_bytes_per_ns: int = known(200, "chosen: what a socket moves, eight channels of DDR4")
    thread_cache_bytes: int = known(2 << 20, "hardware: second-level cache, a share of the third")

    # Costs of products, in multiplications of a whole vector
    write_cost: int = known(8, "tuned: a number of a result, read, added to and written")
    move_cost: int = known(8, "tuned: a number read from the cache or written")
    worth: float = known(0.9, "tuned: share of the cost at which another form is chosen")
    deferred_reuse: int = known(32, "tuned: examples over which a delayed product is shorter")
    many_factors_cost: int = known(4, "tuned: more than two factors keep no tile in registers")
    typical_batch: int = known(16, "chosen: examples or elements that a path of factors expects")
    typical_rows: int = known(15, "derived: one less than the tallest tile, filled by a loop")
    typical_block: int = known(8, "derived: examples that a block has at least, as a rule")
    short_loop: int = known(4, "tuned: terms for which a loop is not worth to be the innermost")
    dots_terms: int = known(256, "tuned: of a sum, where dot products cost less than a copy")
    many_rows: int = known(32, "tuned: rows of an example that pay for the copy of a matrix")
    scattered_words: int = known(1_024, "tuned: of a tensor that each example may have")

    # Blocks of examples, in words
    near_cache: int = known(8 * 1024, "hardware: the nearest cache, 32 KB")
    far_cache: int = known(4 << 20, "hardware: the last cache, 16 MB of what cores share")
    block_words: int = known(208 * 1024, "measured: 832 KB of values, some live at a time")
    most_block_words: int = known(5 << 20, "measured: 20 MB; beyond it a block has fewer than 8")
    large_block: int = known(64, "measured: examples; more save no more passes over the weights")
    weights_block: int = known(256, "measured: examples, where a block's weights dominate")
    weights_room: int = known(1 << 24, "chosen: words of all copies of such a block, 64 MB")
    weights_part: float = known(0.25, "measured: VGG in blocks of 20 for 8 takes 0.9 of the time")
    small_values_block: int = known(1024, "tuned: examples, of values that fit the nearest cache")
    most_tuned_block: int = known(1 << 12, "chosen: examples that `--tune` may put into a block")
    sequences_block: int = known(16, "tuned: rows for each step of a recurrence")
    scores: int = known(1 << 17, "chosen: words of an attention's scores; fewer stay in cache")
    query_rows: int = known(128, "measured: of a block of attention: 64 to 256 cost as much")
    kept_words: int = known(3 << 19, "measured: of an example; to make some of them again is free")
    shared_uniform: int = known(1 << 20, "chosen: words; what takes more takes turns")
    weights_rows: int = known(256, "measured: of a block; with fewer, weights are read too often")
    most_chunks: int = known(8, "tuned: of a batch's sums, each with partial sums of its own")
    chunk_words: int = known(1 << 20, "measured: 4 MB of partial sums; more cost what they save")
    recurrent_chunk_words: int = known(1 << 23, "measured: two LSTMs of 512: 2 chunks, not 1: 0.75")

    # Forms of kernels
    most_fused: int = known(40, "tuned: nodes; larger kernels compile slowly, run no faster")
    folded_elements: int = known(4096, "chosen: constants up to this size are computed here")
    window_numbers: int = known(9, "tuned: 3x3; maxima over so many are a chain")
    matrix_numbers: int = known(64, "tuned: 8x8; a constant matrix of so many is written out")
    split_iterations: int = known(4096, "tuned: what is shorter is one thread's")
    sums_at_once: int = known(16, "tuned: sums over lanes that are made together")

    # A step as one kernel
    step_effort: int = known(1 << 20, "measured: statements times examples, some 20 us")
    step_statements: int = known(800, "measured: LLVM takes a quarter of a second for so many")
    masked_statements: int = known(100, "chosen: of a remainder in vectors; else it is a loop")
    unrolled: int = known(8, "chosen: iterations of what is computed once that are written out")
    copied: int = known(128, "chosen: the same of copies, which become other names")
    searched_rows: int = known(8, "chosen: of a table that is searched by comparisons")
    inner_iterations: int = known(16, "chosen: of an innermost loop that is written out")
    frame_rows: int = known(256, "derived: near_cache, in rows of 32 words")
    frame_sums: int = known(1024, "hardware: rows of sums, 128 KB, in the second-level cache")

    # Library kernels
    packed_rows: int = known(16, "tuned: rows for which a strip of b is copied")
    packed_least: tuple[int, ...] = known((64, 128, 32, 1 << 16, 32), "measured: rows to dots")
    packed_words: tuple[int, ...] = known((18 << 10, 64 << 10), "measured: of rows and of columns")
    panel_rows: int = known(48, "tuned: rows for which columns are turned into panels")
    turned_ahead: int = known(4, "tuned: squares on their way from far while one is turned")
    rounded_rows: int = known(128, "derived: 64 KB of pairs fit the second-level cache")
    rounded_columns: int = known(256, "derived: 128 KB of pairs fit it beside them")
    dots_block: int = known(1 << 16, "hardware: words of rows, 256 KB, in the second-level cache")
    packed_strip: tuple[int, ...] = known((1536, 64), "measured: terms there is room for; rows")
    dots_rows: int = known(4, "hardware: rows of a tile of dot products, of 32 registers")
    small_batch: int = known(8, "derived: as typical_block, below which pixels are the rows")
    long_sum_rows: int = known(32, "derived: three times 32 x 64 words fit the nearest cache")
    long_sum_columns: int = known(64, "derived: see long_sum_rows")

    # Batches over threads
    least_example: int = known(256, "tuned: words below which a batch is not worth threads")
    compared_threads: tuple[int, ...] = known((1, 2, 4), "chosen: for which blocks are compared")
    full_rows: int = known(8, "tuned: examples from which a tile takes four as rows")
    step_rows: int = known(4, "tuned: rows that take as long as a step's kernels for any")
    block_choices: int = known(32, "chosen: sizes of blocks that are compared, about")
    long_row: int = known(256, "chosen: words of a row, of which LLVM makes no single statement")
    worth_one_block: float = known(0.96, "tuned: of several blocks' time, to cut a single one")
    worth_splitting_ns: int = known(870, "derived: 130,000 operations, the least to cut")
    least_piece: int = known(1 << 13, "derived: near_cache; words of a result that is read at once")
    most_piece: int = known(1 << 16, "measured: smaller pieces read all activations again")
    piece_of_example: int = known(1 << 7, "tuned: words an example; they are read less often")
    long_step_ns: float = known(2e6, "chosen: estimated, at which the first step is shared")
    long_step_words: int = known(1 << 20, "chosen: activations; to compute them takes milliseconds")

    # Threads
    worth_sharing_s: float = known(10e-6, "tuned: seconds of a step, below which one does it")
    worth_waking_s: float = known(60e-6, "measured: of a call that wakes workers, 25 us each")
    awake_s: float = known(30e-6, "derived: mailbox_looks; after them a worker sleeps")
    trials: int = known(3, "chosen: calls of each way that count")
    trial_s: float = known(4e-3, "chosen: a trial's seconds, if a step takes less")
    trial_share: float = known(0.02, "chosen: of all seconds, that may go the slower way")
    trial_free_s: float = known(0.02, "chosen: seconds that may besides")
    retry_s: float = known(0.03, "chosen: seconds to the next trial, at first")
    most_retry_s: float = known(2.0, "chosen: the same, at last")
    barrier_looks: int = known(500, "measured: 15 us; to come back from the system takes longer")
    fork_looks: int = known(200, "tuned: before others may have the core")
    mailbox_looks: int = known(1000, "measured: some 30 us")
    courtesy_looks: int = known(16, "chosen: after which another thread may have the core")
    crowded_calls: int = known(1, "tuned: calls with a worker on the caller's core")
    rank_examples: int = known(4, "chosen: for each rank, below which every rank does it all")
    rank_parts: int = known(8, "chosen: of a serial stage, that wait for sums one after another")
    rank_message: int = known(1 << 16, "chosen: words sent at once; 256 KB, many times a latency")
    nap_us: int = known(100, "chosen: microseconds, where there are no events")
    longest_call_s: float = known(0.4, "chosen: seconds before signals are looked for")

    # Memory and compilation
    cpu_plans: int = known(8, "chosen: batch sizes of an entry that are kept")
    tuned_block_bytes: int = known(1 << 24, "chosen: of a thread's block that `--tune` tries")
    constant_piece: int = known(1 << 20, "chosen: numbers converted at once")
    reference_products: int = known(1 << 18, "tuned: multiplications of a piece of NumPy's product")
    random_pieces_a_thread: int = known(16, "tuned: pieces of random numbers worth a thread")
    random_piece: int = known(1 << 15, "tuned: numbers drawn at once, in the cache")
    orthonormal_columns: int = known(64, "tuned: columns that are made orthonormal one by one")
    build_kernel_s: float = known(0.012, "measured: seconds to build a generated kernel")
    build_library_s: float = known(0.08, "measured: seconds to build a library kernel")
    numba_build_ratio: float = known(10, "measured: times as long as that Numba takes to build it")
    far: int = known(8, "chosen: times a limit, beyond which nobody need look more closely")
    patterned_groups: int = known(256, "measured: from so many on equal ones are worth finding")
    kept_instructions: int = known(64, "measured: from so many on a table is read faster than made")
    worth_forking_s: float = known(0.06, "tuned: seconds of building, for one more process")

    # The GPU
    gpu_threads: int = known(128, "chosen: of a block, four warps")
    gpu_blocks: int = known(1 << 16, "chosen: beyond it a thread takes several pieces of work")
    gpu_line: int = known(32, "hardware: words of a line of its cache, 128 bytes")
    gpu_plans: int = known(3, "chosen: batch sizes whose memory is kept")
    gpu_calls: int = known(24, "chosen: kernels that share a launch")
    gpu_small_call: int = known(1 << 20, "chosen: with more pieces of work a kernel needs no other")
    gpu_row_threads: int = known(1024, "chosen: of a block that goes along rows")
    gpu_row_work: int = known(1 << 17, "derived: words that a block moves in three launches' time")
    gpu_piece_steps: int = known(64, "chosen: steps of a call whose data are brought at once")
    gpu_data_share: int = known(4, "chosen: such a part of the free memory is for data sets")
    gpu_few_kernels: int = known(6, "chosen: so many are compiled without another process")
    gpu_compilers: int = known(4, "chosen: processes that compile kernels")
    gpu_shared_words: int = known(1 << 20, "chosen: values of fewer words have words of their own")
    gpu_piece: int = known(1 << 24, "chosen: bytes that a few batches of a call bring at once")
    gpu_room: int = known(8, "chosen: room for sequences, in such parts of a power of two")
    gpu_multiprocessors: int = known(132, "hardware: of an H100; none was at hand to measure")
    gpu_rows: int = known(128, "chosen: examples of a usual batch, for which tiles are chosen")
    gpu_tile_products: int = known(1 << 18, "chosen: less takes no longer than the launch")
    gpu_part_steps: int = known(16, "chosen: steps along a sum that are worth a block of its own")
    gpu_word_share: float = known(0.02, "measured: multiplications, a thread a word, in SASS")
    gpu_tree_terms: int = known(256, "chosen: terms of a sum from which several threads share it")
    gpu_tree_row: int = known(1024, "chosen: the same of a row, whose kernels else share a launch")
    gpu_rest: int = known(8, "chosen: launches that may go together before words serve again")
    gpu_row_alone: int = known(8, "chosen: of so few columns a row has one thread")
    gpu_row_warp: int = known(1024, "chosen: of so many columns a row has a warp, of more a block")
    gpu_row_width: int = known(1 << 15, "derived: columns of which a block's thread has 256")
    gpu_row_resident: int = known(8, "derived: blocks whose threads have 64 registers each")
    gpu_row_parts: int = known(24, "chosen: nests along the same rows that are one kernel")
    gpu_row_sight: int = known(12, "chosen: launches that a nest may overtake to join others")
    gpu_recurrence: tuple[int, ...] = known((4, 16, 12288, 2048), "chosen: see one_recurrence.py")
    gpu_grain: int = known(4, "hardware: words that a thread reads at once, 16 bytes")
    gpu_scores: int = known(1 << 12, "chosen: of an attention, a tile's worth; fewer are stored")
    gpu_attended: int = known(64, "derived: words of a value, of which 16 threads have 4 each")
    # of attention: a thread's rows, a tile's columns, terms at a time, blocks of a multiprocessor
    gpu_attention: tuple[int, int, int, int] = known((8, 64, 32, 3), "derived: by registers")
    gpu_pairs: tuple[int, int, int, int] = known((4, 64, 32, 3), "derived: two products in 48 KB")
    gpu_pairs_of_double: tuple[int, int, int, int] = known((4, 32, 16, 3), "derived: the same")
    gpu_tiles: tuple[tuple[int, int, int, int, int, int, float], ...] = known(
        ((128, 64, 16, 8, 8, 2, 0.88), (64, 64, 16, 8, 4, 3, 0.80), (128, 32, 16, 8, 4, 3, 0.80),
         (64, 32, 16, 4, 4, 4, 0.70), (128, 16, 16, 4, 4, 4, 0.68)),
        "measured: rows, columns, steps, a thread's rows and columns, blocks; products, in SASS",
    )  # fmt: skip
    gpu_tiles_of_double: tuple[tuple[int, int, int, int, int, int, float], ...] = known(
        ((128, 64, 8, 8, 8, 2, 0.84), (64, 64, 16, 8, 4, 3, 0.80), (128, 32, 8, 8, 4, 3, 0.74),
         (64, 32, 16, 4, 4, 4, 0.70), (128, 16, 16, 4, 4, 4, 0.68)),
        "measured: the same, whose buffers in float64 fit a block's shared memory",
    )  # fmt: skip

    @property
    def arrival_s(self) -> float:
        """An arrival at a barrier, in seconds."""
        return 1e-9 * self.arrival_ns

    @property
    def panel(self) -> int:
        """Columns of the widest tile: two registers."""
        return 2 * self.vector

    @property
    def wide(self) -> int:
        """Columns that fill whole vectors whatever their number: four registers."""
        return 4 * self.vector

    @property
    def looped_statements(self) -> int:
        """Statements of an example: with more, not even one vector of them is little work."""
        return self.step_effort // self.panel

    @property
    def line_bytes(self) -> int:
        """Bytes of a cache line."""
        return self.line * self.word_bytes


MACHINE = Machine()
