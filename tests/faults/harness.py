"""Puts load on an app, causes faults, and counts what was checked and what was violated."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Queue
from time import monotonic, sleep

from flask_otpauth.engine.clients import Credentials
from tests.faults.clients import EMAIL, UNKNOWN, Http, Outcome
from tests.faults.faults import Fault, Site
from tests.faults.guarantees import BACK, GUARANTEES, Case
from tests.faults.ledgers import Book, Outbox, book_of
from tests.faults.load import DRIVERS, NOBODY, Load, new_recipient, under_load
from tests.faults.serving import WORKERS, gunicorn
from tests.faults.stores import Store

BACK_SECONDS = 10
#: Logins in a row that show that every worker is back.
LOGINS_IN_A_ROW = 8
#: Rounds before a fault begins, and after it has ended.
ROUNDS = 2 * DRIVERS
#: More applications than rounds can use up in a second.
APPLICATIONS_A_SECOND = 25


@dataclass
class Tally:
    """What was checked, what was violated, and how often each fault was caused."""

    checks: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations_under: Counter[str] = field(default_factory=Counter)
    #: What clients were answered, by the fault.
    answers: defaultdict[str, Counter[Outcome]] = field(default_factory=lambda: defaultdict(Counter))
    #: What was violated, as a sentence each.
    findings: list[str] = field(default_factory=list)

    def add(self, guarantee: str, fault: str, finding: str) -> None:
        """Count a check."""
        self.checks[guarantee] += 1
        if finding:
            self.violations[guarantee] += 1
            self.violations_under[fault] += 1
            self.findings.append(f"{guarantee} (fault: {fault}): {finding}")


@dataclass(frozen=True)
class Harness:
    """An app that serves from a store, with its ledgers."""

    site: Site
    book: Book
    outbox: Outbox
    tally: Tally

    def cause(self, fault: Fault, seconds: float) -> None:
        """Cause a fault under load, and check all guarantees afterwards."""
        applications: Queue[Credentials] = Queue()
        for each in self.book.new_applications(20 + round(APPLICATIONS_A_SECOND * seconds)):
            applications.put(each)
        http = Http(self.site.gunicorn.port)
        self.site.gunicorn.await_workers(WORKERS)
        with under_load(http, self.outbox, applications, len(self.tally.faults)) as load:
            load.await_rounds(ROUNDS)
            fault.cause(replace(self.site, hold=partial(_hold, load)), seconds)
            self.tally.add(BACK, fault.says, self._not_back(http))
            load.await_rounds(len(load.rounds) + ROUNDS)
        self.tally.faults[fault.says] += 1
        self._check(load, fault)
        noticed = not set(UNKNOWN).isdisjoint(self.tally.answers[fault.says])
        assert noticed or not fault.refuses, f"nobody noticed that {fault.says}"

    def _not_back(self, http: Http) -> str:
        """Return what was still wrong ten seconds after a fault. A slow machine alone is nothing wrong."""
        ended, in_a_row = monotonic(), 0
        while in_a_row < LOGINS_IN_A_ROW:
            is_late = monotonic() > ended + BACK_SECONDS
            seen = self._login(http)
            in_a_row = 0 if seen else in_a_row + 1
            if seen and is_late:
                return f"not back: {seen}"
            sleep(0.1 if seen else 0)
        return ""

    def _login(self, http: Http) -> str:
        """Log a new user in. Return what went wrong."""
        asked = http.ask(EMAIL, recipient := new_recipient(EMAIL), NOBODY)
        if asked.outcome is not Outcome.SENT:
            return asked.seen
        code = self.outbox.messages(recipient)[-1].code
        told = http.submit(EMAIL, asked.data, code, NOBODY)
        return "" if told.outcome is Outcome.ACCEPTED else told.seen

    def _check(self, load: Load, fault: Fault) -> None:
        for each in load.rounds:
            case = Case(each, fault, self.outbox, self.book)
            self.tally.answers[fault.says].update(answer.outcome for answer in each.answers)
            for guarantee in GUARANTEES:
                for finding in guarantee.check(case):
                    self.tally.add(guarantee.says, fault.says, finding)


def _hold(load: Load, seconds: float) -> None:
    """Wait for so long, and until each driver has begun and ended a round since then."""
    ended = len(load.rounds)
    sleep(seconds)
    load.await_rounds(ended + 2 * DRIVERS)


@contextmanager
def harness(store: Store, tally: Tally, planted: str = "") -> Iterator[Harness]:
    """Run an app on a store of its own."""
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as folder, store.open() as running:
        place = running.place(folder, planted, (noon - now).total_seconds())
        outbox = Outbox(Path(place.outbox))
        with book_of(place, running.url) as book, gunicorn(place) as server:
            yield Harness(Site(running, server), book, outbox, tally)
