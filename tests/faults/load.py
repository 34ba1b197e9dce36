"""The load: rounds of requests that arrive at once, each about people whom no other round is about."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle
from queue import Empty, Queue
from time import monotonic, sleep

from flask_otpauth.engine.clients import Credentials
from tests.codes import another
from tests.faults.clients import FLOWS, Answer, Flow, Http, Outcome
from tests.faults.ledgers import Outbox

#: Rounds that go on at the same time, and the most requests of a round that do.
DRIVERS = 2
AT_ONCE = 8
WAIT_SECONDS = 30

NOBODY = Credentials("", "")


@dataclass(frozen=True)
class Ask:
    """A request for a code."""

    recipient: str
    answer: Answer


@dataclass(frozen=True)
class Guess:
    """A code that was submitted."""

    is_right: bool
    answer: Answer


@dataclass(frozen=True)
class Round:
    """What the clients know of a round."""

    flow: Flow
    client: Credentials
    asks: Sequence[Ask]
    guesses: Sequence[Guess] = ()

    @property
    def answers(self) -> list[Answer]:
        """What the clients were answered."""
        return [ask.answer for ask in self.asks] + [guess.answer for guess in self.guesses]

    @property
    def recipients(self) -> list[str]:
        """Whom codes were asked for."""
        return list(dict.fromkeys(ask.recipient for ask in self.asks))


@dataclass
class Load:
    """Clients that make rounds until they are told to stop."""

    http: Http
    outbox: Outbox
    #: Applications that no round has used yet.
    applications: Queue[Credentials]
    rounds: list[Round] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, kinds: Sequence[Callable[[Load, Flow, Credentials], Round]], seed: int) -> None:
        """Make one round after the other."""
        chance = random.Random(seed)
        turns = [(flow, kind) for flow in FLOWS for kind in kinds]
        chance.shuffle(turns)
        for flow, kind in cycle(turns):
            if self._over.is_set():
                return
            try:
                client = self.applications.get_nowait() if flow.has_applications else NOBODY
            except Empty:
                continue
            self.rounds.append(kind(self, flow, client))

    def await_rounds(self, ended: int) -> None:
        """Return when so many rounds have ended."""
        deadline = monotonic() + WAIT_SECONDS
        while len(self.rounds) < ended and monotonic() < deadline:
            sleep(0.01)

    def stop(self) -> None:
        """Begin no more rounds."""
        self._over.set()

    def at_once(self, requests: Sequence[Callable[[], Answer]]) -> list[Answer]:
        """The answers to requests that are sent at the same moment."""
        gate = threading.Barrier(len(requests))

        def send(request: Callable[[], Answer]) -> Answer:
            gate.wait(WAIT_SECONDS)
            return request()

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))


_numbers = count(10**8)


def new_recipient(flow: Flow) -> str:
    """An address that nobody has used."""
    number = next(_numbers)
    return f"user{number}@example.com" if flow.name == "email" else f"79{number}"


def many_asks(load: Load, flow: Flow, client: Credentials) -> Round:
    """Two people ask for more codes than each of them, and their application, gets."""
    people = [new_recipient(flow), new_recipient(flow)]
    recipients = [people[turn % 4 == 0] for turn in range(AT_ONCE)]
    answers = load.at_once([partial(load.http.ask, flow, each, client) for each in recipients])
    return Round(flow, client, [Ask(*each) for each in zip(recipients, answers, strict=True)])


def _guessed(load: Load, flow: Flow, client: Credentials, is_right: Sequence[bool], codes: int = 1) -> Round:
    """A person asks for a code. If it was surely sent, right and wrong codes are submitted at once."""
    recipient, asks, guesses = new_recipient(flow), list[Ask](), list[Guess]()
    for _ in range(codes):
        asks.append(Ask(recipient, load.http.ask(flow, recipient, client)))
        answer, messages = asks[-1].answer, load.outbox.messages(recipient)
        if answer.outcome is not Outcome.SENT or not messages:
            break
        submitted = _codes(messages[-1].code, is_right)
        sending = [partial(load.http.submit, flow, answer.data, each, client) for each in submitted]
        guesses += [Guess(*each) for each in zip(is_right, load.at_once(sending), strict=True)]
    return Round(flow, client, asks, guesses)


def _codes(code: str, is_right: Sequence[bool]) -> list[str]:
    """The right code, or one of different wrong ones, for each place."""
    codes, wrong = [], code
    for each in is_right:
        wrong = another(wrong)
        codes.append(code if each else wrong)
    return codes


def right_and_wrong(load: Load, flow: Flow, client: Credentials) -> Round:
    """The right code is submitted often, and a wrong one with it."""
    return _guessed(load, flow, client, [True, True, True, True, False])


def only_wrong(load: Load, flow: Flow, client: Credentials) -> Round:
    """More wrong codes are submitted than a code takes."""
    return _guessed(load, flow, client, [False] * AT_ONCE)


def wrong_at_two_codes(load: Load, flow: Flow, client: Credentials) -> Round:
    """More wrong codes are submitted than a person may guess, over two codes."""
    return _guessed(load, flow, client, [False] * (AT_ONCE - 2), codes=2)


KINDS = (many_asks, right_and_wrong, only_wrong, wrong_at_two_codes)


@contextmanager
def under_load(http: Http, outbox: Outbox, applications: Queue[Credentials], seed: int) -> Iterator[Load]:
    """Load while the block runs. It ends when every request of the clients has been answered."""
    load = Load(http, outbox, applications)
    with ThreadPoolExecutor(DRIVERS) as pool:
        drivers = [pool.submit(load.run, KINDS, seed + number) for number in range(DRIVERS)]
        try:
            yield load
        finally:
            load.stop()
    for driver in drivers:
        driver.result()
