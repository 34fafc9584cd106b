"""WAV files: widths, channels, rates; headers that lie; folders of them."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import DataError, load
from gradc_runtime.data.folders.sounds import decoded, resampled

LABEL = TensorType((), Kind.INDEX, 2)
SEQUENCE, SECOND = TensorType((), time="n"), TensorType((800,))


def tone(frequency: float, rate: int, seconds: float = 0.1) -> np.ndarray:
    """Samples of a sine."""
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def wav(samples: np.ndarray, rate: int = 8_000, width: int = 2, channels: int = 1) -> bytes:
    """A file of these samples in every channel."""
    whole = np.repeat(np.rint(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64), channels)
    data = (whole + 128 if width == 1 else whole).astype("<i8").view(np.uint8).reshape(-1, 8)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as made:
        made.setparams((channels, width, rate, 0, "NONE", ""))
        made.writeframes(data[:, :width].tobytes())
    return stream.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_width_and_channels_give_the_same_sound(width: int, channels: int) -> None:
    sound = tone(440, 8_000)
    found = decoded(wav(sound, width=width, channels=channels), "a.wav", 8_000)
    np.testing.assert_allclose(found, sound, atol=2.0 ** (2 - 8 * width) + 1e-6)


def with_longer_header(data: bytes, kind: int) -> bytes:
    """The same file with the header that most programs write for 24 bits or more channels."""
    tail = struct.pack("<HHIH", 22, 8 * data[34] // 8, 0, kind) + bytes.fromhex(
        "000000001000800000aa00389b71"
    )
    fmt = struct.pack("<I", 40) + b"\xfe\xff" + data[22:36] + tail
    body = data[:12] + b"fmt " + fmt + data[36:]
    return body[:4] + struct.pack("<I", len(body) - 8) + body[8:]


@pytest.mark.parametrize("width", [2, 3])
def test_the_longer_header_says_the_same(width: int) -> None:
    data = wav(tone(440, 8_000), width=width)
    found = decoded(with_longer_header(data, 1), "a.wav", 8_000)
    np.testing.assert_array_equal(found, decoded(data, "a.wav", 8_000))
    with pytest.raises(DataError, match="its samples are fractions, and are to be whole; convert"):
        decoded(with_longer_header(wav(tone(440, 8_000), width=4), 3), "a.wav", 8_000)


@pytest.mark.parametrize("own", [8_000, 22_050, 44_100])
def test_another_rate_is_the_same_sound(own: int) -> None:
    found = resampled(tone(440, own), own, 16_000)
    assert len(found) == 1_600
    np.testing.assert_allclose(found[100:-100], tone(440, 16_000)[100:-100], atol=1e-3)


def test_what_the_lower_rate_cannot_carry_is_not_heard() -> None:
    assert np.abs(resampled(tone(7_000, 44_100), 44_100, 8_000)[20:-20]).max() < 1e-3


GOOD = wav(tone(440, 8_000))


def changed(at: int, format: str, value: int) -> bytes:
    """The good file with another number in its header."""
    data = bytearray(GOOD)
    struct.pack_into(format, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "a.wav: damaged or not a WAV file of whole numbers ("),
        (b"RIFF", "a.wav: damaged or not a WAV file of whole numbers ("),
        (GOOD[:30], "a.wav: damaged or not a WAV file of whole numbers ("),
        (GOOD[:-400], "a.wav: its header promises 800 samples, and 600 are there"),
        (changed(40, "<I", 2**32 - 2), "a.wav: its header promises 2,147,483,647 samples"),
        (changed(24, "<I", 0), "a.wav: its header says 0 samples a second"),
        (changed(24, "<I", 2**32 - 1), "a.wav: its header says 4,294,967,295 samples a second"),
        (changed(22, "<H", 0), "a.wav: damaged or not a WAV file of whole numbers ("),
        (changed(20, "<H", 3), "a.wav: its samples are fractions, and are to be whole"),
        (wav(np.zeros(0)), "a.wav: there is no sound in it"),
    ],
)
def test_headers_that_lie(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as fault:
        decoded(data, "a.wav", 8_000)
    assert str(fault.value).startswith(said) and "\n" not in str(fault.value)


def sounds(folder: Path) -> Path:
    """A folder for each of two classes."""
    for name, frequency in (("high", 900), ("low", 200)):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            data = wav(tone(frequency, 16_000, 0.08 + 0.02 * number), 16_000, channels=2)
            (folder / name / f"{number}.wav").write_bytes(data)
    return folder


def loaded(directory: Path, type: TensorType, **how: Any) -> Any:
    """What `audio("said", rate = 8_000)` gives."""
    source = DataSource(
        name="d", fields=(("sound", type), ("label", LABEL)), function="audio",
        arguments=("said",), keywords={"rate": 8_000}, directory=str(directory),
    )  # fmt: skip
    return load(source, **how)


def test_a_folder_of_sounds(tmp_path: Path) -> None:
    sounds(tmp_path / "said")
    data = loaded(tmp_path, SEQUENCE)
    assert data.arrays["sound"].lengths.tolist() == [640, 800, 960] * 2
    assert data.encoding.classes == {"label": ("high", "low")}
    fixed = loaded(tmp_path, SECOND).arrays["sound"]
    assert fixed.shape == (6, 800) and not fixed[0, 640:].any() and fixed[1, 790:].any()
    pieces = loaded(tmp_path, SEQUENCE, in_memory=0, block=4000)
    found = pieces.take(slice(None))["sound"]
    np.testing.assert_array_equal(found.values, data.arrays["sound"].values)


def test_a_field_that_no_sound_can_be(tmp_path: Path) -> None:
    sounds(tmp_path / "said")
    with pytest.raises(DataError, match=r"sound : \[4, 4\] is no sound: it is seq scalar"):
        loaded(tmp_path, TensorType((4, 4)))
    (tmp_path / "said" / "low" / "a.mp3").write_bytes(b"x")
    with pytest.raises(DataError, match=r"said/low/a\.mp3: sounds are \.wav; convert it, as with"):
        loaded(tmp_path, SEQUENCE)
