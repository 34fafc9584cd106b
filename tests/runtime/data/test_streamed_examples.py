"""Data read block by block: the same examples as in memory, in an order that the seed decides."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.data import DataError, split
from gradc_runtime.data.blocks.block_order import BlockOrder
from gradc_runtime.data.blocks.key_range import KeyRange
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import Settings
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer
from tests.runtime import linear
from tests.runtime.data.streaming import both, line, line_files, words
from tests.runtime.training.test_trainer import Killed, Watcher, kill

FIELDS = dict(linear.FIELDS)
SETTINGS = Settings(batch=8, epochs=3, held_out=0.2, seed=3)
NAMES = ["x", "y"]


def trainer(
    data: Path, session: Session, run: Path | None = None, watcher: Watcher | None = None,
    seconds: float = 10,
) -> Trainer:  # fmt: skip
    """A trainer on the files of a folder, one step a call."""
    folder = None if run is None else RunFolder(run)
    made = Trainer(
        session, line(data), SETTINGS, folder=folder, display=watcher, checkpoint_seconds=seconds
    )
    made.pace.most = 1
    return made


@pytest.mark.parametrize("share", [0.004, 0.1, 0.5, 0.99])
def test_the_same_examples_are_held_out_whether_the_data_fits_or_not(
    tmp_path: Path, share: float
) -> None:
    line_files(tmp_path)
    streamed, whole = both(tmp_path, "npy", "x.npy", "y.npy", **FIELDS)
    limited = [split(data, share, 5, 7) for data in (streamed, whole)]
    every = [split(streamed, share, 5), split(whole, share, 5)]
    for found, wanted in [*zip(*every, strict=True), *zip(*limited, strict=True)]:
        assert found is not None and wanted is not None
        assert found.examples == wanted.examples
        for name in NAMES:
            np.testing.assert_array_equal(found.take(slice(None))[name], wanted.arrays[name])
    assert split(streamed, 0.001, 5)[1] is None is split(whole, 0.001, 5)[1]


def test_a_share_of_many_is_found_in_two_passes() -> None:
    many = 3_000_000  # three pieces
    held, left = KeyRange.of(many, 0, many // 7, 11), KeyRange.of(many, many // 7, many, 11)
    mask = held.mask(0, many)
    assert mask.sum() == many // 7
    assert not (mask[: many // 2] == mask[many // 2 :]).all()
    np.testing.assert_array_equal(left.mask(0, many), ~mask)


def test_a_limit_takes_the_first_of_a_random_order(tmp_path: Path) -> None:
    line_files(tmp_path)
    for data in both(tmp_path, "npy", "x.npy", "y.npy", **FIELDS):
        train, held = split(data, 0.2, 5)
        few, few_held = split(data, 0.2, 5, 16)
        assert few.examples == few_held.examples == 16  # type: ignore[union-attr]
        for part, whole in ((few, train), (few_held, held)):
            assert part is not None and whole is not None
            known = set(np.asarray(whole.take(slice(None))["y"]).tolist())
            assert set(np.asarray(part.take(slice(None))["y"]).tolist()) <= known
        assert split(data, 0.0, 5, 10**9)[0] is data


def test_an_epoch_has_every_example_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    line_files(tmp_path)
    data = split(line(tmp_path), 0.2, 3)[0]
    orders = [data.epoch(3, epoch, 0, NAMES).take(0, data.examples) for epoch in (0, 0, 1)]
    np.testing.assert_array_equal(orders[0]["y"], orders[1]["y"])
    assert (orders[0]["y"] != orders[2]["y"]).any()
    stands = data.take(slice(None))
    for order in orders:
        both_sorted = [np.sort(np.asarray(found["y"])) for found in (order, stands)]
        np.testing.assert_array_equal(*both_sorted)
        at = np.asarray(order["x"]) @ [2.0, -1.0] + 3.0  # an example's fields stay together
        np.testing.assert_allclose(at, order["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("start", [0, 1, 77, 200])
def test_an_epoch_can_be_gone_on_with_anywhere(tmp_path: Path, start: int) -> None:
    line_files(tmp_path)
    data = line(tmp_path, block=64)
    whole = data.epoch(3, 1, 0, NAMES).take(0, data.examples)
    rest = data.epoch(3, 1, start, NAMES)
    for at in range(start, data.examples - 13, 13):
        np.testing.assert_array_equal(rest.take(at, at + 13)["x"], whole["x"][at : at + 13])
    rest.close()


def test_blocks_are_mixed_in_windows() -> None:
    counts = np.array([10] * 9 + [0, 4])
    order = BlockOrder(counts=counts, window=4, seed=1, epoch=0)
    sizes = [counts[order.blocks_of(window)].sum() for window in range(3)]
    assert np.array_equal(order.starts, [0, sizes[0], sizes[0] + sizes[1]])
    assert sorted(np.concatenate([order.blocks_of(w) for w in range(3)])) == [*range(11)]
    assert sorted(order.within(1)) == [*range(sizes[1])] != [*order.within(1)]
    assert [order.window_at(place) for place in (0, sizes[0] - 1, sizes[0], 93)] == [0, 0, 1, 2]


def test_a_run_that_was_killed_goes_on_to_the_bit(tmp_path: Path) -> None:
    line_files(tmp_path, 61)
    session = linear.session(seed=3)
    undisturbed = trainer(tmp_path, session)
    undisturbed.run()
    for calls in (1, 5, 7, 8, 12):  # at ends of an epoch of 7, and in its middle
        run = tmp_path / f"after {calls}"
        with pytest.raises(Killed):
            trainer(tmp_path, linear.session(seed=3), run, Watcher(calls, kill), 0).run()
        again = linear.session(seed=3)
        resumed = trainer(tmp_path, again, run)
        resumed.run(resume=True)
        np.testing.assert_array_equal(words(again), words(session))
        assert [row["loss"] for row in resumed.rows] == [row["loss"] for row in undisturbed.rows]


def test_steps_of_one_call_change_nothing(tmp_path: Path) -> None:
    line_files(tmp_path)
    one, many = linear.session(seed=3), linear.session(seed=3)
    trainer(tmp_path, one).run()
    Trainer(many, line(tmp_path), SETTINGS).run()
    np.testing.assert_array_equal(words(one), words(many))


def test_what_is_measured_is_the_same_as_in_memory(tmp_path: Path) -> None:
    line_files(tmp_path, 2100)
    streamed, whole = both(tmp_path, "npy", "x.npy", "y.npy", block=4000, **FIELDS)
    session = linear.session(seed=3)
    assert session.evaluate(streamed) == session.evaluate(whole)
    assert list(streamed.take(slice(7, 9))["y"]) == list(whole.take(slice(7, 9))["y"])
    assert len(streamed.take(slice(9, 9))["y"]) == 0


def test_a_run_goes_on_in_the_order_that_it_began_with(tmp_path: Path) -> None:
    line_files(tmp_path)
    with pytest.raises(Killed):
        trainer(tmp_path, linear.session(seed=3), tmp_path / "run", Watcher(5, kill)).run()
    other = Trainer(
        linear.session(seed=3), line(tmp_path, block=400), SETTINGS,
        folder=RunFolder(tmp_path / "run"),
    )  # fmt: skip
    with pytest.raises(CheckpointError, match="started on blocks of 200 bytes, not blocks of 400"):
        other.run(resume=True)


def change(path: Path) -> None:
    """Other numbers, at another time."""
    with path.open("r+b") as stream:
        stream.seek(-4, os.SEEK_END)
        stream.write(b"\0\0\0\0")
    os.utime(path, ns=(1, 1))


def cut(path: Path) -> None:
    """The end of a file taken off."""
    os.truncate(path, path.stat().st_size - 8)


def replace(path: Path) -> None:
    """Another file of the same name, size and time."""
    times = path.stat()
    path.rename(path.with_suffix(".old"))
    path.write_bytes(path.with_suffix(".old").read_bytes())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (change, "x.npy was changed while it was read: its time of change, or the file itself"),
        (cut, "x.npy was changed while it was read: it is 8 bytes shorter; saved"),
        (
            replace,
            "x.npy was changed while it was read: its time of change, or the file itself",
        ),
        (Path.unlink, "x.npy: No such file or directory while it was read; saved"),
    ],
)
def test_a_file_that_changes_ends_the_run_and_nothing_is_lost(
    tmp_path: Path, act: object, said: str
) -> None:
    line_files(tmp_path)
    kept = (tmp_path / "x.npy").read_bytes()
    assert callable(act)
    watcher = Watcher(3, lambda: act(tmp_path / "x.npy"))
    with pytest.raises(DataError) as caught:
        trainer(tmp_path, linear.session(seed=3), tmp_path / "run", watcher).run()
    assert said in str(caught.value) and str(caught.value).endswith("add --resume to go on")
    (tmp_path / "x.npy").write_bytes(kept)
    again, undisturbed = linear.session(seed=3), linear.session(seed=3)
    trainer(tmp_path, again, tmp_path / "run").run(resume=True)
    trainer(tmp_path, undisturbed).run()
    np.testing.assert_array_equal(words(again), words(undisturbed))


def test_a_number_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    line_files(tmp_path)
    y = np.load(tmp_path / "y.npy")
    y[203] = np.nan
    np.save(tmp_path / "y.npy", y)
    place = r"x.npy, y.npy, from example 192 on: y: nan of sample 11 is not a finite number$"
    with pytest.raises(DataError, match=place):
        trainer(tmp_path, linear.session(seed=3)).run()
