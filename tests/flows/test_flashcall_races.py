"""The promises of the ``flashcall`` flow when requests arrive at the same moment."""

from __future__ import annotations

from collections import Counter

from tests.codes import another
from tests.flows.flashcall_caller import PHONE, SUCCESS
from tests.flows.racing import Answer, Arena, Request, arena, database, racers

__all__ = ["arena", "database", "racers"]


def application(arena: Arena) -> dict[str, str]:
    """The header of a new application."""
    with arena.host.app.app_context():
        client = arena.host.otpauth.clients.create("an application", ("flashcall",))
    return {"X-Application-Token": client.secret}


def order(arena: Arena, headers: dict[str, str], phone: str = PHONE) -> tuple[str, str]:
    """An order and its code."""
    _, placed = arena.host.post(("/v1/orders", {"phone": phone}, headers))
    return placed["data"]["id"], arena.sent[-1]


def tally(answers: list[Answer]) -> Counter[str]:
    """How often each outcome was told."""
    return Counter("ok" if body == SUCCESS else body["errors"][0]["message"] for _, body in answers)


def test_of_fifty_right_codes_one_redeems_the_order(arena: Arena) -> None:
    headers = application(arena)
    order_id, code = order(arena, headers)

    answers = arena.at_once([(f"/v1/auth/{order_id}/{code}", None, headers)] * 50)

    assert tally(answers) == {"ok": 1, "order already used": 49}


def test_of_fifty_wrong_codes_three_are_judged(arena: Arena) -> None:
    headers = application(arena)
    order_id, code = order(arena, headers)

    answers = arena.at_once([(f"/v1/auth/{order_id}/{another(code)}", None, headers)] * 50)

    assert tally(answers) == {"invalid code": 3, "too many attempts": 47}


def test_a_phone_is_guessed_at_six_times_over_orders_and_applications(arena: Arena) -> None:
    requests: list[Request] = []
    for headers in (application(arena), application(arena)):
        for _ in range(2):
            order_id, code = order(arena, headers)
            requests += [(f"/v1/auth/{order_id}/{another(code)}", None, headers)] * 12

    answers = arena.at_once(requests)

    assert tally(answers) == {"invalid code": 6, "too many attempts": 42}


def test_of_forty_orders_for_one_phone_five_are_placed(arena: Arena) -> None:
    applications = [application(arena), application(arena)]
    requests: list[Request] = [("/v1/orders", {"phone": PHONE}, headers) for headers in applications * 20]

    answers = arena.at_once(requests)

    assert Counter(status for status, _ in answers) == {200: 5, 429: 35}
    assert len(arena.sent) == 5
