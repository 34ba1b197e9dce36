"""A retry of a call that is under way: nobody is told of a call that was never placed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.engine import codes
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock
from tests.flows.voice_caller import VoiceCaller, outcome
from tests.hosts import MakeApp

PLACED = (200, "")
FAILED = (500, "call could not be placed")


class Line:
    """A sender whose first call takes until it is let go, and then ends as it is told to."""

    def __init__(self) -> None:
        self.begun, self.let_go = Event(), Event()
        self.ends = Receipt(Status.UNAVAILABLE)
        self.calls: list[Message] = []

    def send(self, message: Message) -> Receipt:
        """Place a call."""
        self.calls.append(message)
        if len(self.calls) > 1:
            return Receipt(Status.ACCEPTED)
        self.begun.set()
        assert self.let_go.wait(30)
        return self.ends


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def app(make_app: MakeApp, line: Line) -> Flask:
    return make_app(flows=("voice",), senders={"voice": line})


@pytest.fixture
def caller(app: Flask) -> VoiceCaller:
    return VoiceCaller(app, outbox=None)  # type: ignore[arg-type]  # the line takes down what is sent


@pytest.fixture
def first(caller: VoiceCaller, line: Line) -> Iterator[Future[TestResponse]]:
    """A call that is under way."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(caller.call)
        assert line.begun.wait(30)
        yield call
        line.let_go.set()


def let_go_at_a_pause(monkeypatch: pytest.MonkeyPatch, line: Line, first: Future[TestResponse]) -> None:
    """The first call ends while its retry waits for it."""

    def pause(seconds: float) -> None:
        line.let_go.set()
        first.result(30)

    monkeypatch.setattr(codes, "sleep", pause)


def test_a_retry_of_a_call_that_fails_places_the_call_itself(
    caller: VoiceCaller, line: Line, first: Future[TestResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go_at_a_pause(monkeypatch, line, first)

    retry = caller.call()
    line.let_go.set()

    assert outcome(first.result(30)) == FAILED
    assert (outcome(retry), len(line.calls)) == (PLACED, 2)


@pytest.mark.parametrize("ends", [Status.ACCEPTED, Status.TIMEOUT])
def test_a_retry_of_a_call_that_goes_well_or_may_have_gone_well_places_no_second_one(
    caller: VoiceCaller,
    line: Line,
    first: Future[TestResponse],
    monkeypatch: pytest.MonkeyPatch,
    ends: Status,
) -> None:
    let_go_at_a_pause(monkeypatch, line, first)
    line.ends = Receipt(ends)

    retry = caller.call()

    assert outcome(first.result(30)) == outcome(retry) == PLACED
    assert len(line.calls) == 1


def test_a_retry_of_what_never_ends_is_told_to_ask_again_and_calls_once_the_window_is_over(
    caller: VoiceCaller,
    line: Line,
    first: Future[TestResponse],
    monkeypatch: pytest.MonkeyPatch,
    clock: MovableClock,
) -> None:
    # As far as anybody can tell, the first request's process was killed in the middle of its call.
    pauses: list[float] = []
    monkeypatch.setattr(codes, "sleep", pauses.append)

    clock.tick(9.999)
    retry = caller.call()
    clock.tick(0.001)
    later = caller.call()

    assert (outcome(retry), retry.headers["Retry-After"]) == ((429, "too many calls"), "1")
    assert (sum(pauses), len(pauses) < 10) == (pytest.approx(2), True)
    assert (outcome(later), len(line.calls)) == (PLACED, 2)


def test_a_call_that_fails_after_its_retry_was_placed_leaves_that_one_alone(
    caller: VoiceCaller, line: Line, first: Future[TestResponse], clock: MovableClock
) -> None:
    clock.tick(10)
    later = caller.call()
    line.let_go.set()
    first.result(30)

    again = caller.call()

    assert outcome(later) == outcome(again) == PLACED
    assert len(line.calls) == 2
