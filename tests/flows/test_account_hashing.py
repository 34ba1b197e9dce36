"""Memory-hard hashing must not become a way to stop the service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import argon2
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from tests.flows.account_caller import (
    OK,
    PASSWORD,
    PASSWORD_CODE,
    PIN,
    WRONG_PIN,
    Merchant,
    new_customer,
    wrong_pin,
)
from tests.hosts import MakeApp, otpauth_of

PATIENCE = 30


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


@pytest.fixture
def merchant(make_app: MakeApp) -> Merchant:
    """A merchant where one hash runs at a time, and none waits."""
    app = make_app(hash_concurrency=1, hash_wait=0)
    new_customer(app)
    merchant = Merchant(app)
    merchant.set_pin()
    return merchant


@contextmanager
def all_places_taken(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody's right PIN is being hashed all the while, and is answered in the end."""
    begun, go_on, real = threading.Event(), threading.Event(), argon2.PasswordHasher.verify

    def slow(self: argon2.PasswordHasher, hashed: str, secret: str) -> bool:
        begun.set()
        assert go_on.wait(PATIENCE)
        return real(self, hashed, secret)

    with ThreadPoolExecutor(1) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(argon2.PasswordHasher, "verify", slow)
            waiting = pool.submit(merchant.validate)
            assert begun.wait(PATIENCE)
            try:
                yield
            finally:
                go_on.set()
        assert waiting.result(PATIENCE).json == OK


HASHING: dict[str, Callable[[Merchant], TestResponse]] = {
    "validate-password": lambda merchant: merchant.check(),
    "pin/change": lambda merchant: merchant.change(PIN),
    "pin/validate": lambda merchant: merchant.validate(WRONG_PIN),
    "pin/reset-with-password": lambda merchant: merchant.reset_pin_by_password(PASSWORD),
    "change-password": lambda merchant: merchant.change_password(PASSWORD),
    "set-password": lambda merchant: merchant.set_password("secure_password"),
}


@pytest.mark.parametrize("path", HASHING)
def test_beyond_the_bounded_wait_a_request_is_refused_clearly_and_counts_nothing(
    merchant: Merchant, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with all_places_taken(merchant, monkeypatch):
        answers = [HASHING[path](merchant) for _ in range(12)]

    refusal = (503, {"detail": "Service Unavailable"}, "1")
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "1")}
    assert (answers[0].status_code, answers[0].json, answers[0].headers["Retry-After"]) == refusal
    assert merchant.validate(WRONG_PIN).json == wrong_pin(2)
    assert merchant.check().json == OK


def test_a_code_is_not_used_up_by_a_refusal(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    pin, password = merchant.code(), merchant.code(PASSWORD_CODE)

    with all_places_taken(merchant, monkeypatch):
        refusals = [merchant.reset_pin(pin).status_code, merchant.reset_password(password).status_code]

    assert refusals == [503, 503]
    assert merchant.reset_pin(pin).json == OK
    assert merchant.reset_password(password).json == OK


def test_what_needs_no_hash_is_answered_meanwhile(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with all_places_taken(merchant, monkeypatch):
        answers = [
            merchant.unblock(),
            merchant.request(),
            merchant.free_limit(),
            merchant.set_pin(),
            merchant.validate("12345"),
            merchant.validate(user="nobody"),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400, 400]


def test_a_request_that_finds_a_place_in_time_is_answered(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(hash_concurrency=1, hash_wait=PATIENCE)
    new_customer(app)
    merchant = Merchant(app)
    merchant.set_pin()

    with ThreadPoolExecutor(1) as pool:
        with all_places_taken(merchant, monkeypatch):
            waiting = pool.submit(merchant.check)
        assert waiting.result(PATIENCE).json == OK


def test_the_places_and_the_wait_are_settings(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []
    real = Argon2Hasher.__init__

    def recording(self: Argon2Hasher, *given: Any, **options: Any) -> None:
        made.append(given)
        real(self, *given, **options)

    monkeypatch.setattr(Argon2Hasher, "__init__", recording)
    make_app()
    make_app(hash_concurrency=2, hash_wait=5)

    assert made == [(4, 2.0), (2, 5.0)]


def test_pins_and_passwords_share_the_places(app: Flask) -> None:
    customers = app.extensions["otpauth"].use_cases["account"].customers

    assert customers.pins.hasher is customers.passwords.hasher


def test_users_of_the_hosts_administration_are_hashed_in_the_same_places(app: Flask) -> None:
    with app.app_context():
        users = otpauth_of(app).users

    customers = app.extensions["otpauth"].use_cases["account"].customers
    assert users.secrets["password"].hasher is customers.passwords.hasher


def test_a_customer_without_a_password_costs_the_same_hashes(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [
        new_customer(app, email=f"{number}@stamps.co.id", phone=None, member_id=None, password=password)
        for number, password in enumerate((PASSWORD, None))
    ]
    merchant, verified = Merchant(app), []
    real = Argon2Hasher.verify

    def counting(self: Argon2Hasher, *given: Any) -> bool:
        verified.append(given)
        return real(self, *given)

    monkeypatch.setattr(Argon2Hasher, "verify", counting)

    answers = []
    for person in people:
        answers.append((merchant.check("wrong", user=person.id).json, len(verified)))
        verified.clear()

    assert answers[0] == answers[1]
    assert answers[0][1] == 1
