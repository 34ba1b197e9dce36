"""The checks of the guarantees find what is wrong, and take nothing else for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.app import Place
from tests.faults.clients import EMAIL, Answer, Outcome
from tests.faults.faults import FAULTS
from tests.faults.guarantees import GUARANTEES, Case
from tests.faults.ledgers import Outbox, book_of
from tests.faults.limits import USUAL
from tests.faults.load import NOBODY, Ask, Round

RECIPIENT = "user@example.com"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path), f"sqlite:///{tmp_path / 'shop.sqlite'}")


def findings_in(place: Place, *outcomes: Outcome) -> list[str]:
    """What all checks find if a recipient was told this, and each message that was sent is stored."""
    asks = [Ask(RECIPIENT, Answer(outcome)) for outcome in outcomes]
    with book_of(place, place.database) as book:
        client = book.app.test_client()
        for _ in range(outcomes.count(Outcome.SENT)):
            asked = client.post("/apis/auth/request-otp", json={"email": RECIPIENT})
            assert asked.get_json()["code"] == 0
        case = Case(Round(EMAIL, NOBODY, asks), FAULTS[0], Outbox(place.outbox), book)
        return [finding for each in GUARANTEES for finding in each.check(case) if finding]


def test_a_recipient_is_refused_when_the_quota_is_used_up(place: Place) -> None:
    sent = [Outcome.SENT] * USUAL["email"].sends

    assert findings_in(place, *sent, Outcome.LIMITED) == []


def test_a_recipient_who_is_refused_before_that_is_found(place: Place) -> None:
    sent = [Outcome.SENT] * (USUAL["email"].sends - 1)

    assert findings_in(place, *sent, Outcome.LIMITED) == [
        "sends counted when the quota was used up: 3, expected 4 to 99"
    ]


def test_a_message_that_was_not_sent_in_the_end_may_have_used_the_quota_up(place: Place) -> None:
    sent = [Outcome.SENT] * (USUAL["email"].sends - 2)
    not_sent = [Outcome.NOT_SENT] * 2

    assert findings_in(place, *sent, *not_sent, Outcome.LIMITED) == []
    # But one that was not sent accounts for no more than one.
    assert findings_in(place, *sent[1:], *not_sent, Outcome.LIMITED) != []
