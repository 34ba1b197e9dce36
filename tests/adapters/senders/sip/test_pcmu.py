from __future__ import annotations

import io
import math
import struct
import wave

import pytest

from flask_otpauth.adapters.senders.sip.pcmu import RATE, encoded


def wav(samples: list[int], rate: int, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(b"".join(sample.to_bytes(width, "little", signed=True) for sample in samples))
    return file.getvalue()


def decoded(pcmu: bytes) -> list[int]:
    """The samples, by the inverse table of G.711."""
    found = []
    for byte in pcmu:
        inverse = ~byte & 0xFF
        magnitude = ((((inverse & 0x0F) << 3) + 0x84) << (inverse >> 4 & 7)) - 0x84
        found.append(-magnitude if inverse & 0x80 else magnitude)
    return found


def sine(frequency: float, rate: int, seconds: float = 0.2, amplitude: int = 10_000) -> list[int]:
    return [
        round(amplitude * math.sin(2 * math.pi * frequency * number / rate))
        for number in range(int(rate * seconds))
    ]


def loudness(samples: list[int]) -> float:
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    return math.sqrt(sum(sample**2 for sample in middle) / len(middle))


# The bytes that G.711 and its reference implementation give.
@pytest.mark.parametrize(
    ("sample", "byte"),
    [
        (0, 0xFF),
        (-1, 0x7F),
        (8, 0xFE),
        (-8, 0x7E),
        (1000, 0xCE),
        (-1000, 0x4E),
        (32_767, 0x80),
        (-32_768, 0x00),
    ],
)
def test_a_sample_has_the_byte_of_the_standard(sample: int, byte: int) -> None:
    assert encoded(struct.pack("<h", sample)) == bytes([byte])


def test_every_byte_but_the_second_zero_survives_the_way_there_and_back() -> None:
    every = bytes(byte for byte in range(256) if byte != 0x7F)

    assert encoded(struct.pack(f"<{len(every)}h", *decoded(every))) == every


def test_no_sample_is_further_off_than_the_step_of_its_segment() -> None:
    samples = list(range(-32_635, 32_636, 7))

    for sample, heard in zip(
        samples, decoded(encoded(struct.pack(f"<{len(samples)}h", *samples))), strict=True
    ):
        assert abs(sample - heard) <= max(4, abs(sample) // 16)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_speech_of_each_rate_keeps_its_tone_and_its_length(rate: int) -> None:
    tone = sine(1000, rate)

    heard = decoded(encoded(wav(tone, rate)))

    assert len(heard) == pytest.approx(RATE * 0.2, abs=2)
    assert loudness(heard) == pytest.approx(loudness(tone), rel=0.05)


def test_tones_that_a_phone_cannot_play_are_filtered_out() -> None:
    heard = decoded(encoded(wav(sine(5500, 22_050), 22_050)))

    assert loudness(heard) < 100


def test_the_first_of_two_channels_is_taken() -> None:
    stereo = [sample for one in sine(400, RATE) for sample in (one, 0)]

    assert encoded(wav(stereo, RATE, channels=2)) == encoded(wav(sine(400, RATE), RATE))


def test_a_length_that_is_too_large_is_ignored_as_programs_in_a_pipe_write_it() -> None:
    whole = wav(sine(400, RATE), RATE)
    at = whole.index(b"data") + 4

    assert encoded(whole[:at] + b"\xf0\xff\xff\x7f" + whole[at + 4 :]) == encoded(whole)


@pytest.mark.parametrize(
    "audio",
    [
        b"\x00",
        b"RIFF",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"RIFF" + b"x" * 100,
        wav([1, 2], RATE, width=1),
        wav([1, 2], RATE, width=3),
        wav([1, 2], 100),
    ],
)
def test_what_is_no_speech_is_refused(audio: bytes) -> None:
    with pytest.raises(ValueError, match="WAV|16-bit|sample"):
        encoded(audio)
