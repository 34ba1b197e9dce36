from __future__ import annotations

import math

import pytest

from flask_otpauth.adapters.senders.sip.call import Call
from flask_otpauth.adapters.senders.sip.digest import Credentials
from flask_otpauth.adapters.senders.sip.messages import Request, Response, parameter, parse
from flask_otpauth.adapters.senders.sip.transactions import Timers, Wire
from tests.adapters.senders.sip.samples import PLACE, an_invite, request_of_phone, response_to

CHALLENGE = ("WWW-Authenticate", 'Digest realm="trunk", nonce="n1", qop="auth"')
STALE = ("WWW-Authenticate", 'Digest realm="trunk", nonce="n2", qop="auth", stale=true')


class Wired:
    """A call, and what it sends."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self.sent: list[bytes] = []
        self.now = 0.0
        self.call = Call(an_invite(), Wire(self.sent.append, PLACE, Timers(t1=0.5)), credentials, self.now)

    @property
    def requests(self) -> list[Request]:
        return [each for data in self.sent if isinstance(each := parse(data), Request)]

    @property
    def methods(self) -> list[str]:
        return [each.method for each in self.requests]

    def last(self, method: str) -> Request:
        return next(each for each in reversed(self.requests) if each.method == method)

    def respond(self, status: int, *more: tuple[str, str], to: str = "INVITE", tag: str = "phone") -> None:
        self.receive(response_to(self.last(to), status, *more, tag=tag))

    def receive(self, message: Request | Response) -> None:
        self.call.receive(message.encode(), self.now)

    def hang_up(self) -> None:
        self.call.hang_up(self.now)

    def wait(self, until: float) -> None:
        while self.call.due <= until:
            self.now = self.call.due
            self.call.tick(self.now)
        self.now = until


@pytest.mark.parametrize("status", [180, 183])
def test_a_phone_that_rings_is_canceled_and_the_end_acknowledged(status: int) -> None:
    wired = Wired()
    wired.respond(100)
    first = wired.call.has_rung

    wired.respond(status)
    wired.hang_up()
    wired.respond(200, to="CANCEL")
    wired.respond(487)

    assert (first, wired.call.has_rung) == (False, True)
    assert wired.call.is_over
    assert wired.methods == ["INVITE", "CANCEL", "ACK"]


def test_an_answer_that_is_faster_than_the_cancel_is_acknowledged_and_ended() -> None:
    wired = Wired()
    wired.respond(180)
    wired.hang_up()

    wired.respond(200)
    wired.respond(481, to="CANCEL")
    wired.respond(200, to="BYE")

    assert wired.methods == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert wired.call.answer is not None
    assert wired.call.is_over


def test_an_answer_is_acknowledged_again_each_time_that_it_comes() -> None:
    wired = Wired()

    for _ in range(3):
        wired.respond(200)

    assert wired.methods == ["INVITE", "ACK", "ACK", "ACK"]
    assert len(set(wired.sent[1:])) == 1


def test_the_second_of_two_phones_that_answer_is_acknowledged_and_ended() -> None:
    wired = Wired()
    wired.respond(200, tag="first")

    wired.respond(200, tag="second")

    assert wired.methods == ["INVITE", "ACK", "ACK", "BYE"]
    assert parameter(wired.last("BYE").header("To"), "tag") == "second"
    assert not wired.call.is_over


def test_a_phone_that_claims_to_be_hundreds_gets_few_answers() -> None:
    wired = Wired()

    for number in range(500):
        wired.respond(200, tag=f"phone{number}")

    assert len(wired.sent) < 50


def test_an_answered_call_is_ended_by_bye() -> None:
    wired = Wired()
    wired.respond(200)

    wired.hang_up()
    wired.hang_up()
    assert not wired.call.is_over
    wired.respond(200, to="BYE")

    assert wired.methods == ["INVITE", "ACK", "BYE"]
    assert wired.call.is_over


def test_a_bye_that_needs_credentials_is_sent_once_more_with_them() -> None:
    wired = Wired(Credentials("shop", "secret"))
    wired.respond(200)
    wired.hang_up()

    wired.respond(401, CHALLENGE, to="BYE")
    wired.respond(401, CHALLENGE, to="BYE")

    assert wired.methods == ["INVITE", "ACK", "BYE", "BYE"]
    assert wired.last("BYE").sequence == (3, "BYE")
    assert wired.call.is_over


def test_a_bye_of_the_phone_is_answered_and_ends_the_call() -> None:
    wired = Wired()
    wired.respond(200)

    wired.receive(request_of_phone(wired.last("INVITE"), "BYE"))
    reply = parse(wired.sent[-1])

    assert isinstance(reply, Response)
    assert (reply.status, reply.sequence, reply.branch) == (200, (1, "BYE"), "z9hG4bKphone")
    assert wired.call.was_left
    assert wired.call.is_over


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("INVITE", 488), ("INFO", 405), ("CANCEL", 405)]
)
def test_other_requests_of_the_phone_change_nothing(method: str, status: int) -> None:
    wired = Wired()
    wired.respond(200)

    wired.receive(request_of_phone(wired.last("INVITE"), method))
    reply = parse(wired.sent[-1])

    assert isinstance(reply, Response)
    assert reply.status == status
    assert not wired.call.is_over


def test_a_stranger_cannot_end_the_call() -> None:
    wired = Wired()
    wired.respond(200)

    wired.receive(request_of_phone(wired.last("INVITE"), "BYE", tag="stranger"))
    reply = parse(wired.sent[-1])

    assert isinstance(reply, Response)
    assert reply.status == 481
    assert not wired.call.is_over


def test_an_ack_is_never_answered() -> None:
    wired = Wired()
    before = len(wired.sent)

    wired.receive(request_of_phone(wired.last("INVITE"), "ACK"))

    assert len(wired.sent) == before


def test_nothing_is_canceled_before_there_is_a_response() -> None:
    wired = Wired()

    wired.hang_up()
    wired.wait(10)
    assert wired.methods == ["INVITE"]
    wired.respond(100)

    assert wired.methods == ["INVITE", "CANCEL"]


def test_a_call_that_nobody_responds_to_ends_by_itself() -> None:
    wired = Wired()

    wired.wait(40)

    assert wired.call.is_over
    assert not wired.call.is_heard
    assert wired.call.due == math.inf


def test_a_call_that_was_given_up_without_a_response_ends_by_itself() -> None:
    wired = Wired()

    wired.hang_up()
    wired.wait(40)

    assert wired.call.is_over


def test_a_canceled_call_without_an_end_counts_as_ended_after_the_time_of_the_standard() -> None:
    wired = Wired()
    wired.respond(180)
    wired.hang_up()

    wired.wait(31)
    assert not wired.call.is_over
    wired.wait(33)

    assert wired.call.is_over


def test_ringing_that_crosses_the_cancel_counts() -> None:
    wired = Wired()
    wired.respond(100)
    wired.hang_up()

    wired.respond(180)
    wired.respond(487)

    assert wired.call.has_rung
    assert wired.methods == ["INVITE", "CANCEL", "ACK"]


def test_a_challenge_is_acknowledged_and_answered() -> None:
    wired = Wired(Credentials("shop", "secret"))

    wired.respond(401, CHALLENGE)

    assert wired.methods == ["INVITE", "ACK", "INVITE"]
    assert 'username="shop"' in wired.last("INVITE").header("Authorization")
    assert not wired.call.is_over


def test_a_challenge_that_comes_twice_is_acknowledged_twice_and_answered_once() -> None:
    wired = Wired(Credentials("shop", "secret"))
    challenged = response_to(wired.last("INVITE"), 401, CHALLENGE)

    wired.receive(challenged)
    wired.receive(challenged)

    assert wired.methods == ["INVITE", "ACK", "INVITE", "ACK"]


def test_wrong_credentials_are_not_tried_again() -> None:
    wired = Wired(Credentials("shop", "wrong"))

    wired.respond(401, CHALLENGE)
    wired.respond(401, CHALLENGE)

    assert wired.methods.count("INVITE") == 2
    assert wired.call.refusal is not None
    assert wired.call.refusal.status == 401


def test_a_nonce_that_was_too_old_is_replaced_but_not_for_ever() -> None:
    wired = Wired(Credentials("shop", "secret"))
    wired.respond(401, CHALLENGE)

    for _ in range(5):
        wired.respond(401, STALE)

    assert wired.methods.count("INVITE") == 4
    assert 'nonce="n2"' in wired.last("INVITE").header("Authorization")


def test_a_proxy_and_a_server_may_both_ask() -> None:
    wired = Wired(Credentials("shop", "secret"))

    wired.respond(407, ("Proxy-Authenticate", CHALLENGE[1]))
    wired.respond(401, CHALLENGE)

    last = wired.last("INVITE")
    assert last.header("Authorization")
    assert last.header("Proxy-Authorization")
    assert last.sequence == (3, "INVITE")


def test_a_challenge_without_credentials_is_a_refusal() -> None:
    wired = Wired()

    wired.respond(407, ("Proxy-Authenticate", CHALLENGE[1]))

    assert wired.call.is_over


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"SIP/2.0 180 Ringing\r\n\r\n", b"x" * 70_000])
def test_garbage_is_ignored(data: bytes) -> None:
    wired = Wired()

    wired.call.receive(data, wired.now)

    assert not wired.call.is_heard
    assert wired.methods == ["INVITE"]


def test_a_response_with_another_branch_is_ignored() -> None:
    wired = Wired()
    other = Wired()

    wired.receive(response_to(other.last("INVITE"), 180))

    assert not wired.call.has_rung
