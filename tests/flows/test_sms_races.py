"""The promises of ``resend-otp`` and ``verify-otp`` when requests arrive at the same moment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select

from tests.adapters.databases import read
from tests.codes import another
from tests.flows.racing import Answer, Arena, Request, arena, database, racers
from tests.flows.sms_caller import NUMBER, PHONE, RESEND, SPELLINGS, VERIFY

__all__ = ["arena", "database", "racers"]


def api_token(arena: Arena) -> dict[str, str]:
    """The header of an API token."""
    with arena.host.app.app_context():
        client = arena.host.otpauth.clients.create("app", ("sms",))
    credentials = {"client_id": client.id, "client_secret": client.secret}
    _, bought = arena.host.post(("/oauth/token", {"grant_type": "client_credentials", **credentials}, {}))
    return {"Authorization": f"Bearer {bought['access_token']}"}


def namings(arena: Arena) -> list[dict[str, str]]:
    """Every way to name the same number: its spellings, and the account token of its user."""
    with arena.host.app.app_context():
        user = arena.host.otpauth.users.create(phone=NUMBER)
        return [*SPELLINGS, {"account_token": arena.host.otpauth.issue_account_token(user.id)}]


def outcomes(answers: list[Answer]) -> Counter[str]:
    """How often each outcome was told: the ``status`` of the code, or that of the answer."""
    return Counter(_outcome(body) for _, body in answers)


def _outcome(body: dict[str, Any]) -> str:
    otp = body["data"]["otp"]
    return "OK" if body["status"] == "OK" else str(otp.get("status", body["status"]))


def guesses_and_misses(arena: Arena) -> tuple[int, int]:
    """What the store has counted: against the code, and against the number."""
    row = arena.host.storage.tables.challenges.c
    # But for the mark by which the key of the rows is known.
    rows = read(arena.host.storage, select(row.guesses, row.misses).where(row.reference != "mark"))
    return sum(each["guesses"] for each in rows), sum(each["misses"].count(",") for each in rows)


def test_of_fifty_requests_for_a_fresh_number_one_sends_and_the_others_wait(arena: Arena) -> None:
    headers, ways = api_token(arena), namings(arena)
    requests: list[Request] = [(RESEND, ways[turn % len(ways)], headers) for turn in range(50)]

    answers = arena.at_once(requests)

    assert outcomes(answers) == {"OK": 1, "wait": 49}
    assert len(arena.sent) == 1


def test_of_fifty_requests_for_a_days_last_code_one_sends_and_none_sends_a_fourth(arena: Arena) -> None:
    # The processes' clocks stand still at what is now for this one.
    clock = arena.host.app.config["OTPAUTH_CLOCK"]
    clock.tick(-200)
    headers, ways = api_token(arena), namings(arena)
    for _ in range(2):
        arena.host.post((RESEND, PHONE, headers))
        clock.tick(100)
    requests: list[Request] = [(RESEND, ways[turn % len(ways)], headers) for turn in range(50)]

    third, fourth = arena.at_once(requests), arena.at_once(requests)

    assert outcomes(third) == {"OK": 1, "limit": 49}
    assert outcomes(fourth) == {"limit": 50}
    assert len(arena.sent) == 3


def test_of_fifty_right_codes_one_is_accepted(arena: Arena) -> None:
    headers = api_token(arena)
    arena.host.post((RESEND, PHONE, headers))
    right = {**PHONE, "otp": arena.sent[-1]}

    answers = arena.at_once([(VERIFY, right, headers)] * 50)

    assert outcomes(answers) == {"OK": 1, "INVALID_FIELD": 49}


def test_of_fifty_wrong_codes_five_are_judged(arena: Arena) -> None:
    headers = api_token(arena)
    arena.host.post((RESEND, PHONE, headers))
    code = arena.sent[-1]

    answers = arena.at_once([(VERIFY, {**PHONE, "otp": another(code)}, headers)] * 50)
    _, after = arena.host.post((VERIFY, {**PHONE, "otp": code}, headers))

    assert outcomes(answers) == {"INVALID_FIELD": 50}
    assert after["status"] == "INVALID_FIELD"
    assert guesses_and_misses(arena) == (5, 5)
