"""What must hold whatever happens. A check joins what clients were told, what was sent and what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults.clients import UNKNOWN, Answer, Outcome
from tests.faults.faults import Fault
from tests.faults.ledgers import Book, Outbox, Sent
from tests.faults.limits import OTHER, USUAL, Limits
from tests.faults.load import Round

#: What is wrong; empty: nothing.
Finding = str


@dataclass(frozen=True)
class Case:
    """A round with all ledgers, after the fault."""

    round: Round
    fault: Fault
    outbox: Outbox
    book: Book

    @property
    def most(self) -> Limits:
        """The limits that nobody may exceed."""
        return USUAL[self.round.flow.name]

    @property
    def least(self) -> Limits:
        """The limits below which nobody is refused."""
        return (OTHER if self.fault.mixes_settings else USUAL)[self.round.flow.name]

    def told(self, *outcomes: Outcome, recipient: str) -> int:
        """How many requests for a code were answered so."""
        return _count([ask.answer for ask in self.round.asks if ask.recipient == recipient], *outcomes)

    def told_of_guesses(self, *outcomes: Outcome, right: bool) -> int:
        """How many right, or wrong, codes were answered so."""
        return _count([each.answer for each in self.round.guesses if each.is_right is right], *outcomes)

    def sent(self, recipient: str) -> list[Sent]:
        """What the sender got."""
        return self.outbox.messages(recipient)

    def logged(self, recipient: str) -> int:
        """How many codes the database counts as sent."""
        return str(self.book.limits(self.round.flow.name, recipient).get("sends", "")).count(",")

    @property
    def row(self) -> dict[str, object]:
        """The row with the code that was guessed at."""
        ask = self.round.asks[0]
        subject = ask.answer.data.get("id", ask.recipient)
        return self.book.code(self.round.flow.name, subject, self.round.client.id)

    @property
    def tells_what_is_counted(self) -> bool:
        """Whether a guess that is told to be wrong was counted. Email says so of a code that is over, too."""
        has_right = any(each.is_right for each in self.round.guesses)
        return self.round.flow.tells_state or not (has_right or self.fault.steps_clock)


def _count(answers: list[Answer], *outcomes: Outcome) -> int:
    return sum(answer.outcome in outcomes for answer in answers)


def _within(what: str, least: int, value: int, most: int) -> Finding:
    return "" if least <= value <= most else f"{what}: {value}, expected {least} to {most}"


def _accepted_once(case: Case) -> Iterator[Finding]:
    if case.round.guesses:
        accepted = case.told_of_guesses(Outcome.ACCEPTED, right=True)
        yield _within("times a code was accepted", 0, accepted, 1)
        yield _within("wrong codes accepted", 0, case.told_of_guesses(Outcome.ACCEPTED, right=False), 0)


def _guesses_counted(case: Case) -> Iterator[Finding]:
    """Where the outcome of a request is unknown, exactly that much is allowed."""
    if not case.round.guesses:
        return
    [recipient] = case.round.recipients
    told = case.told_of_guesses(Outcome.WRONG, right=False) if case.tells_what_is_counted else 0
    most = case.told_of_guesses(Outcome.WRONG, *UNKNOWN, right=False)
    misses = str(case.book.limits(case.round.flow.name, recipient).get("misses", "")).count(",")
    if len(case.round.asks) > 1:
        yield _within("wrong guesses counted for the subject", told, misses, min(most, case.most.budget))
        return
    counted = int(str(case.row.get("guesses", -1)))
    yield _within("wrong guesses counted for the code", told, counted, min(most, case.most.guesses))
    if case.row.get("consumed_at") is None:
        yield _within("wrong guesses counted for the subject", counted, misses, counted)
    if case.told_of_guesses(Outcome.EXHAUSTED, right=False):
        yield _within("guesses counted when they were used up", case.least.guesses, counted, 99)


def _sends_counted(case: Case) -> Iterator[Finding]:
    """Each message is counted, and only requests whose outcome is unknown are counted without a message."""
    for recipient in case.round.recipients:
        told = case.told(Outcome.SENT, recipient=recipient)
        most = told + case.told(*UNKNOWN, recipient=recipient)
        yield _within("sends counted", len(case.sent(recipient)), case.logged(recipient), most)


def _within_quota(case: Case) -> Iterator[Finding]:
    """A message that was not sent was counted until that was known. Until then it may use the quota up."""
    for recipient in case.round.recipients:
        sent, logged = len(case.sent(recipient)), case.logged(recipient)
        yield _within("messages to a recipient", 0, sent, case.most.sends)
        if case.told(Outcome.LIMITED, recipient=recipient) and not case.round.flow.has_applications:
            least = case.least.sends - case.told(Outcome.NOT_SENT, recipient=recipient)
            yield _within("sends counted when the quota was used up", least, logged, 99)


def _within_cap(case: Case) -> Iterator[Finding]:
    if case.most.cap is None or case.least.cap is None:
        return
    sent = sum(len(case.sent(each)) for each in case.round.recipients)
    logged = sum(case.logged(each) for each in case.round.recipients)
    yield _within("messages of an application", 0, sent, case.most.cap)
    yield _within("sends under the cap", logged, case.book.counted_under_cap(case.round.client.id), logged)


def _recorded(case: Case) -> Iterator[Finding]:
    """What a client was told has happened is in the database, and with the sender."""
    for recipient in case.round.recipients:
        told = case.told(Outcome.SENT, recipient=recipient)
        yield _within("messages that were told to be sent", told, len(case.sent(recipient)), 99)
    if not case.round.guesses:
        return
    yield _within("right codes that were unknown", 0, case.told_of_guesses(Outcome.WRONG, right=True), 0)
    for guess in case.round.guesses:
        if guess.answer.outcome is Outcome.ACCEPTED:
            yield "" if case.row.get("consumed_at") else "an accepted code is not used up"
            token = guess.answer.data.get("accessToken")
            yield "" if token is None or case.book.has_session(token) else "a session is not there"


def _answered(case: Case) -> Iterator[Finding]:
    for answer in case.round.answers:
        yield f"answered {answer.seen}" if answer.outcome is Outcome.STRANGE else ""


@dataclass(frozen=True)
class Guarantee:
    """A promise, and how it is checked."""

    says: str
    check: Callable[[Case], Iterator[Finding]]


GUARANTEES = (
    Guarantee("a code is accepted at most once", _accepted_once),
    Guarantee("each wrong guess is counted, once", _guesses_counted),
    Guarantee("each code that is sent is counted, once", _sends_counted),
    Guarantee("no recipient gets more codes than the quota", _within_quota),
    Guarantee("no application sends more codes than its cap", _within_cap),
    Guarantee("what a client is told has happened is stored", _recorded),
    Guarantee("a refusal is a 503 with `Retry-After` in the format of the flow, and never a 500", _answered),
)
#: Checked once for each fault, and not for each round.
BACK = "ten seconds after a fault, everything works again without a restart of the app"
