"""
A host app as type checkers see it: mypy and pyright check this file strictly.

``nox -s types`` runs them. ``assert_type`` fails if a checker finds another type, such as ``Any``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, assert_type, cast
from uuid import UUID

from flask import Flask
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_otpauth import Credentials, OpenSession, OtpAuth, Outcome, Refusal, Sent, Tokens, Unlocked, signals
from flask_otpauth.envelopes import Envelope, Failure, Success, Wire, status_of
from flask_otpauth.errors import CooldownActive
from flask_otpauth.flows.email import EmailEnvelope
from flask_otpauth.senders import MemorySender, Message, Receipt, Sender, Status
from flask_otpauth.storage import Campaign, Client, MemoryStorage, Storage
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import Directory, IdentifierKind, NewUser, User, UserExists, UserMixin


class Base(DeclarativeBase):
    """The models of the host."""


db = SQLAlchemy(model_class=Base)
otpauth = OtpAuth(db=db)


class Customer(UserMixin, Base):
    """A model of the host."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(default=0)


# -- views -----------------------------------------------------------------------------------


@otpauth.token_required
def me() -> ResponseReturnValue:
    """The user is typed by the protocol, and by a cast as the host's model."""
    assert_type(otpauth.current_user, User)
    assert_type(otpauth.current_user.email, str | None)
    customer = cast(Customer, otpauth.current_user)
    assert_type(customer.points, int)
    return {"email": otpauth.current_user.email, "points": customer.points}


@otpauth.token_required
def points(year: int, *, detailed: bool = False) -> str:
    """A view with parameters."""
    return f"{year} {detailed}"


@otpauth.token_required
async def later(year: int) -> dict[str, Any]:
    """A view that is a coroutine function."""
    return {"year": year}


@otpauth.token_optional
async def welcome(name: str = "") -> str:
    """A view for everybody."""
    # A proxy may be false. The error is not one of strict mode, but this project asks for it.
    return otpauth.current_user.full_name if otpauth.current_user else name  # type: ignore[truthy-bool]


@otpauth.fresh_otp_required()
def close(account: str) -> tuple[str, int]:
    """A view that demands a login of the last five minutes."""
    return account, 200


@otpauth.fresh_otp_required(max_age=timedelta(minutes=1))
async def close_later(account: str) -> tuple[str, int]:
    """The same as a coroutine function."""
    return account, 200


def views_keep_their_parameters() -> tuple[object, ...]:
    """A decorated view takes what the view takes, and answers what Flask takes."""
    without: Callable[[], ResponseReturnValue] = me
    by_year: Callable[[int], ResponseReturnValue] = later
    by_name: Callable[[str], ResponseReturnValue] = welcome
    by_account: Callable[[str], ResponseReturnValue] = close
    closing_later: Callable[[str], ResponseReturnValue] = close_later
    assert_type(points(2024, detailed=True), ResponseReturnValue)
    points("2024")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    close_later()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    return without, by_year, by_name, by_account, closing_later


# -- what the extension does for a host ------------------------------------------------------


def users() -> None:
    """Users can be named by what names them, and by nothing else."""
    created = otpauth.users.create(email="ann@example.com", password="correct horse")
    assert_type(created, User)
    assert_type(otpauth.users.get_or_create(phone="+84987654321"), User)
    otpauth.users.get_or_create(mail="ann@example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    found = otpauth.users.find("ann@example.com")
    assert_type(found, User | None)
    for user in (created, found, Customer(), otpauth.current_user, 7, "ann@example.com", UUID(int=7)):
        assert_type(otpauth.users.disable(user), bool)
        assert_type(otpauth.users.enable(user), bool)
        assert_type(otpauth.users.delete(user), bool)
        assert_type(otpauth.revoke_sessions(user), int)
        assert_type(otpauth.login(user), Tokens)
        assert_type(otpauth.sessions.list(user), Sequence[OpenSession])
        assert_type(otpauth.unlock(user), Unlocked)
    otpauth.users.disable(["ann@example.com"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(otpauth.issue_account_token(created), str)


def codes() -> None:
    """Codes of the host's own views."""
    assert_type(otpauth.codes.send("sms", "+84987654321", purpose="pay", amount=12), Sent)
    outcome = otpauth.codes.redeem("+84987654321", purpose="pay", code="123456")
    assert_type(outcome, Outcome)
    assert_type(outcome.left, int)


def clients() -> None:
    """Clients and their campaigns."""
    credentials = otpauth.clients.create("shop", flows=["voice"])
    assert_type(credentials, Credentials)
    assert_type(otpauth.clients.rotate(credentials.id, overlap=timedelta(hours=1)), Credentials)
    assert_type(otpauth.clients.list(), Sequence[Client])
    assert_type(otpauth.campaigns.create(credentials.id, language="vi"), Campaign)
    assert_type(otpauth.campaigns.pause("1"), bool)


def refusals() -> int | None:
    """Errors have typed attributes."""
    try:
        otpauth.codes.send("email", "ann@example.com", purpose="pay")
    except CooldownActive as refusal:
        return refusal.retry_after_seconds
    except (Refusal, UserExists) as error:
        assert_type(error, Refusal | UserExists)
    return None


# -- what a host brings along ----------------------------------------------------------------


class Provider:
    """A sender."""

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over."""
        return Receipt(Status.ACCEPTED, detail=message.channel)


class OwnWords:
    """An envelope that changes the packaged one."""

    def __init__(self) -> None:
        self.packaged = EmailEnvelope()

    def success(self, success: Success) -> Wire:
        """The packaged answer."""
        return self.packaged.success(success)

    def failure(self, failure: Failure) -> Wire:
        """The packaged answer with a header more."""
        payload, status, headers = self.packaged.failure(failure)
        return payload, status, {**headers, "X-Status": str(status_of(failure))}


@dataclass(frozen=True)
class Member:
    """A user of the host's own."""

    id: str
    email: str | None = None
    phone: str | None = None
    member_id: str | None = None
    full_name: str = ""
    avatar_url: str | None = None
    password_hash: str | None = None
    is_enabled: bool = True
    email_verified: bool = False
    phone_verified: bool = False


class Members:
    """A directory."""

    def get(self, user_id: str) -> Member | None:
        """The member of that id."""
        return Member(user_id)

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> Member | None:
        """Nobody."""

    def create(self, user: NewUser) -> Member:
        """A new member."""
        return Member("1", user.email, user.phone, user.member_id, user.full_name, user.avatar_url)

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """Nothing to do."""

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """Nobody is there."""
        return False

    def delete(self, user_id: str) -> bool:
        """Nobody is there."""
        return False


def what_a_host_brings_along_fits() -> tuple[Sender, Sender, Envelope, Directory, Storage]:
    """Each has the form of the protocol, without inheriting from it."""
    return Provider(), MemorySender(), OwnWords(), Members(), MemoryStorage()


def create_app(clock: MovableClock, outbox: Outbox) -> Flask:
    """The host."""
    app = Flask(__name__)
    app.config["OTPAUTH_CLOCK"] = clock
    app.config["OTPAUTH_SENDERS"] = outbox.senders
    app.config["OTPAUTH_USERS"] = Customer
    db.init_app(app)
    otpauth.init_app(app)
    signals.code_accepted.connect(on_accepted)
    app.add_url_rule("/me", view_func=me)
    app.add_url_rule("/later/<int:year>", view_func=later)
    return app


def on_accepted(sender: Flask, **facts: Any) -> None:
    """A listener."""
    sender.logger.info("%r", facts)
