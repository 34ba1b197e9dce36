from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.adapters.senders.sip.messages import (
    LONGEST_MESSAGE,
    Malformed,
    Request,
    Response,
    Stream,
    parameter,
    parse,
    uri_in,
)
from tests.adapters.senders.sip.samples import an_invite, response_to

RINGING = (
    b"SIP/2.0 180 Ringing\r\n"
    b"v: SIP/2.0/UDP one.test;branch=z9hG4bKone , SIP/2.0/UDP two.test;branch=z9hG4bKtwo\r\n"
    b"Via: SIP/2.0/UDP three.test;branch=z9hG4bKthree\r\n"
    b'f: "A, \\"quoted\\"; tag=no" <sip:1234@one.test;tag=neither>;tag=from\r\n'
    b"T:\r\n <sip:5678@one.test>;TAG=to\r\n"
    b"i: name of the call\r\n"
    b"CSEQ: 7   INVITE\r\n"
    b"l: 2\r\n"
    b"\r\n"
    b"ok, and what does not belong to it"
)


def malformed(old: bytes, new: bytes) -> bytes:
    assert old in RINGING
    return RINGING.replace(old, new)


def test_a_request_is_read_as_it_was_written() -> None:
    written = an_invite()

    read = parse(written.encode())

    assert isinstance(read, Request)
    assert (read.method, read.uri, read.body) == ("INVITE", written.uri, written.body)
    assert (read.branch, read.call_id, read.sequence) == (written.branch, written.call_id, (1, "INVITE"))


def test_a_response_is_read_with_short_names_and_folded_lines() -> None:
    read = parse(RINGING)

    assert isinstance(read, Response)
    assert (read.status, read.reason, read.body) == (180, "Ringing", b"ok")
    assert [parameter(via, "branch") for via in read.every("Via")] == [
        "z9hG4bKone",
        "z9hG4bKtwo",
        "z9hG4bKthree",
    ]
    assert (parameter(read.header("From"), "tag"), parameter(read.header("To"), "tag")) == ("from", "to")
    assert uri_in(read.header("From")) == "sip:1234@one.test;tag=neither"
    assert read.sequence == (7, "INVITE")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        RINGING.partition(b"\r\n\r\n")[0],
        malformed(b"180", b"780"),
        malformed(b"180", b"1800"),
        malformed(b"l: 2", b"l: 2000"),
        malformed(b"l: 2", b"l: -1"),
        malformed(b"l: 2", "l: \N{SUPERSCRIPT TWO}".encode()),
        malformed(b"l: 2", b"no colon"),
        malformed(b"l: 2", b"Header\x00: x"),
        malformed(b"l: 2", b"Folded: x\ny: z"),
        malformed(b"i: name of the call\r\n", b""),
        malformed(b"CSEQ: 7   INVITE", b"CSEQ: INVITE"),
        malformed(b"CSEQ: 7   INVITE", "CSEQ: \N{SUPERSCRIPT TWO} INVITE".encode()),
        malformed(b"one.test", b"\xff\xfe"),
        malformed(b"l: 2", b"a: " + b"b" * 5000),
        malformed(b"l: 2", b"a: b\r\n" * 300 + b"l: 2"),
        RINGING + b"x" * LONGEST_MESSAGE,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


@given(st.binary(max_size=300), st.integers(0, len(RINGING)), st.integers(0, 50))
def test_garbage_within_a_message_is_read_or_refused(garbage: bytes, at: int, gone: int) -> None:
    try:
        read = parse(RINGING[:at] + garbage + RINGING[at + gone :])
    except Malformed:
        return

    assert read.sequence[0] >= 0
    assert isinstance(read.branch, str)


@pytest.mark.parametrize("break_", ["\r", "\n", "\r\n"])
def test_no_header_can_smuggle_in_another(break_: str) -> None:
    message = Request((("From", f"<sip:1{break_}X: y>"),), method="INVITE", uri="sip:1@one.test")

    with pytest.raises(ValueError, match="line break"):
        message.encode()


def test_the_numbers_of_a_call_are_not_shown() -> None:
    sent = an_invite()

    shown = f"{sent!r} {response_to(sent, 180)!r} {sent.encode()!r}"

    assert "1234" not in shown


def test_messages_on_a_connection_are_cut_apart_byte_by_byte() -> None:
    first, second = an_invite().encode(), an_invite().encode()
    stream, found = Stream(), []

    for byte in b"\r\n\r\n" + first + b"\r\n" + second:
        stream.feed(bytes([byte]))
        message = stream.next()
        found += [message] if message else []

    assert found == [first, second]


@pytest.mark.parametrize(
    "data",
    [
        malformed(b"l: 2", b"x: 2"),
        malformed(b"l: 2", b"l: 70000"),
        malformed(b"l: 2", b"l: two"),
        b"x" * (LONGEST_MESSAGE + 1),
    ],
)
def test_a_connection_on_which_no_message_can_be_found_is_given_up(data: bytes) -> None:
    stream = Stream()
    stream.feed(data)

    with pytest.raises(Malformed):
        stream.next()
