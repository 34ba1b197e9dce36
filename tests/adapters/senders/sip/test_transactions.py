from __future__ import annotations

import math

import pytest

from flask_otpauth.adapters.senders.sip import requests
from flask_otpauth.adapters.senders.sip.messages import Request, Response, parse
from flask_otpauth.adapters.senders.sip.requests import Place
from flask_otpauth.adapters.senders.sip.transactions import Timers, Transaction, Wire
from tests.adapters.senders.sip.samples import PLACE, an_invite, response_to

TIMERS = Timers(t1=0.5, t2=4.0)
TCP = Place("TCP", "192.0.2.1", 5062)


def a_cancel() -> Request:
    return requests.cancel(an_invite())


def times_sent(transaction: Transaction, sent: list[bytes], until: float) -> list[float]:
    """When the request is sent again, if nobody answers."""
    times = []
    while transaction.due <= until:
        now, before = transaction.due, len(sent)
        transaction.tick(now)
        times += [now] if len(sent) > before else []
    return times


@pytest.mark.parametrize(
    ("request_", "times"),
    [
        (an_invite(), [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]),  # RFC 3261 §17.1.1.2
        (a_cancel(), [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]),  # §17.1.2.2
    ],
)
def test_an_unanswered_request_is_sent_again_over_udp_as_the_standard_says(
    request_: Request, times: list[float]
) -> None:
    sent: list[bytes] = []
    transaction = Transaction(request_, Wire(sent.append, PLACE, TIMERS), now=0)

    assert times_sent(transaction, sent, until=100) == times
    assert set(sent) == {request_.encode()}
    assert transaction.has_timed_out


def test_an_unanswered_request_is_sent_once_over_tcp() -> None:
    sent: list[bytes] = []
    transaction = Transaction(an_invite(), Wire(sent.append, TCP, TIMERS), now=0)

    assert times_sent(transaction, sent, until=31.9) == []

    transaction.tick(32)

    assert transaction.has_timed_out


def test_after_a_provisional_response_an_invite_waits_without_sending() -> None:
    sent: list[bytes] = []
    request = an_invite()
    transaction = Transaction(request, Wire(sent.append, PLACE, TIMERS), now=0)

    transaction.receive(response_to(request, 100), now=0.1)

    assert transaction.is_proceeding
    assert transaction.due == math.inf


def test_after_a_provisional_response_another_request_is_sent_at_the_slower_pace() -> None:
    sent: list[bytes] = []
    request = a_cancel()
    transaction = Transaction(request, Wire(sent.append, PLACE, TIMERS), now=0)

    transaction.receive(response_to(request, 100), now=0.1)

    assert times_sent(transaction, sent, until=9) == [4.1, 8.1]


def test_a_refusal_is_acknowledged_as_often_as_it_comes() -> None:
    sent: list[bytes] = []
    request = an_invite()
    transaction = Transaction(request, Wire(sent.append, PLACE, TIMERS), now=0)

    for _ in range(3):
        transaction.receive(response_to(request, 486), now=1)
        transaction.receive(response_to(request, 180), now=1)

    acks = [parse(each) for each in sent[1:]]
    assert [ack.method for ack in acks if isinstance(ack, Request)] == ["ACK"] * 3
    assert transaction.final is not None
    assert transaction.due == math.inf


@pytest.mark.parametrize("wrong", ["Via", "CSeq", "Call-ID"])
def test_a_response_to_another_request_is_not_its_own(wrong: str) -> None:
    request = an_invite()
    transaction = Transaction(request, Wire(lambda _: None, PLACE, TIMERS), now=0)
    right = response_to(request, 180)
    others = {"Via": "SIP/2.0/UDP x;branch=z9hG4bKother", "CSeq": "1 CANCEL", "Call-ID": "other"}
    headers = tuple((name, others[name] if name == wrong else value) for name, value in right.headers)

    assert transaction.owns(right)
    assert not transaction.owns(Response(headers, status=180))
