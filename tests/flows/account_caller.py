"""A merchant's server that speaks the ``account`` flow, and the customers that it asks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.engine.clients import Credentials
from flask_otpauth.ports.directory import User
from tests.codes import another
from tests.hosts import otpauth_of

EMAIL = "customer@stamps.co.id"
PHONE = "+6281234567890"
MEMBER_ID = "M-0042"
PASSWORD = "secret123"
PIN = "123456"
WRONG_PIN = "000000"

OK = {"status": "ok"}
NOT_FOUND = "User not found"
LOCKED = "Too many attempts, try again later"
UNLUCKY = "Invalid user password"


def refused(field_name: str, message: str, code: str, **beside: Any) -> dict[str, Any]:
    """The body of a refusal that one field is to blame for."""
    sentence = f"{field_name}: {message}"
    return {
        **beside,
        "detail": sentence,
        "errors": {field_name: message},
        "error_code": code,
        "error_message": sentence,
    }


INVALID_OTP = refused("otp", "Invalid OTP", "invalid_otp")
PIN_BLOCKED = refused("pin", "PIN is blocked", "pin_blocked")


def wrong_pin(left: int) -> dict[str, Any]:
    """The body that tells of a wrong PIN on ``/pin/validate``."""
    return refused("pin", f"Invalid PIN, {left} attempt(s) left", "invalid_pin")


def new_customer(app: Flask, **fields: Any) -> User:
    """A customer: the usual one, but for what ``fields`` say."""
    usual = {"email": EMAIL, "phone": PHONE, "member_id": MEMBER_ID, "password": PASSWORD}
    with app.app_context():
        user: User = otpauth_of(app).users.create(**{**usual, **fields})
    return user


def give_password(app: Flask, user: User, password: str = PASSWORD) -> None:
    """Let somebody who was created without one have a password."""
    passwords = app.extensions["otpauth"].services.users.secrets["password"]
    passwords.put(user, passwords.make_hash(user, password))


def new_client(app: Flask, flows: Sequence[str] = ("account",)) -> Credentials:
    """A merchant's credentials."""
    with app.app_context():
        return otpauth_of(app).clients.create("a merchant", flows)


@dataclass
class Merchant:
    """One client of the flow. It asks about ``user``, unless a call says otherwise."""

    app: Flask
    user: Any = EMAIL
    client: Credentials = field(default_factory=lambda: Credentials("", ""))

    def __post_init__(self) -> None:
        if not self.client.id:
            self.client = new_client(self.app)

    @property
    def headers(self) -> dict[str, str]:
        """The header that shows who is asking."""
        return {"Authorization": f"Token {self.client.secret}"}

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        """``POST`` a JSON body to a path of the flow."""
        body = {} if body is None else body
        return self.app.test_client().post(f"/api{path}", json=body, **{"headers": self.headers, **options})

    def call(self, path: str, **fields: Any) -> TestResponse:
        """``POST`` fields, about the usual customer unless they name one."""
        named = {"user", "identifier", "email"} & fields.keys()
        name = "identifier" if path in IDENTIFIER_PATHS else "user"
        return self.post(path, fields if named else {name: self.user, **fields})

    # -- PINs -------------------------------------------------------------------------------------

    def set_pin(self, pin: str = PIN, **fields: Any) -> TestResponse:
        """Set the first PIN."""
        return self.call("/pin/set", pin=pin, confirm_pin=pin, **fields)

    def validate(self, pin: str = PIN, **fields: Any) -> TestResponse:
        """Whether it is the PIN."""
        return self.call("/pin/validate", pin=pin, **fields)

    def change(self, current: str, new: str = "654321", **fields: Any) -> TestResponse:
        """Replace the PIN."""
        return self.call("/pin/change", current_pin=current, new_pin=new, confirm_new_pin=new, **fields)

    def unblock(self, **fields: Any) -> TestResponse:
        """End the block of the PIN."""
        return self.call("/pin/unblock", **fields)

    def block_pin(self) -> None:
        """Block the PIN by wrong ones."""
        assert [self.validate(WRONG_PIN).status_code for _ in range(3)] == [400] * 3
        assert self.validate().json == PIN_BLOCKED

    def reset_pin(self, otp: str, pin: str = "654321", **fields: Any) -> TestResponse:
        """Set the PIN with a code."""
        return self.call("/pin/reset", otp=otp, pin=pin, confirm_pin=pin, **fields)

    def reset_pin_by_password(self, password: str, pin: str = "654321", **fields: Any) -> TestResponse:
        """Set the PIN with the password."""
        return self.call("/pin/reset-with-password", password=password, pin=pin, confirm_pin=pin, **fields)

    # -- passwords --------------------------------------------------------------------------------

    def check(self, password: str = PASSWORD, **fields: Any) -> TestResponse:
        """Whether it is the password."""
        return self.call("/auth/validate-password", password=password, **fields)

    def change_password(self, old: str, new: str = "new_secure_password", **fields: Any) -> TestResponse:
        """Replace the password."""
        return self.call("/auth/change-password", old_password=old, new_password=new, **fields)

    def set_password(self, new: str, email: Any = EMAIL) -> TestResponse:
        """Set the password on the merchant's word."""
        return self.post("/auth/set-password", {"email": email, "new_password": new})

    def reset_password(self, otp: str, new: str = "securepassword123", **fields: Any) -> TestResponse:
        """Set the password with a code."""
        return self.call(
            "/auth/reset-password-with-otp", otp=otp, new_password=new, confirm_new_password=new, **fields
        )

    # -- codes ------------------------------------------------------------------------------------

    def request(self, path: str = "/pin/request-otp-for-reset", **fields: Any) -> TestResponse:
        """Ask for a code."""
        return self.call(path, **{**({"type": "email"} if path == PASSWORD_CODE else {}), **fields})

    def code(self, path: str = "/pin/request-otp-for-reset", **fields: Any) -> str:
        """Ask for a code and read it in the answer."""
        answer = self.request(path, **fields)
        assert answer.status_code == 200, answer.json
        return str(answer.json["otp"])

    def free_limit(self, **fields: Any) -> TestResponse:
        """Free the request quotas."""
        return self.call("/auth/reset-otp-limit", **fields)

    def miss(self, times: int) -> None:
        """Guess wrong that often at codes that reset the PIN, five guesses each."""
        while times > 0:
            wrong = another(self.code())
            for _ in range(min(times, 5)):
                assert self.reset_pin(wrong).json == INVALID_OTP
            times -= 5


PIN_CODE = "/pin/request-otp-for-reset"
PASSWORD_CODE = "/auth/request-otp-for-password-reset"
IDENTIFIER_PATHS = (PASSWORD_CODE, "/auth/reset-password-with-otp")
