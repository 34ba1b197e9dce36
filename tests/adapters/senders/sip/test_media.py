from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.adapters.senders.sip.media import Audio, packets, target_in

HERE = "c=IN IP4 192.0.2.7\r\n"
WANTED = "m=audio 4000 RTP/AVP 8 0 101\r\n"


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        (HERE + WANTED, ("192.0.2.7", 4000)),
        (HERE + WANTED + "c=IN IP4 192.0.2.8\r\n", ("192.0.2.8", 4000)),
        (WANTED + "c=IN IP6 2001:db8::8\r\n", ("2001:db8::8", 4000)),
        (WANTED + "c=IN IP6 fe80::1%\0\r\n", None),
        (HERE + "m=video 5000 RTP/AVP 31\r\n" + WANTED, ("192.0.2.7", 4000)),
        (HERE + WANTED + "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n", ("192.0.2.7", 4000)),
        (WANTED, None),
        (HERE, None),
        (HERE + "m=audio 0 RTP/AVP 0\r\n", None),
        (HERE + "m=audio 99999 RTP/AVP 0\r\n", None),
        (HERE + "m=audio -1 RTP/AVP 0\r\n", None),
        (HERE + "m=audio 4000 RTP/AVP 8\r\n", None),
        (HERE + "m=audio 4000\r\n", None),
        ("c=IN IP4 phone.example.com\r\n" + WANTED, None),
        ("c=IN IP4 0.0.0.0\r\n" + WANTED, None),
        ("c=IN IP4 224.0.0.1/127\r\n" + WANTED, None),
        ("c=\r\nm=\r\n", None),
    ],
)
def test_an_answer_says_where_the_audio_goes(answer: str, target: tuple[str, int] | None) -> None:
    assert target_in(answer.encode()) == target


@given(st.binary(max_size=200))
def test_garbage_says_nothing_or_somewhere(answer: bytes) -> None:
    target_in(b"c=IN IP4 192.0.2.7\r\nm=audio " + answer)
    target_in(answer)


@pytest.mark.parametrize(("host", "kind"), [("127.0.0.1", "IP4"), ("::1", "IP6")])
def test_an_offer_is_an_answer_that_we_would_take(host: str, kind: str) -> None:
    audio = Audio(host)
    offer = audio.offer()
    audio.close()

    assert f"c=IN {kind} {host}\r\n".encode() in offer
    target = target_in(offer)
    assert target is not None
    assert target[0] == host


def test_the_last_packet_is_filled_with_silence() -> None:
    sent = list(packets(b"\x01" * 161))

    assert [len(packet) for packet in sent] == [172, 172]
    assert sent[1][12:] == b"\x01" + b"\xff" * 159


def test_a_sound_ends_with_the_call() -> None:
    audio = Audio("127.0.0.1")
    waits: list[float] = []

    def wait(until: float) -> bool:
        waits.append(until)
        return len(waits) < 3

    is_spoken = audio.play(b"\x01" * 1600, ("127.0.0.1", 9), wait)
    audio.close()

    assert not is_spoken
    assert len(waits) == 3
    assert min(waits[1] - waits[0], waits[2] - waits[1]) > 0.0199
