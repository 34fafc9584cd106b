"""What a person sees while a network trains."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from gradc_runtime.training.progress import Live, Plain, display, duration

ROW = {"epoch": 1, "step": 10, "seconds": 0.5, "loss": 0.123456, "held_out.loss": 0.2}


def shown(*, terminal: bool) -> str:
    """What a run of one epoch prints."""
    stream = StringIO()
    told = display(Console(file=stream, force_terminal=terminal, width=80, color_system=None))
    assert isinstance(told, Live if terminal else Plain)
    told.start(1, 10)
    told.batch(1, 5, {"loss": 0.5})
    told.note("could not save [a checkpoint]")
    told.epoch(ROW)
    told.finish([ROW])
    return stream.getvalue()


def test_a_plain_output_has_a_line_for_each_epoch_and_a_table() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "could not save [a checkpoint]"
    assert lines[1] == "epoch 1/1  loss 0.1235  held_out.loss 0.2"
    assert "held_out" in lines[3]
    assert "\x1b" not in "".join(lines)


def test_a_terminal_has_a_bar_and_the_same_table() -> None:
    text = shown(terminal=True)
    assert "could not save [a checkpoint]" in text
    assert "epoch 1/1" not in text.splitlines()[-4]
    assert "0.1235" in text


def test_a_bar_has_its_place_beside_many_metrics() -> None:
    stream = StringIO()
    told = Live(Console(file=stream, force_terminal=True, width=80, color_system=None))
    told.start(9, 145)
    told.batch(7, 123, {f"discriminator.{name}": 0.123456 for name in "abcdef"})
    told.bars.refresh()
    told.finish([])
    text = stream.getvalue()
    assert "epoch 7/9 ━" in text and "123/145 0:00:0" in text
    assert "discriminator.a 0.1235" in text


def test_a_long_run_does_not_print_every_epoch() -> None:
    stream = StringIO()
    told = Plain(Console(file=stream, width=80))
    told.start(1000, 1)
    for epoch in range(1, 1001):
        told.epoch({**ROW, "epoch": epoch})
    told.finish([{**ROW, "epoch": epoch} for epoch in range(1, 1001)])
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("epoch 10/1000")
    assert lines[99].startswith("epoch 1000/1000")
    assert "the last 20 epochs" in stream.getvalue()


def test_a_table_that_is_too_wide_is_turned() -> None:
    stream = StringIO()
    names = [f"{step}.{name}" for step in ("discriminator", "generator") for name in "abcde"]
    rows = [{"epoch": k, **dict.fromkeys(names, k / 7)} for k in range(1, 31)]
    Plain(Console(file=stream, width=60)).finish(rows)
    text = stream.getvalue()
    assert "the last 5 epochs" in text
    (head,) = (line for line in text.splitlines() if "epoch ┃" in line)
    assert head.replace("┃", " ").split() == ["epoch", *map(str, range(26, 31))]
    assert all(name in text for name in names)
    assert max(map(len, text.splitlines())) <= 60


def test_the_time_left_is_told_where_it_is_long() -> None:
    stream = StringIO()
    told = Plain(Console(file=stream, width=80))
    told.start(10, 1)
    told.started -= 600  # one epoch took ten minutes
    told.epoch(ROW)
    told.epoch({**ROW, "epoch": 10})
    lines = stream.getvalue().splitlines()
    assert lines[0] == "epoch 1/10  loss 0.1235  held_out.loss 0.2  90 min left"
    assert lines[1] == "epoch 10/10  loss 0.1235  held_out.loss 0.2"
    assert [duration(s) for s in (0.0123, 7.4, 99, 200, 7500)] == [
        "0.012 s", "7.4 s", "99 s", "3 min", "2 h 5 min",
    ]  # fmt: skip
