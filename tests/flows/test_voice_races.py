"""The promises of ``voiceotp`` and of buying tokens when requests arrive at the same moment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_otpauth.core.clients import Campaign
from flask_otpauth.engine.clients import Credentials
from tests.flows.racing import Answer, Arena, Request, arena, database, racers
from tests.flows.voice_caller import BUY, PHONE, PREFIX

__all__ = ["arena", "database", "racers"]


def client_of(arena: Arena) -> Credentials:
    with arena.host.app.app_context():
        return arena.host.otpauth.clients.create("customer", ("voice",))


def campaign_of(arena: Arena, client: Credentials, **fields: Any) -> Campaign:
    with arena.host.app.app_context():
        return arena.host.otpauth.campaigns.create(client.id, **fields)


def header(arena: Arena, client: Credentials) -> dict[str, str]:
    _, bought = arena.host.post((BUY, {"secret_key": client.secret}, {}))
    return {"Authorization": bought["data"]["access_token"]}


def calls(arena: Arena, otps: list[str], phones: list[str], **campaign: Any) -> list[Request]:
    """A call for each pair of otp and phone, by one client and campaign."""
    client = client_of(arena)
    url = f"{PREFIX}/campaigns/{campaign_of(arena, client, **campaign).id}/voiceotp"
    headers = header(arena, client)
    return [
        (url, {"userid": client.id, "contact": {"phone_number": phone, "otp": otp}}, headers)
        for otp, phone in zip(otps, phones, strict=True)
    ]


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(status for status, _ in answers)


def test_of_fifty_identical_requests_one_is_called(arena: Arena) -> None:
    answers = arena.at_once(calls(arena, ["123456"] * 50, [PHONE, "+84771122330"] * 25))

    assert statuses(answers) == {200: 50}
    assert arena.sent == ["123456"]


def test_of_fifty_calls_of_a_phone_five_are_placed(arena: Arena) -> None:
    otps = [f"1000{turn:02d}" for turn in range(50)]

    answers = arena.at_once(calls(arena, otps, [PHONE] * 50))

    assert statuses(answers) == {200: 5, 429: 45}
    assert len(arena.sent) == 5


def test_a_daily_cap_is_exact(arena: Arena) -> None:
    phones = [f"09876543{turn:02d}" for turn in range(50)]

    answers = arena.at_once(calls(arena, ["123456"] * 50, phones, daily_cap=7))

    assert statuses(answers) == {200: 7, 429: 43}
    assert len(arena.sent) == 7


def test_of_fifty_tokens_twenty_live(arena: Arena) -> None:
    client = client_of(arena)
    url = f"{PREFIX}/campaigns/unknown/voiceotp"

    bought = arena.at_once([(BUY, {"secret_key": client.secret}, {})] * 50)
    tokens = [body["data"]["access_token"] for _, body in bought]
    answers = [arena.host.post((url, {}, {"Authorization": token})) for token in tokens]

    assert len(set(tokens)) == 50
    assert statuses(answers) == {400: 20, 401: 30}
