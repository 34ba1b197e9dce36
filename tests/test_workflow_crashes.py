"""Workers that are killed at each point of a step, and workers that race: each step is sent exactly once."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_otpauth.engine.kept_messages import LEASE_MS
from flask_otpauth.testing import MovableClock
from tests.adapters.databases import database_of
from tests.hosts import otpauth_of
from tests.workflow_worker import (
    BEFORE_THE_PROVIDER,
    UNKNOWN,
    WITH_THE_PROVIDER,
    Worker,
    connected,
    deliver_due,
    deliver_together,
    send_codes,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NUMBER = "+84987654321"
STEPS = ["sms", "whatsapp", "voice"]
LEASE = LEASE_MS / 1000
SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Host:
    """The workers of one host, and what its provider got."""

    first: Worker
    #: Another worker, in this process, and its clock.
    app: Flask
    clock: MovableClock

    def at(self, seconds: float, point: str) -> Worker:
        """Return a worker at so many seconds after the request."""
        return replace(self.first, now=NOW + timedelta(seconds=seconds), point=point)

    def ask(self, *numbers: str, seconds: float = 0) -> None:
        """Request codes from the other worker."""
        self.clock.now = NOW + timedelta(seconds=seconds)
        with self.app.app_context():
            for number in numbers:
                otpauth_of(self.app).codes.send("sms", number, purpose="pay")

    def deliver(self, *seconds: float) -> list[int]:
        """Have the other worker hand over what is due at these times. Return how much that was each time."""
        counts = []
        for each in seconds:
            self.clock.now = NOW + timedelta(seconds=each)
            with self.app.app_context():
                counts.append(otpauth_of(self.app).deliveries.deliver_due())
        return counts

    def sent(self) -> list[str]:
        """Return the channels of all messages, and check that no message came twice."""
        lines = self.first.journal.read_text().splitlines() if self.first.journal.exists() else []
        assert len({line.split()[2] for line in lines}) == len(lines)
        return [line.split()[0] for line in lines]


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with database_of(request.param, tmp_path) as uri:
        worker, clock = Worker(uri, tmp_path / "journal", NOW), MovableClock(NOW)
        app = worker.app(clock)
        with connected(app):
            otpauth_of(app).create_all()
        yield Host(worker, app, clock)
        with connected(app):
            pass


def killed(act: Callable[..., object], worker: Worker, *arguments: object) -> None:
    """Run a worker in a process of its own, which is killed."""
    process = SPAWN.Process(target=act, args=(worker, *arguments))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["after claim"])
def test_a_first_step_that_was_not_begun_is_sent_by_another_worker(host: Host, point: str) -> None:
    killed(send_codes, host.at(0, point), NUMBER)
    assert host.sent() == []

    assert host.deliver(LEASE, LEASE + 1, 40, 80, 120) == [1, 0, 1, 1, 0]
    assert host.sent() == STEPS


@pytest.mark.parametrize("point", ["provider"])
def test_a_first_step_that_the_provider_has_is_not_sent_again(host: Host, point: str) -> None:
    killed(send_codes, host.at(0, point), NUMBER)
    assert host.sent() == ["sms"]

    assert host.deliver(LEASE, 39, 40, 80, 120) == [0, 0, 1, 1, 0]
    assert host.sent() == STEPS


@pytest.mark.parametrize("point", BEFORE_THE_PROVIDER)
def test_a_later_step_that_was_not_begun_is_sent_by_another_worker(host: Host, point: str) -> None:
    host.ask(NUMBER)
    killed(deliver_due, host.at(40, point))
    assert host.sent() == ["sms"]

    assert host.deliver(40 + LEASE, 41 + LEASE, 80, 120) == [1, 0, 1, 0]
    assert host.sent() == STEPS


@pytest.mark.parametrize("point", WITH_THE_PROVIDER)
def test_a_later_step_that_the_provider_has_is_not_sent_again(host: Host, point: str) -> None:
    host.ask(NUMBER)
    killed(deliver_due, host.at(40, point))
    assert host.sent() == ["sms", "whatsapp"]

    assert host.deliver(40 + LEASE, 79, 80, 120) == [0, 0, 1, 0]
    assert host.sent() == STEPS


def test_a_step_that_may_have_been_sent_is_not_sent_again_and_the_next_one_follows(host: Host) -> None:
    host.ask(NUMBER)
    killed(deliver_due, host.at(40, UNKNOWN))

    assert host.deliver(40 + LEASE, 80, 120) == [0, 1, 0]
    assert host.sent() == ["sms", "voice"]


def test_what_a_killed_worker_has_left_is_not_sent_after_the_code_was_replaced_or_has_expired(
    host: Host,
) -> None:
    host.ask(NUMBER)
    killed(deliver_due, host.at(40, "after claim"))
    host.ask(NUMBER, seconds=41)

    host.deliver(40 + LEASE)
    assert host.sent() == ["sms", "sms"]
    killed(deliver_due, host.at(81, "after claim"))
    host.deliver(341, 400, 3600)

    assert host.sent() == ["sms", "sms"]


def test_workers_that_race_send_each_step_once(host: Host) -> None:
    numbers = [f"+849876543{number:02d}" for number in range(12)]
    host.ask(*numbers)

    barrier = SPAWN.Barrier(3)
    workers = [SPAWN.Process(target=deliver_together, args=(host.at(40, ""), barrier)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
        assert worker.exitcode == 0

    assert Counter(host.sent()) == {"sms": len(numbers), "whatsapp": len(numbers)}
