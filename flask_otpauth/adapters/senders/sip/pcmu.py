"""Speech as 8 kHz PCMU: G.711 µ-law, one byte for each sample."""

from __future__ import annotations

import array
import io
import math
import sys
import wave
from functools import lru_cache
from math import gcd
from operator import mul

#: Samples, and bytes, in a second.
RATE = 8000
#: The byte of silence.
SILENCE = b"\xff"
_BIAS = 0x84
_CLIP = 32_635
#: Zero crossings of the low-pass filter on each side, and its edge as a part of the lower rate.
_CROSSINGS = 8
_EDGE = 0.46


def encoded(audio: bytes) -> bytes:
    """
    Return WAV, or bare 16-bit little-endian samples of 8 kHz mono, as PCMU.

    :raises ValueError: if the audio is neither.
    """
    samples = _from_wav(audio) if audio[:4] == b"RIFF" else _samples(audio)
    table = _table()
    return bytes([table[sample & 0xFFFF] for sample in samples])


def _samples(data: bytes) -> array.array[int]:
    if len(data) % 2:
        raise ValueError("half a sample at the end")
    samples = array.array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _from_wav(audio: bytes) -> list[int]:
    try:
        with wave.open(io.BytesIO(audio)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            # A program that writes into a pipe does not know the length, and gives a very large one.
            frames = file.readframes(len(audio))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file: {error}") from None
    if width != 2 or not 4000 <= rate <= 192_000:
        raise ValueError("expected 16-bit samples, at 4 to 192 kHz")
    whole = len(frames) // (2 * channels) * 2 * channels
    return _resampled(_samples(frames[:whole])[::channels], rate)


def _resampled(samples: array.array[int], rate: int) -> list[int]:
    """Return the samples at 8 kHz. Above the highest tone of that rate, everything is filtered out."""
    if rate == RATE:
        return list(samples)
    common = gcd(rate, RATE)
    up, down = RATE // common, rate // common
    half, phases = _filters(up, down)
    padded = [0.0] * half + list(map(float, samples)) + [0.0] * (half + 1)
    count = len(samples) * up // down
    found = []
    for position in range(0, count * down, down):
        start, phase = divmod(position, up)
        total = sum(map(mul, phases[phase], padded[start : start + 2 * half + 1]))
        found.append(max(-32_768, min(32_767, round(total))))
    return found


@lru_cache(maxsize=4)
def _filters(up: int, down: int) -> tuple[int, list[list[float]]]:
    """Return half the length of a windowed sinc filter in input samples, and its weights for each phase."""
    edge = _EDGE * min(1.0, up / down)
    half = math.ceil(_CROSSINGS / (2 * edge))
    phases = []
    for phase in range(up):
        weights = [_weight(offset - phase / up, edge, half) for offset in range(-half, half + 1)]
        total = sum(weights)
        phases.append([weight / total for weight in weights])
    return half, phases


def _weight(distance: float, edge: float, half: int) -> float:
    """Return the weight of a sample at ``distance``: a sinc function within a Hann window."""
    if abs(distance) > half:
        return 0.0
    angle = 2 * math.pi * edge * distance
    sinc = math.sin(angle) / angle if angle else 1.0
    return sinc * (0.5 + 0.5 * math.cos(math.pi * distance / half))


@lru_cache(maxsize=1)
def _table() -> bytes:
    """Return the byte for each 16-bit sample (ITU-T G.711, table 2a)."""
    return bytes(_byte(sample - 0x10000 if sample & 0x8000 else sample) for sample in range(0x10000))


def _byte(sample: int) -> int:
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF
