"""Creating a user never changes another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.users import UserExists
from tests.adapters.databases import database_of, read

EMAIL, PHONE, MEMBER_ID = "victim@example.com", "+84987888001", "M-1"
PASSWORD, ANOTHER = "plum-Tractor 9 violet", "kite Harbour 31 olive"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture
def otpauth(app: Flask) -> Iterator[OtpAuth]:
    with app.app_context():
        yield app.extensions["test_otpauth"]
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def everything(otpauth: OtpAuth) -> list[dict[str, Any]]:
    """Return all rows of users and of secrets."""
    storage = otpauth._state.services.storage  # noqa: SLF001 - what is stored
    metadata = otpauth._state.services.directory.model.metadata  # noqa: SLF001 - the same
    tables = (metadata.tables["otpauth_users"], storage.tables.secrets)
    return [row for table in tables for row in read(storage, table.select())]


TAKEN = [
    ("email", {"email": "Victim@Example.com"}, "e-mail address"),
    ("phone", {"phone": "0084 987 888 001"}, "phone number"),
    ("member_id", {"member_id": MEMBER_ID}, "member id"),
    ("phone", {"email": "new@example.com", "phone": PHONE}, "phone number"),
    ("member_id", {"email": "new@example.com", "member_id": MEMBER_ID}, "member id"),
]


@pytest.mark.parametrize(("kind", "fields", "said"), TAKEN)
def test_creating_a_user_who_exists_is_an_error_and_changes_nothing(
    kind: str, fields: dict[str, Any], said: str, otpauth: OtpAuth
) -> None:
    otpauth.users.create(email=EMAIL, phone=PHONE, member_id=MEMBER_ID, password=PASSWORD)
    before = everything(otpauth)

    with pytest.raises(ValueError, match=said) as refused:
        otpauth.users.create(**fields, full_name="Eve", password=ANOTHER)

    assert isinstance(refused.value, UserExists)
    assert refused.value.kind == kind
    assert everything(otpauth) == before


def test_an_existing_user_without_a_password_gets_none(otpauth: OtpAuth) -> None:
    user = otpauth.users.create(email=EMAIL)

    with pytest.raises(UserExists):
        otpauth.users.create(email=EMAIL, password=ANOTHER)
    same = otpauth.users.get_or_create(email=EMAIL, password=ANOTHER, full_name="Eve", phone=PHONE)

    assert not otpauth.users.secrets["password"].is_set(user)
    assert (same.id, same.full_name, same.phone) == (user.id, "", None)


def test_get_or_create_creates_a_missing_user(otpauth: OtpAuth) -> None:
    user = otpauth.users.get_or_create(email=EMAIL, phone=PHONE, password=PASSWORD, full_name="Anna")

    assert (user.email, user.phone, user.full_name) == (EMAIL, PHONE, "Anna")
    assert otpauth.users.secrets["password"].check(user, PASSWORD, "password")


@pytest.mark.parametrize("fields", [{"phone": PHONE}, {"member_id": MEMBER_ID}])
def test_get_or_create_does_not_return_another_user(fields: dict[str, Any], otpauth: OtpAuth) -> None:
    otpauth.users.create(**fields)
    before = everything(otpauth)

    with pytest.raises(UserExists):
        otpauth.users.get_or_create(email="new@example.com", **fields)

    assert otpauth.users.get_or_create(**fields).email is None
    assert everything(otpauth) == before


def test_get_or_create_refuses_what_create_refuses(otpauth: OtpAuth) -> None:
    with pytest.raises(TypeError, match="emial"):
        otpauth.users.get_or_create(emial=EMAIL)
    with pytest.raises(ValueError, match="not an"):
        otpauth.users.get_or_create(email="nobody")


TOO_LONG = [
    {"full_name": "n" * 201},
    {"avatar_url": "https://example.com/" + "a" * 2000},
    {"member_id": "m" * 65},
    {"email": "a" * 64 + "@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + ".example"},
    {"phone": "+849878880011234567"},
    {"full_name": "A\0B"},
]


@pytest.mark.parametrize("fields", TOO_LONG)
def test_a_value_that_is_too_long_is_a_value_error_and_creates_no_user(
    fields: dict[str, str], otpauth: OtpAuth
) -> None:
    with pytest.raises(ValueError, match=r"longer|not an? "):
        otpauth.users.create(**{"email": EMAIL, **fields})

    assert everything(otpauth) == []


def test_only_one_of_several_simultaneous_creations_succeeds(app: Flask, otpauth: OtpAuth) -> None:
    def create(_: int) -> str:
        with app.app_context():
            try:
                otpauth.users.create(email=EMAIL, phone=PHONE)
            except UserExists:
                return "exists"
        return "created"

    with ThreadPoolExecutor(8) as pool:
        told = Counter(pool.map(create, range(16)))

    assert told == {"created": 1, "exists": 15}


def test_simultaneous_calls_of_get_or_create_return_the_same_user(app: Flask, otpauth: OtpAuth) -> None:
    def get_or_create(_: int) -> Any:
        with app.app_context():
            return otpauth.users.get_or_create(email=EMAIL).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(get_or_create, range(16)))) == 1


def test_an_empty_member_id_counts_as_none(otpauth: OtpAuth) -> None:
    model = otpauth._state.services.directory.model  # noqa: SLF001 - as a form makes it

    assert [model(member_id=given).member_id for given in ("", None, "M-1")] == [None, None, "M-1"]
    with pytest.raises(ValueError, match="invalid member id"):
        model(member_id="me@work")
