"""
Every flow behind one face: a person asks for a code and submits it, by one of two clients.

What the flows' documents say of the rules that all flows share is data here (``DOCUMENTED``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.engine.clients import Credentials
from flask_otpauth.ports.directory import User
from flask_otpauth.testing import Outbox
from tests.codes import another
from tests.flows import account_caller, email_caller, flashcall_caller, sms_caller, voice_caller
from tests.flows.account_caller import PASSWORD_CODE, Merchant
from tests.flows.email_caller import EmailCaller
from tests.flows.flashcall_caller import Application
from tests.flows.sms_caller import SmsCaller, new_client
from tests.flows.voice_caller import ABSENT, VoiceCaller
from tests.hosts import otpauth_of

DAY = 24 * 3600
EMAILS = ("user@example.com", "other@example.com")
PHONES = ("+84987654321", "+84912345678")

#: An answer as a reader of the flow's document sees it: a code and a sentence.
Outcome = tuple[int, str]


@dataclass(frozen=True)
class Participants:
    """Two persons with accounts, and two clients that may use every flow."""

    app: Flask
    outbox: Outbox
    users: tuple[User, User]
    clients: tuple[Credentials, Credentials]

    @classmethod
    def of(cls, app: Flask, outbox: Outbox) -> Participants:
        """Those of an app that has none yet."""
        with app.app_context():
            users = otpauth_of(app).users
            one, other = (
                users.create(email=email, phone=phone) for email, phone in zip(EMAILS, PHONES, strict=True)
            )
        flows = ("sms", "flashcall", "voice", "account")
        return cls(app, outbox, (one, other), (new_client(app, *flows), new_client(app, *flows)))


class Driver(Protocol):
    """Two clients that call one flow about two persons; ``subject`` is the first of these."""

    subject: str

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""

    def outcome(self, answer: TestResponse) -> Outcome:
        """What an answer says."""


class EmailDriver:
    """Log in by e-mail. The flow knows no clients: both are anybody."""

    subject = EMAILS[0]

    def __init__(self, participants: Participants) -> None:
        self.caller = EmailCaller(participants.app, participants.outbox)

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""
        return self.caller.ask(EMAILS[person])

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""
        return self.caller.verify(code, EMAILS[person])

    def outcome(self, answer: TestResponse) -> Outcome:
        """What an answer says."""
        return email_caller.outcome(answer)


class SmsDriver:
    """Verify a phone by SMS."""

    subject = PHONES[0]

    def __init__(self, participants: Participants) -> None:
        self.callers = [
            SmsCaller(participants.app, participants.outbox, client) for client in participants.clients
        ]

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""
        return self.callers[client].resend(cc_phone="84", phone=PHONES[person])

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""
        return self.callers[client].verify(code, cc_phone="84", phone=PHONES[person])

    def outcome(self, answer: TestResponse) -> Outcome:
        """What an answer says."""
        return sms_caller.outcome(answer)


class FlashcallDriver:
    """Redeem the newest order of a phone."""

    subject = PHONES[0]

    def __init__(self, participants: Participants) -> None:
        self.applications = [
            Application(participants.app, participants.outbox, client=client)
            for client in participants.clients
        ]
        self.orders: dict[tuple[int, int], str] = {}

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""
        answer = self.applications[client].order(PHONES[person])
        if answer.status_code == 200:
            self.orders[person, client] = answer.json["data"]["id"]
        return answer

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""
        order_id = self.orders.get((person, client), str(uuid.uuid4()))
        return self.applications[client].auth(order_id, code)

    def outcome(self, answer: TestResponse) -> Outcome:
        """What an answer says."""
        return flashcall_caller.outcome(answer) if answer.status_code != 200 else (200, "")


class VoiceDriver:
    """Verify a phone by a spoken code."""

    subject = PHONES[0]

    def __init__(self, participants: Participants) -> None:
        self.callers = [
            VoiceCaller(participants.app, participants.outbox, client) for client in participants.clients
        ]

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""
        return self.callers[client].call(otp=ABSENT, phone=PHONES[person])

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""
        return self.callers[client].verify(code, phone=PHONES[person])

    def outcome(self, answer: TestResponse) -> Outcome:
        """What an answer says."""
        return voice_caller.outcome(answer)


class PinDriver:
    """Reset a PIN."""

    subject = EMAILS[0]

    def __init__(self, participants: Participants) -> None:
        self.merchants = [Merchant(participants.app, client=client) for client in participants.clients]

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""
        return self.merchants[client].request(user=EMAILS[person])

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""
        return self.merchants[client].reset_pin(code, user=EMAILS[person])

    def outcome(self, answer: TestResponse) -> Outcome:
        """What an answer says."""
        return answer.status_code, answer.json.get("error_message", "")


class PasswordDriver(PinDriver):
    """Reset a password."""

    def ask(self, person: int = 0, client: int = 0) -> TestResponse:
        """Ask for a code."""
        return self.merchants[client].request(PASSWORD_CODE, identifier=EMAILS[person])

    def submit(self, code: str, person: int = 0, client: int = 0) -> TestResponse:
        """Submit a code."""
        return self.merchants[client].reset_password(code, identifier=EMAILS[person])


@dataclass(frozen=True)
class Documented:
    """
    What one flow's document says of the rules that all flows share.

    ``quotas`` are numbers of codes with the seconds in which they may be asked for; a ``day``
    is one of the calendar, and ends so many seconds after the instant at which a test begins.
    ``knows_clients``: whether a code belongs to a client. ``supersedes``: whether a new code
    ends the earlier one. ``without_quotas`` are settings that take its quotas away.
    """

    driver: Callable[[Participants], Driver]
    prefix: str
    sent: Outcome
    accepted: Outcome
    wrong: Outcome
    none: Outcome
    used: Outcome
    expired: Outcome
    exhausted: Outcome
    locked: Outcome
    limited: Outcome
    refused_while_locked: Outcome
    not_sent: Outcome
    settings: Mapping[str, Any] = field(default_factory=dict)
    without_quotas: Mapping[str, Any] = field(default_factory=dict)
    guesses: int = 5
    budget: int = 15
    code_length: int = 6
    quotas: tuple[tuple[int, int], ...] = ()
    day: tuple[int, int] | None = None
    cooldown: int = 0
    knows_clients: bool = True
    supersedes: bool = True
    tells_locks_on_submit: bool = True
    exhausted_and_expired: Outcome | None = None

    @property
    def codes_a_burst(self) -> int:
        """How many codes a person gets at once."""
        return self.quotas[0][0] if self.quotas else self.day[0] if self.day else 0


_WRONG_SMS = (422, "Mã OTP không chính xác")
_TOMORROW = (422, "Bạn đã yêu cầu gửi OTP 3 lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai")
_SILENT_ACCOUNT = {"account_echo_otp": False}
_FREE_ACCOUNT = {"account_otp_daily_limit": 100}
_INVALID_OTP = (400, "otp: Invalid OTP")


def _account(driver: Callable[[Participants], Driver], field_name: str) -> Documented:
    return Documented(
        driver,
        "account",
        settings=_SILENT_ACCOUNT,
        without_quotas=_FREE_ACCOUNT,
        day=(5, 7 * 3600),
        sent=(200, ""),
        accepted=(200, ""),
        wrong=_INVALID_OTP,
        none=_INVALID_OTP,
        used=_INVALID_OTP,
        expired=_INVALID_OTP,
        exhausted=_INVALID_OTP,
        locked=(429, f"otp: {account_caller.LOCKED}"),
        limited=(429, f"{field_name}: OTP limit reached, try again tomorrow"),
        refused_while_locked=(429, f"{field_name}: {account_caller.LOCKED}"),
        not_sent=(502, "type: Failed to send OTP"),
    )


DOCUMENTED = {
    "email": Documented(
        EmailDriver,
        "email",
        without_quotas={"email_send_quotas": ()},
        quotas=((5, 900), (20, DAY)),
        knows_clients=False,
        sent=(0, "OTP sent successfully"),
        accepted=(0, "Login successful"),
        wrong=(1, "Invalid OTP"),
        none=(1, "Invalid OTP"),
        used=(1, "OTP has already been used"),
        expired=(1, "OTP has expired"),
        exhausted=(-204, "Maximum OTP attempts exceeded"),
        locked=(-206, "Too many OTP requests"),
        limited=(-206, "Too many OTP requests"),
        refused_while_locked=(-206, "Too many OTP requests"),
        not_sent=(-205, "Failed to send OTP"),
    ),
    "sms": Documented(
        SmsDriver,
        "sms",
        without_quotas={"sms_cooldown": 0, "sms_send_quotas": ("100 per day",)},
        day=(3, 7 * 3600),
        cooldown=90,
        tells_locks_on_submit=False,
        sent=(200, "Gửi mã OTP thành công"),
        accepted=(200, "Mã xác thực chính xác"),
        wrong=_WRONG_SMS,
        none=_WRONG_SMS,
        used=_WRONG_SMS,
        expired=_WRONG_SMS,
        exhausted=_WRONG_SMS,
        locked=_WRONG_SMS,
        limited=_TOMORROW,
        refused_while_locked=(_TOMORROW[0], _TOMORROW[1].replace("3", "100")),
        not_sent=(500, "Không thể gửi mã OTP"),
    ),
    "flashcall": Documented(
        FlashcallDriver,
        "flashcall",
        settings={"flashcall_region": "VN"},
        without_quotas={"flashcall_send_quotas": ()},
        guesses=3,
        budget=6,
        code_length=4,
        quotas=((5, 600), (10, DAY)),
        supersedes=False,
        sent=(200, ""),
        accepted=(200, ""),
        wrong=(400, "invalid code"),
        none=(404, "order not found"),
        used=(400, "order already used"),
        expired=(400, "order expired"),
        exhausted=(429, "too many attempts"),
        exhausted_and_expired=(400, "order expired"),
        locked=(429, "too many attempts"),
        limited=(429, "too many requests"),
        refused_while_locked=(429, "too many requests"),
        not_sent=(502, "call could not be placed"),
    ),
    "voice": Documented(
        VoiceDriver,
        "voice",
        settings={"voice_verify": True},
        without_quotas={"voice_send_quotas": ()},
        quotas=((5, 600), (10, DAY)),
        sent=(200, ""),
        accepted=(200, ""),
        wrong=(400, "invalid otp"),
        none=(400, "invalid otp"),
        used=(400, "invalid otp"),
        expired=(400, "invalid otp"),
        exhausted=(429, "too many attempts"),
        locked=(429, "too many attempts"),
        limited=(429, "too many calls"),
        refused_while_locked=(429, "too many calls"),
        not_sent=(500, "call could not be placed"),
    ),
    "PIN": _account(PinDriver, "user"),
    "password": _account(PasswordDriver, "identifier"),
}


@dataclass
class Case:
    """One flow, as its document describes it, in an app that nobody has used."""

    says: Documented
    app: Flask
    outbox: Outbox
    driver: Driver = field(init=False)

    def __post_init__(self) -> None:
        self.driver = self.says.driver(Participants.of(self.app, self.outbox))

    def ask(self, person: int = 0, client: int = 0) -> Outcome:
        """What is said to who asks for a code."""
        return self.driver.outcome(self.driver.ask(person, client))

    def submit(self, code: str, person: int = 0, client: int = 0) -> Outcome:
        """What is said to who submits a code."""
        return self.driver.outcome(self.driver.submit(code, person, client))

    def fresh_code(self, person: int = 0, client: int = 0) -> str:
        """Ask for a code and read it in the message."""
        assert self.ask(person, client) == self.says.sent
        return self.outbox.last.code

    def miss(self, times: int) -> None:
        """Guess wrong that often, at as many codes as that takes."""
        while times > 0:
            wrong = another(self.fresh_code())
            for _ in range(min(times, self.says.guesses)):
                assert self.submit(wrong) == self.says.wrong
            times -= self.says.guesses

    def exhaust(self) -> str:
        """Use up all guesses of a code."""
        code = self.fresh_code()
        for _ in range(self.says.guesses):
            assert self.submit(another(code)) == self.says.wrong
        return code
