"""What happens in one transaction when the PIN or the password of a customer changes."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from flask import Flask

from flask_otpauth import signals
from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.engine.resets import PIN_RESET, Customers, Resets
from flask_otpauth.ports.directory import User
from flask_otpauth.ports.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox

POLICY = Policy(PIN_RESET)
PASSWORD = "securepassword123"


@pytest.fixture
def customers(app: Flask) -> Customers:
    found: Customers = app.extensions["otpauth"].use_cases["account"].customers
    return found


@pytest.fixture
def user(app: Flask) -> User:
    created: User = app.extensions["otpauth"].services.users.create(
        email="customer@stamps.co.id", password=PASSWORD
    )
    return created


def resets(customers: Customers) -> Resets:
    """Return resets that show the code and send no message."""
    return Resets(customers, {PIN_RESET: POLICY}, (), {}, lambda: ("en",), shows_code=True)


def code_for(customers: Customers, user: User) -> str:
    code = resets(customers).request(PIN_RESET, user, "a merchant")
    assert code is not None
    return code


def down(*given: Any, **options: Any) -> NoReturn:
    """A store that fails in the middle."""
    raise errors.StorageUnavailable("the cable is cut")


# The steps of a reset in its transaction, in their order. The store may fail at each.
STEPS = ["SqlChallengeStore.redeem", "SqlSecretStore.put", "SqlSessionStore.close_all"]


def break_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Make the store fail at ``step``."""
    name, _, verb = step.partition(".")
    module = {"SqlChallengeStore": "challenges", "SqlSecretStore": "secrets", "SqlSessionStore": "sessions"}
    monkeypatch.setattr(f"flask_otpauth.adapters.sqlalchemy.{module[name]}.{name}.{verb}", down)


@pytest.mark.parametrize("step", STEPS)
def test_code_pin_and_sessions_change_together_or_not_at_all(
    customers: Customers, user: User, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    otp = code_for(customers, user)
    session = customers.sessions.open(user).session
    proof = resets(customers).proof(PIN_RESET, user, "a merchant", otp)

    with monkeypatch.context() as patch:
        break_at(patch, step)
        with pytest.raises(errors.StorageUnavailable):
            customers.reset_pin(user, "123456", "pin", proof)

    assert not customers.pins.is_set(user)
    assert customers.sessions.store.find(session.id).closed_at is None  # type: ignore[union-attr]
    assert outbox.messages == []
    customers.reset_pin(user, "123456", "pin", proof)
    assert customers.pins.check(user, "123456", "pin")
    assert customers.sessions.store.find(session.id).closed_at is not None  # type: ignore[union-attr]


def test_a_password_and_the_sessions_change_together_or_not_at_all(
    customers: Customers, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = ("old_password", "new_password")

    with monkeypatch.context() as patch:
        break_at(patch, "SqlSessionStore.close_all")
        with pytest.raises(errors.StorageUnavailable):
            customers.change_password(user, PASSWORD, "new_secure_password", fields)
        with pytest.raises(errors.StorageUnavailable):
            customers.set_password(user, "new_secure_password", "new_password")

    customers.check_password(user, PASSWORD, "password")
    with pytest.raises(errors.SecretWrong):
        customers.check_password(user, "new_secure_password", "password")


def test_listeners_are_told_of_ended_sessions_once_and_only_after_the_fact(
    customers: Customers, user: User, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def listen(sender: Any, user_id: str, count: int) -> None:
        told.append(count)

    customers.sessions.open(user)
    with signals.session_revoked.connected_to(listen, sender=app):
        with monkeypatch.context() as patch:
            break_at(patch, "SqlSecretStore.put")
            with pytest.raises(errors.StorageUnavailable):
                customers.set_password(user, "new_secure_password", "new_password")
        failed = list(told)
        customers.set_password(user, "new_secure_password", "new_password")
        customers.set_pin(user, "123456", "pin")
        customers.change_pin(user, "123456", "654321", ("current_pin", "new_pin"))

    assert failed == []
    assert told == [1]


def test_a_hash_is_made_outside_of_every_transaction(
    customers: Customers, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, depths = customers.codes.storage.database, []  # type: ignore[attr-defined]  # it is the SQL one
    otp = code_for(customers, user)
    for name in ("hash", "verify"):
        real = getattr(customers.pins.hasher, name)

        def looking(*given: Any, real: Any = real) -> Any:
            depths.append(database._open.connection)  # noqa: SLF001 - whether a transaction is open
            return real(*given)

        monkeypatch.setattr(customers.pins.hasher, name, looking)

    customers.reset_pin(user, "123456", "pin", resets(customers).proof(PIN_RESET, user, "a merchant", otp))
    customers.change_pin(user, "123456", "654321", ("current_pin", "new_pin"))
    customers.change_password(user, PASSWORD, "new_secure_password", ("old_password", "new_password"))
    by_password = customers.by_password(user, "new_secure_password", "password")
    customers.reset_pin(user, "111111", "pin", by_password)

    assert len(depths) == 7
    assert set(depths) == {None}


def test_no_transaction_is_open_while_a_notice_is_sent(
    customers: Customers, user: User, outbox: Outbox
) -> None:
    database, seen = customers.codes.storage.database, []  # type: ignore[attr-defined]  # it is the SQL one

    def look(message: Any) -> Receipt:
        seen.append(database._open.connection)  # noqa: SLF001 - whether a transaction is open
        return Receipt(Status.ACCEPTED)

    outbox.answer = look

    customers.set_password(user, "new_secure_password", "new_password")

    assert seen == [None]


def test_an_act_is_allowed_so_often_in_any_24_hours(
    customers: Customers, user: User, clock: MovableClock
) -> None:
    for _ in range(3):
        customers.allow("unblock", user, 3)
        clock.tick(hours=1)

    with pytest.raises(errors.QuotaExceeded) as refusal:
        customers.allow("unblock", user, 3)
    customers.allow("another act", user, 3)
    clock.tick(hours=21)

    assert refusal.value.retry_after_seconds == 21 * 3600
    customers.allow("unblock", user, 3)


def test_an_act_without_a_limit_is_not_even_counted(customers: Customers, user: User) -> None:
    for _ in range(5):
        customers.allow("unblock", user, None)

    customers.allow("unblock", user, 1)


def test_a_customer_who_is_nobody_is_told_by_the_field(customers: Customers) -> None:
    with pytest.raises(errors.UserNotFound) as refusal:
        customers.find("nobody", "identifier", "a merchant")

    assert refusal.value.field == "identifier"


def test_a_pin_that_is_set_meanwhile_is_not_overwritten(
    customers: Customers, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = customers.pins.hasher.hash

    def slowly(secret: str) -> str:
        monkeypatch.undo()
        customers.set_pin(user, "111111", "pin")
        return hashed(secret)

    monkeypatch.setattr(customers.pins.hasher, "hash", slowly)

    with pytest.raises(errors.SecretAlreadySet):
        customers.set_pin(user, "222222", "pin")
    assert customers.pins.check(user, "111111", "pin")
