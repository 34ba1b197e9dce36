"""The promises of the ``account`` flow when requests arrive at the same moment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_otpauth.engine.secrets import person
from tests.adapters.databases import read
from tests.codes import another
from tests.flows.account_caller import (
    EMAIL,
    PASSWORD,
    PASSWORD_CODE,
    PHONE,
    PIN,
    PIN_CODE,
    UNLUCKY,
    WRONG_PIN,
)
from tests.flows.racing import Answer, Arena, Request, arena, database, racers

__all__ = ["arena", "database", "racers"]

NAMES = (EMAIL, PHONE, 1)


class Merchant:
    """A merchant of one customer with a PIN, who has all requests of a race made at once."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        with arena.host.app.app_context():
            arena.host.otpauth.users.create(email=EMAIL, phone=PHONE, password=PASSWORD)
            client = arena.host.otpauth.clients.create("a merchant", ("account",))
        self.headers = {"Authorization": f"Token {client.secret}"}
        self.call("/pin/set", {"user": EMAIL, "pin": PIN, "confirm_pin": PIN})

    def request(self, path: str, body: dict[str, Any]) -> Request:
        return f"/api{path}", body, self.headers

    def call(self, path: str, body: dict[str, Any]) -> Any:
        status, answered = self.arena.host.post(self.request(path, body))
        assert status == 200, answered
        return answered

    def at_once(self, path: str, *bodies: dict[str, Any]) -> list[Answer]:
        return self.arena.at_once([self.request(path, body) for body in bodies])

    def failures(self, kind: str) -> int:
        """The failures in a row that the store has counted."""
        state = self.arena.host.app.extensions["otpauth"]
        customer = state.services.directory.get("1")
        secrets = getattr(state.use_cases["account"].customers, kind)
        key = secrets.keys.row_key(secrets.kind, person(customer))
        return int(self.arena.host.storage.secrets.read(key).in_a_row)


def tally(answers: list[Answer]) -> Counter[str]:
    """How often each outcome was told: ``ok``, or what the first field is to blame for."""
    return Counter(body.get("error_message", body.get("status", "")) for _, body in answers)


def test_of_100_wrong_pins_3_are_judged_and_told_2_1_blocked(arena: Arena) -> None:
    merchant = Merchant(arena)

    wrong = [{"user": NAMES[turn % 3], "pin": WRONG_PIN} for turn in range(100)]
    answers = merchant.at_once("/pin/validate", *wrong)

    assert tally(answers) == {
        "pin: Invalid PIN, 2 attempt(s) left": 1,
        "pin: Invalid PIN, 1 attempt(s) left": 1,
        "pin: PIN is blocked": 98,
    }
    assert merchant.failures("pins") == 3


def test_changes_and_validations_share_the_three_failures(arena: Arena) -> None:
    merchant = Merchant(arena)
    change = {"user": EMAIL, "current_pin": WRONG_PIN, "new_pin": "654321", "confirm_new_pin": "654321"}

    answers = arena.at_once(
        [
            merchant.request("/pin/change", change),
            merchant.request("/pin/validate", {"user": EMAIL, "pin": WRONG_PIN}),
        ]
        * 10
    )

    words = tally(answers)
    blocked = words["pin: PIN is blocked"] + words["current_pin: PIN is blocked"]
    assert (blocked, sum(words.values())) == (18, 20)
    assert merchant.failures("pins") == 3


def test_fifty_right_pins_all_pass(arena: Arena) -> None:
    merchant = Merchant(arena)
    merchant.arena.host.post(merchant.request("/pin/validate", {"user": EMAIL, "pin": WRONG_PIN}))

    answers = merchant.at_once("/pin/validate", *[{"user": EMAIL, "pin": PIN}] * 50)

    assert tally(answers) == {"ok": 50}
    assert merchant.failures("pins") == 0


def test_of_simultaneous_changes_of_one_pin_one_wins(arena: Arena) -> None:
    merchant = Merchant(arena)
    pins = [f"{n:06d}" for n in range(700_000, 700_006)]

    changes = [{"user": EMAIL, "current_pin": PIN, "new_pin": pin, "confirm_new_pin": pin} for pin in pins]
    answers = merchant.at_once("/pin/change", *changes)

    winners = [pin for pin, (status, _) in zip(pins, answers, strict=True) if status == 200]
    assert len(winners) == 1
    assert merchant.failures("pins") == 3  # the others' PIN was wrong by the time it was judged


def test_of_twenty_wrong_passwords_ten_are_judged(arena: Arena) -> None:
    merchant = Merchant(arena)

    answers = merchant.at_once("/auth/validate-password", *[{"user": EMAIL, "password": "wrong"}] * 20)

    assert tally(answers) == {
        f"password: {UNLUCKY}": 10,
        "password: Too many attempts, try again later": 10,
    }
    assert merchant.failures("passwords") == 10


def test_of_simultaneous_resets_with_one_code_one_works(arena: Arena) -> None:
    merchant = Merchant(arena)
    otp = merchant.call(PIN_CODE, {"user": EMAIL})["otp"]
    pins = [f"{n:06d}" for n in range(700_000, 700_010)]

    resets = [{"user": EMAIL, "otp": otp, "pin": pin, "confirm_pin": pin} for pin in pins]
    answers = merchant.at_once("/pin/reset", *resets)

    (winner,) = [pin for pin, (status, _) in zip(pins, answers, strict=True) if status == 200]
    assert tally(answers) == {"ok": 1, "otp: Invalid OTP": 9}
    assert merchant.call("/pin/validate", {"user": EMAIL, "pin": winner}) == {"status": "ok"}


def test_of_two_simultaneous_password_resets_with_one_code_one_works(arena: Arena) -> None:
    merchant = Merchant(arena)
    otp = merchant.call(PASSWORD_CODE, {"identifier": EMAIL, "type": "email"})["otp"]

    resets = [
        {"identifier": EMAIL, "otp": otp, "new_password": new, "confirm_new_password": new}
        for new in ("secure_password", "new_secure_password")
    ]
    answers = merchant.at_once("/auth/reset-password-with-otp", *resets)

    assert tally(answers) == {"ok": 1, "otp: Invalid OTP": 1}


def test_of_thirty_wrong_codes_five_are_judged(arena: Arena) -> None:
    merchant = Merchant(arena)
    otp = merchant.call(PIN_CODE, {"user": EMAIL})["otp"]
    reset = {"user": EMAIL, "otp": another(otp), "pin": PIN, "confirm_pin": PIN}

    merchant.at_once("/pin/reset", *[reset] * 30)

    challenges = arena.host.storage.tables.challenges
    # But for the mark by which the key of the rows is known.
    rows = read(arena.host.storage, challenges.select().where(challenges.c.reference != "mark"))
    assert sum(row["guesses"] for row in rows) == 5
    assert sum(row["misses"].count(",") for row in rows) == 5


def test_of_twenty_requests_for_a_code_five_are_granted(arena: Arena) -> None:
    merchant = Merchant(arena)

    answers = merchant.at_once(PIN_CODE, *[{"user": NAMES[turn % 3]} for turn in range(20)])

    assert Counter(status for status, _ in answers) == {200: 5, 429: 15}


def test_of_ten_first_pins_one_is_set(arena: Arena) -> None:
    merchant = Merchant(arena)
    with arena.host.app.app_context():
        other = arena.host.otpauth.users.create(email="other@stamps.co.id").id

    pins = [{"user": other, "pin": f"{n:06d}", "confirm_pin": f"{n:06d}"} for n in range(10)]
    answers = merchant.at_once("/pin/set", *pins)

    assert tally(answers) == {"ok": 1, "pin: PIN is already set": 9}
