from __future__ import annotations

import itertools
import socket
import struct
import threading
from collections.abc import Iterable, Iterator

import pytest

from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from flask_otpauth.adapters.senders.sip.messages import Request
from flask_otpauth.adapters.senders.sip.pcmu import SILENCE
from flask_otpauth.adapters.senders.sip.sender import SipSender
from flask_otpauth.ports.senders import Message, Receipt, Status
from tests.adapters.senders.sip.samples import request_of_phone, response_to
from tests.adapters.senders.sip.trunk import Behavior, Trunk, await_, trunk

FLASH_CALL = Message("flashcall", "+79991234567", "1234", caller_number="74872601234")
SPOKEN = Message("voice", "+84987654321", "1234", text="Your code is 1 2 3 4.", locale="en")
CHALLENGE = 'Digest realm="trunk", nonce="n1", algorithm=SHA-256, qop="auth"'
#: Two tenths of a second of all bytes but one, which is silence as well.
SOUND = bytes(set(range(256)) - {0x7F}).ljust(320, SILENCE) * 5
QUICK = {"t1_seconds": 0.02, "ring_seconds": 0.05, "connect_seconds": 0.6, "answer_seconds": 0.6}

transports = pytest.mark.parametrize("transport", ["udp", "tcp"])


def send(server: Trunk, message: Message, **declared: object) -> Receipt:
    values = {"server": server.server, "transport": server.transport, **QUICK, **declared}
    return SipSender(SipTrunk.model_validate(values)).send(message)


def responding(*statuses: int, to_cancel: tuple[int, ...] = (487,), body: bytes = b"") -> Behavior:
    """Respond to an INVITE with these; to a CANCEL with 200, and then to its INVITE."""
    invites: list[Request] = []

    def respond(request: Request) -> Iterable[bytes]:
        if request.method == "INVITE":
            invites.append(request)
            for status in statuses:
                yield response_to(request, status, body=body if 200 <= status < 300 else b"").encode()
        elif request.method == "CANCEL":
            yield response_to(request, 200).encode()
            for status in to_cancel:
                yield response_to(invites[-1], status).encode()
        elif request.method == "BYE":
            yield response_to(request, 200).encode()

    return respond


class Receiver:
    """The phone's end of the audio."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)

    @property
    def answer(self) -> bytes:
        port = self.socket.getsockname()[1]
        return f"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 0\r\n".encode()

    def packets(self, count: int) -> list[bytes]:
        return [self.socket.recv(2000) for _ in range(count)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.socket.close()


def tone(text: str, locale: str) -> bytes:
    """A host's own text to speech: the samples of all PCMU bytes, which survive the way there and back."""
    assert (text, locale) == (SPOKEN.text, SPOKEN.locale)
    return b"".join(struct.pack("<h", _linear(byte)) for byte in SOUND)


def _linear(byte: int) -> int:
    byte = ~byte & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


@transports
def test_a_phone_that_rings_has_seen_the_number(transport: str) -> None:
    with trunk(transport, responding(100, 180)) as server:
        receipt = send(server, FLASH_CALL)
        ack = server.wait_for("ACK")

    invite = server.received[0]
    assert (receipt.status, receipt.provider_id) == (Status.ACCEPTED, invite.call_id)
    assert server.methods == ["INVITE", "CANCEL", "ACK"]
    assert invite.header("from").startswith("<sip:74872601234@127.0.0.1>;tag=")
    assert (invite.uri, ack.branch) == ("sip:+79991234567@127.0.0.1", invite.branch)


@transports
def test_an_early_answer_is_acknowledged_and_ended(transport: str) -> None:
    with trunk(transport, responding(100, 200)) as server:
        receipt = send(server, FLASH_CALL)

    assert (receipt.status, receipt.detail) == (Status.ACCEPTED, "it was answered")
    assert server.methods == ["INVITE", "ACK", "BYE"]


@transports
def test_an_answer_that_beats_the_cancel_is_acknowledged_and_ended(transport: str) -> None:
    with trunk(transport, responding(180, to_cancel=(200,))) as server:
        receipt = send(server, FLASH_CALL)

    assert (receipt.status, receipt.detail) == (Status.ACCEPTED, "it was answered")
    assert server.methods == ["INVITE", "CANCEL", "ACK", "BYE"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (401, Status.AUTH_ERROR),
        (407, Status.AUTH_ERROR),
        (403, Status.REJECTED),
        (404, Status.INVALID_RECIPIENT),
        (408, Status.UNAVAILABLE),
        (480, Status.INVALID_RECIPIENT),
        (486, Status.INVALID_RECIPIENT),
        (488, Status.REJECTED),
        (302, Status.REJECTED),
        (500, Status.UNAVAILABLE),
        (503, Status.UNAVAILABLE),
        (600, Status.INVALID_RECIPIENT),
        (603, Status.INVALID_RECIPIENT),
        (607, Status.REJECTED),
    ],
)
def test_a_call_that_never_rang_is_a_definite_failure(code: int, status: Status) -> None:
    with trunk("udp", responding(100, code)) as server:
        receipt = send(server, FLASH_CALL)
        server.wait_for("ACK")

    assert receipt.status is status
    assert receipt.status.is_definite_failure
    assert receipt.detail.startswith(f"SIP {code}: ")


def test_a_phone_that_was_declined_while_it_rang_has_seen_the_number() -> None:
    with trunk("udp", responding(180, 603)) as server:
        receipt = send(server, FLASH_CALL, ring_seconds=5)

    assert receipt.status is Status.ACCEPTED


def test_a_call_that_does_not_ring_in_time_is_canceled_and_a_definite_failure() -> None:
    with trunk("udp", responding(100)) as server:
        receipt = send(server, FLASH_CALL, answer_seconds=0.2)

    assert (receipt.status, receipt.detail) == (Status.UNAVAILABLE, "SIP 487: did not ring in time")
    assert server.methods[:2] == ["INVITE", "CANCEL"]


def test_a_trunk_that_is_silent_leaves_the_outcome_unknown() -> None:
    with trunk("udp", lambda _: ()) as server:
        receipt = send(server, FLASH_CALL)

    assert receipt.status is Status.TIMEOUT
    assert set(server.methods) == {"INVITE"}
    assert len(server.received) > 2


def test_a_phone_that_rings_after_all_is_canceled_although_nobody_waits_any_more() -> None:
    silent = threading.Event()
    respond = responding(180)

    def late(request: Request) -> Iterable[bytes]:
        answers = [*respond(request)]
        return answers if silent.is_set() else ()

    with trunk("udp", late) as server:
        receipt = send(server, FLASH_CALL, connect_seconds=0.1, t1_seconds=0.1)
        late_ring = response_to(server.received[0], 180).encode()
        silent.set()
        port = int(server.received[0].header("via").partition(":")[2].partition(";")[0])
        server.socket.sendto(late_ring, ("127.0.0.1", port))
        server.wait_for("CANCEL")

    assert receipt.status is Status.TIMEOUT


def test_the_end_of_a_call_is_acknowledged_as_often_as_it_comes() -> None:
    with trunk("udp", responding(180, to_cancel=(487, 487, 487))) as server:
        send(server, FLASH_CALL)
        acks = [server.wait_for("ACK") for _ in range(3)]

    assert len({ack.branch for ack in acks}) == 1


@transports
@pytest.mark.parametrize("code", [401, 407])
def test_a_trunk_that_asks_for_credentials_gets_them(transport: str, code: int) -> None:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    ring = responding(180)

    def ask(request: Request) -> Iterable[bytes]:
        if request.method == "INVITE" and request.sequence[0] == 1:
            return [response_to(request, code, (name, CHALLENGE)).encode()]
        return ring(request)

    with trunk(transport, ask) as server:
        receipt = send(server, FLASH_CALL, username="shop", password="secret")
        server.wait_for("CANCEL")

    assert receipt.status is Status.ACCEPTED
    assert server.methods[:4] == ["INVITE", "ACK", "INVITE", "CANCEL"]
    answered = server.received[2].header("authorization" if code == 401 else "proxy-authorization")
    assert 'username="shop"' in answered
    assert "algorithm=SHA-256" in answered


def test_a_trunk_that_is_not_there_is_unavailable() -> None:
    with trunk("udp", lambda _: ()) as server:
        pass

    for transport in ("udp", "tcp"):
        server.transport = transport
        assert send(server, FLASH_CALL).status is Status.UNAVAILABLE


def test_a_name_without_an_address_is_unavailable() -> None:
    trunk_ = SipTrunk(server="sip.invalid")

    assert SipSender(trunk_).send(FLASH_CALL).status is Status.UNAVAILABLE


@pytest.mark.parametrize("recipient", ["", "user@example.com", "+7999\r\nX: y", "123;x=y", "+٧٩٩٩"])
def test_what_is_no_number_is_not_called(recipient: str) -> None:
    receipt = SipSender(SipTrunk(server="sip.invalid")).send(Message("flashcall", recipient, "1"))

    assert receipt.status is Status.INVALID_RECIPIENT


def test_a_caller_that_is_no_number_is_not_sent() -> None:
    message = Message("flashcall", "+79991234567", "1", caller_number="1\r\nX: y")

    assert SipSender(SipTrunk(server="sip.invalid")).send(message).status is Status.REJECTED


@pytest.mark.parametrize(
    "noise", [b"", b"\x00" * 60_000, b"SIP/2.0 180 Ringing\r\n\r\n", b"\xff\xfe\r\n\r\n"]
)
def test_datagrams_that_are_no_answer_change_nothing(noise: bytes) -> None:
    ring = responding(180)

    def behave(request: Request) -> Iterable[bytes]:
        stranger = response_to(request, 200, tag="other").encode()
        wrong = stranger.replace(request.branch.encode(), b"z9hG4bKwrong")
        return [noise, wrong, *ring(request)]

    with trunk("udp", behave) as server:
        receipt = send(server, FLASH_CALL)

    assert (receipt.status, receipt.detail) == (Status.ACCEPTED, "it rang")
    assert "BYE" not in server.methods


@pytest.mark.parametrize(
    "noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x" * 70_000, b"SIP/2.0 180 R\r\nl: 99999\r\n\r\n"]
)
def test_a_connection_to_something_else_leaves_the_outcome_unknown(noise: bytes) -> None:
    with trunk("tcp", lambda _: [noise]) as server:
        assert send(server, FLASH_CALL).status is Status.TIMEOUT


def test_a_connection_that_closes_leaves_the_outcome_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(65_535)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        port = listener.getsockname()[1]
        receipt = SipSender(SipTrunk(server=f"127.0.0.1:{port}", transport="tcp")).send(FLASH_CALL)
        thread.join()

    assert receipt.status is Status.TIMEOUT


def test_a_dripping_connection_is_left_at_the_deadline() -> None:
    stopped = threading.Event()

    def drip(request: Request) -> Iterator[bytes]:
        for byte in itertools.cycle(b"SIP/2.0 180 Ringing "):
            if stopped.wait(0.02):
                return
            yield bytes([byte])

    with trunk("tcp", drip) as server:
        receipt = send(server, FLASH_CALL, connect_seconds=0.3)
        stopped.set()

    assert receipt.status is Status.TIMEOUT


@transports
def test_a_phone_that_answers_hears_the_whole_text_at_its_own_speed(
    transport: str, receiver: Receiver
) -> None:
    with trunk(transport, responding(180, 200, body=receiver.answer)) as server:
        receipt = send(server, SPOKEN, speech=tone)
        packets = receiver.packets(60)

    assert (receipt.status, receipt.detail) == (Status.ACCEPTED, "it was spoken completely")
    assert server.methods == ["INVITE", "ACK", "BYE"]
    pause = SILENCE * 4000
    assert b"".join(packet[12:] for packet in packets) == pause + SOUND + pause
    headers = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    first = headers[0]
    assert [(h[2] - first[2]) % 2**16 for h in headers] == list(range(60))
    assert [(h[3] - first[3]) % 2**32 for h in headers] == list(range(0, 60 * 160, 160))
    assert [h[1] for h in headers] == [0x80, *[0] * 59]
    assert {(h[0], h[4]) for h in headers} == {(0x80, first[4])}


def test_a_phone_that_hangs_up_early_leaves_the_outcome_unknown(receiver: Receiver) -> None:
    answer = responding(200, body=receiver.answer)

    def leave(request: Request) -> Iterable[bytes]:
        if request.method != "ACK":
            return answer(request)
        return [request_of_phone(server.received[0], "BYE").encode()]

    with trunk("udp", leave) as server:
        receipt = send(server, SPOKEN, speech=tone)

    assert (receipt.status, receipt.detail) == (Status.TIMEOUT, "it was not spoken completely")
    assert "BYE" not in server.methods


def test_a_phone_that_nobody_answers_leaves_the_outcome_unknown() -> None:
    with trunk("udp", responding(180)) as server:
        receipt = send(server, SPOKEN, speech=tone, answer_seconds=0.2)

    assert (receipt.status, receipt.detail) == (Status.TIMEOUT, "it rang and was not answered")
    assert "CANCEL" in server.methods


def test_a_busy_phone_is_a_definite_failure() -> None:
    with trunk("udp", responding(100, 486)) as server:
        receipt = send(server, SPOKEN, speech=tone)

    assert receipt.status is Status.INVALID_RECIPIENT


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"m=",
        b"c=IN IP4 127.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n",
        b"c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n",
        b"c=IN IP4 phone.example.com\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"c=IN IP6 ::1\r\nm=audio 4000 RTP/AVP 0\r\n",
    ],
)
def test_a_phone_that_wants_no_such_audio_is_hung_up_on(answer: bytes) -> None:
    with trunk("udp", responding(200, body=answer)) as server:
        receipt = send(server, SPOKEN, speech=tone)
        server.wait_for("BYE")

    assert (receipt.status, receipt.detail) == (Status.TIMEOUT, "it was not spoken completely")


@pytest.mark.parametrize("sound", [b"", b"RIFF of something else", b"\x00"])
def test_without_speech_no_call_is_placed(sound: bytes) -> None:
    with trunk("udp", responding(180)) as server:
        receipt = send(server, SPOKEN, speech=lambda text, locale: sound)

    assert receipt.status is Status.REJECTED
    assert server.received == []


def test_the_password_and_the_code_are_shown_nowhere() -> None:
    with trunk("udp", responding(100, 486)) as server:
        receipt = send(server, FLASH_CALL, username="shop", password="secret")

    shown = f"{receipt!r} {SipTrunk(server='x', password='secret')!r}"  # type: ignore[arg-type]
    assert "1234" not in shown
    assert "secret" not in shown


def test_a_call_that_has_ended_leaves_no_thread_behind() -> None:
    with trunk("udp", responding(180)) as server:
        send(server, FLASH_CALL, t1_seconds=0.01)

    await_(lambda: not any(each.name == "sip-linger" for each in threading.enumerate()))
