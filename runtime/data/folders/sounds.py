"""WAV files as numbers from -1 to 1: one channel, at the rate that is wanted.

Channels are averaged.  Another rate is brought to the wanted one by a windowed sinc, whose cutoff
lies below half of the lower rate, so that nothing is heard at a frequency that it has not.
"""

from __future__ import annotations

import wave
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import one_line

SUFFIXES = (".wav",)
CONVERT = "convert it, as with: ffmpeg -i in -c:a pcm_s16le out.wav"
OTHERS = dict.fromkeys((".mp3", ".flac", ".ogg", ".m4a", ".aac", ".aif", ".aiff", ".opus"), CONVERT)
RATES = (1_000, 768_000)  # samples a second, between which all files are
CROSSINGS = 16  # of the sinc on each side
PIECE = 1 << 20  # products at once
FRACTIONS, ELSEWHERE = 3, 0xFFFE  # kinds of samples, as headers number them
HEADER = 1 << 12  # bytes within which a file says what it is
Samples = NDArray[np.float64]


def decoded(data: bytes, name: str, rate: int) -> NDArray[np.float32]:
    """The samples [T] of a file.

    Raises `DataError` for bytes that are none, or that say something else than they hold.
    """
    kind, data = kind_of(data)
    if kind == FRACTIONS:
        raise DataError(f"{name}: its samples are fractions, and are to be whole; {CONVERT}")
    with one_line(name, "a WAV file of whole numbers"), wave.open(BytesIO(data)) as sound:
        channels, width, own, frames = sound.getparams()[:4]
        samples = sound.readframes(frames)
    if not RATES[0] <= own <= RATES[1]:
        raise DataError(f"{name}: its header says {own:,} samples a second")
    if len(samples) != frames * channels * width:
        found = len(samples) // (channels * width)
        raise DataError(f"{name}: its header promises {frames:,} samples, and {found:,} are there")
    if not frames:
        raise DataError(f"{name}: there is no sound in it")
    mono = numbers_of(samples, width).reshape(frames, channels).mean(axis=1)
    return resampled(mono, own, rate).astype(np.float32)


def kind_of(data: bytes) -> tuple[int, bytes]:
    """How the samples of a file are written, by its header; 0 where it has none.

    The longer form of a header, which leaves that to a second place, is made the short one, which
    every reader knows.
    """
    at = data.find(b"fmt ", 12, HEADER) + 8
    kind = int.from_bytes(data[at : at + 2], "little") if at >= 20 else 0
    if kind == ELSEWHERE:
        kind = int.from_bytes(data[at + 24 : at + 26], "little")
        data = data[:at] + data[at + 24 : at + 26] + data[at + 2 :]
    return kind, data


def numbers_of(data: bytes, width: int) -> Samples:
    """Samples of so many bytes each, from -1 to 1; of one byte they are above zero."""
    if width == 1:
        return np.frombuffer(data, np.uint8) / 128.0 - 1.0
    if width == 3:  # the low byte of four is 0
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4") / 2.0**31
    return np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)


def resampled(samples: Samples, own: int, rate: int) -> Samples:
    """The same sound at another rate."""
    if own == rate:
        return samples
    count = max(1, round(len(samples) * rate / own))
    cutoff = min(1.0, rate / own)
    reach = int(np.ceil(CROSSINGS / cutoff))
    taps = np.arange(-reach, reach + 1)
    padded = np.pad(samples, reach + 1)
    found = np.empty(count)
    rows = max(1, PIECE // len(taps))
    for first in range(0, count, rows):
        places = np.arange(first, min(first + rows, count)) * (own / rate)
        near = np.minimum(np.rint(places).astype(np.int64), len(samples))
        distance = (near[:, None] + taps - places[:, None]) * cutoff
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / (CROSSINGS + 1), -1, 1))
        weights = cutoff * np.sinc(distance) * window
        found[first : first + len(places)] = (
            padded[near[:, None] + taps + reach + 1] * weights
        ).sum(axis=1)
    return found
