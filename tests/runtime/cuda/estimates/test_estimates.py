"""What is predicted without a GPU: data sheets, occupancy, and the time of a step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradc_runtime.cli.commands import show
from gradc_runtime.cuda.estimates.assembled import resources_in
from gradc_runtime.cuda.estimates.data_sheets import DEFAULT, GPUS
from gradc_runtime.cuda.estimates.occupancy import occupancy
from gradc_runtime.cuda.estimates.step_time import Assumptions, predict
from gradc_runtime.cuda.launch.merge_calls import merged
from tests.runtime.cuda.launch.graphs import calls_of

H100 = GPUS["H100"]
SAID = """ptxas info    : Compiling entry function 'k0' for 'sm_90'
    8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 41 registers, used 1 barriers, 8 bytes cumulative stack size, 33280 bytes smem
"""


def test_the_command_line_knows_the_same_gpus() -> None:
    assert tuple(GPUS) == show.GPUS and DEFAULT in GPUS
    for sheet in GPUS.values():
        assert sheet.float32 < sheet.bf16 and 1e12 < sheet.bytes < 1e13 and sheet.memory > 2e10


@pytest.mark.parametrize(
    ("threads", "registers", "shared", "blocks", "limit"),
    [
        (128, 32, 0, 16, "threads"),  # 2048 threads
        (128, 128, 0, 4, "registers"),  # 65536 registers
        (128, 32, 65536, 3, "shared memory"),  # 228 KiB, 1 KiB more for each block
        (32, 16, 0, 32, "blocks"),
        (1024, 64, 0, 1, "registers"),
    ],
)
def test_occupancy(threads: int, registers: int, shared: int, blocks: int, limit: str) -> None:
    found = occupancy(H100, threads, registers, shared)
    assert (found.blocks, found.limit) == (blocks, limit)
    assert found.share == pytest.approx(blocks * threads / 2048)


def test_what_an_assembler_says() -> None:
    found = resources_in(SAID)
    assert (found.registers, found.shared, found.spilled, found.frame) == (41, 33280, 28, 8)


def test_a_step_takes_its_longest_way_and_no_less_than_its_work() -> None:
    graph = merged(calls_of("specs/circle.nn", 64))
    free = Assumptions(launch_s=0.0, graph_s=0.0)
    step = predict(graph, 4, H100, free)
    assert step.seconds == pytest.approx(sum(node.seconds for node in step.nodes))
    dear = predict(graph, 4, H100, replace(free, launch_s=1.0))
    assert step.on_the_way <= len(graph.nodes) and dear.seconds > dear.on_the_way
    assert dear.on_the_way <= dear.seconds < dear.on_the_way + 1
    assert {node.binds for node in dear.nodes} == {"launch"}


def test_more_examples_and_a_smaller_gpu_take_longer() -> None:
    few, many = (merged(calls_of("specs/circle.nn", n)) for n in (64, 1 << 16))
    assert predict(many, 4, H100).seconds > predict(few, 4, H100).seconds
    assert predict(many, 8, H100).seconds > predict(many, 4, H100).seconds
    slow = replace(H100, bytes=H100.bytes / 10, float32=H100.float32 / 10)
    assert predict(many, 4, slow).seconds > predict(many, 4, H100).seconds
