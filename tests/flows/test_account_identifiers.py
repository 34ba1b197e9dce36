"""Who is meant by ``user`` and ``identifier`` (contract/account.md, "Who is meant")."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.ports.directory import IdentifierKind, User
from tests.flows.account_caller import (
    EMAIL,
    MEMBER_ID,
    NOT_FOUND,
    OK,
    PASSWORD,
    PASSWORD_CODE,
    PHONE,
    PIN_BLOCKED,
    WRONG_PIN,
    Merchant,
    give_password,
    new_customer,
    refused,
    wrong_pin,
)
from tests.hosts import MakeApp, new_row, otpauth_of

NOBODY = refused("user", NOT_FOUND, "invalid_user")


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    """A merchant of the usual customer, whose primary key is 7, and of another."""
    customer = new_row(app, id=7, email=EMAIL, phone=PHONE, member_id=MEMBER_ID)
    new_row(app, id=8, email="other@stamps.co.id", phone="+6281234567899", member_id="m-0042")
    give_password(app, customer)
    return Merchant(app)


NAMES: list[Any] = [
    EMAIL,
    "Customer@STAMPS.co.id",
    f"  {EMAIL} ",
    MEMBER_ID,
    f" {MEMBER_ID} ",
    "+6281234567890",
    "081234567890",
    "6281234567890",
    "0812-3456-7890",
    "(0812) 3456 7890",
    "0062 812 3456 7890",
    7,
    "7",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_customer_is_found_by_every_name(merchant: Merchant, name: Any) -> None:
    assert merchant.check(user=name).json == OK
    assert merchant.unblock(user=name).json == OK
    assert merchant.request(PASSWORD_CODE, identifier=name).status_code == 200
    assert merchant.free_limit(user=name).json == OK


def test_all_names_share_one_persons_counters(merchant: Merchant) -> None:
    merchant.set_pin(user=MEMBER_ID)

    answers = [merchant.validate(WRONG_PIN, user=name).json for name in (EMAIL, 7, "0812 3456 7890")]

    assert answers == [wrong_pin(2), wrong_pin(1), PIN_BLOCKED]
    assert merchant.validate(user=MEMBER_ID).json == PIN_BLOCKED


def test_all_names_share_one_quota_of_codes(merchant: Merchant) -> None:
    answers = [merchant.request(user=name).status_code for name in NAMES[:6]]

    assert answers == [200] * 5 + [429]


def test_all_names_share_one_throttle_of_passwords(merchant: Merchant) -> None:
    answers = [merchant.check("wrong", user=name).status_code for name in NAMES[:11]]

    assert answers == [400] * 10 + [429]


@pytest.mark.parametrize(
    "name",
    [
        "nobody@example.com",
        "m-0043",
        "M-42",
        "M-0042\u200b",
        "Ｍ-0042",
        "081234567891",
        "8123456789012345678901234567890",
        "07",
        "007",
        "7.0",
        "+7",
        "-7",
        "٧",
        "0x7",
        -7,
        0,
        9,
        10**18,
        10**30,
        True,
        False,
        7.0,
        7.5,
        [7],
        ["customer@stamps.co.id"],
        {"id": 7},
        "7\x00",
        "customer@stamps.co.id\x00",
        "Foo <customer@stamps.co.id>",
        "customer@stamps.co.id, other@stamps.co.id",
        "customer@stamps.co.id'--",
        "%",
        "x" * 5_000,
    ],
    ids=lambda name: repr(name)[:30],
)
def test_whatever_else_is_nobody(merchant: Merchant, name: Any) -> None:
    answer = merchant.check(user=name)

    assert (answer.status_code, answer.json) == (400, NOBODY)


def test_member_ids_are_exact(merchant: Merchant) -> None:
    merchant.set_pin(user="M-0042")

    assert merchant.validate(WRONG_PIN, user="M-0042").json == wrong_pin(2)
    assert merchant.validate(WRONG_PIN, user="m-0042").json["error_code"] == "pin_not_set"


@pytest.mark.parametrize(
    "member_id", ["me@work", "", " ", " M-1", "M-1\n", "M\0-1", "\u200bM-1", "\ud800", "M" * 65]
)
def test_a_member_id_that_nobody_could_be_found_by_is_refused(merchant: Merchant, member_id: str) -> None:
    with pytest.raises(ValueError, match="invalid member id"):
        new_customer(merchant.app, email=None, phone=None, member_id=member_id)

    assert merchant.unblock(user=member_id).status_code == 400


def test_a_json_integer_is_a_primary_key_and_nothing_else(merchant: Merchant) -> None:
    person = new_customer(merchant.app, email=None, phone=None, member_id="4711")

    assert merchant.unblock(user=4711).json == NOBODY
    assert merchant.unblock(user="4711").json == OK
    assert merchant.unblock(user=person.id).json == OK


@pytest.mark.parametrize(
    ("member_id", "ambiguous"), [("8", "8"), ("081234567890", "081234567890"), ("+6281234567890", PHONE)]
)
def test_what_fits_two_different_persons_is_nobody(
    merchant: Merchant, member_id: str, ambiguous: str
) -> None:
    assert merchant.unblock(user=ambiguous).json == OK
    new_customer(merchant.app, email=None, phone=None, member_id=member_id)

    assert merchant.unblock(user=ambiguous).json == NOBODY
    assert merchant.request(PASSWORD_CODE, identifier=ambiguous).json == refused(
        "identifier", NOT_FOUND, "invalid_user"
    )
    assert merchant.free_limit(user=ambiguous).json["error_code"] == "invalid_user"


def test_what_fits_one_person_twice_is_that_person(merchant: Merchant) -> None:
    new_row(merchant.app, id=4712, member_id="4712")

    assert merchant.unblock(user="4712").json == OK


def test_a_disabled_customer_is_nobody_until_enabled(merchant: Merchant) -> None:
    users = otpauth_of(merchant.app)
    with merchant.app.app_context():
        users.users.disable(7)
    disabled = [
        merchant.check(user=7),
        merchant.request(PASSWORD_CODE, identifier=EMAIL),
        merchant.set_password("securepassword123"),
        merchant.free_limit(),
    ]
    with merchant.app.app_context():
        users.users.enable(7)

    assert [answer.status_code for answer in disabled] == [400] * 4
    assert [answer.json["errors"] for answer in disabled] == [
        {"user": NOT_FOUND},
        {"identifier": NOT_FOUND},
        {"email": NOT_FOUND},
        {"user": "Please enter a valid mobile phone number."},
    ]
    assert {answer.json["error_code"] for answer in disabled} == {"invalid_user"}
    assert merchant.check(user=7).json == OK


@pytest.mark.parametrize("email", ["nobody@example.com", MEMBER_ID, "7", PHONE])
def test_set_password_knows_customers_by_email_alone_and_creates_none(merchant: Merchant, email: str) -> None:
    answer = merchant.set_password("securepassword123", email)

    assert (answer.status_code, answer.json) == (400, refused("email", NOT_FOUND, "invalid_user"))
    with merchant.app.app_context():
        assert otpauth_of(merchant.app).users.find("nobody@example.com") is None


def test_set_password_answers_with_the_stored_address_and_an_empty_name_where_it_is_unknown(
    merchant: Merchant,
) -> None:
    answer = merchant.set_password("securepassword123", " CUSTOMER@stamps.CO.id ")

    assert answer.json == {"id": 7, "name": "", "email": EMAIL, "status": "ok"}


def test_national_numbers_are_of_the_region_that_is_set(make_app: MakeApp) -> None:
    app = make_app(account_region="VN")
    new_customer(app, phone="+84987654321")
    merchant = Merchant(app)

    assert merchant.check(user="0987 654 321").json == OK
    assert merchant.check(user="081234567890").json == NOBODY


class ScopedDirectory:
    """A host's directory: each merchant has customers of its own, with primary keys that are texts."""

    def __init__(self, directory: ModelDirectory) -> None:
        self.directory = directory
        self.owners: dict[str, str] = {}
        self.asked: list[str | None] = []

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        self.asked.append(client_id)
        user = self.directory.find(kind, value)
        return user if user is not None and self.owners.get(str(user.id)) == client_id else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.directory, name)


def test_a_hosts_directory_may_scope_its_search_by_client(make_app: MakeApp) -> None:
    plain = make_app(database_uri="sqlite://").extensions["otpauth"].services.directory
    directory = ScopedDirectory(plain)
    app = make_app(users=directory)
    person = new_customer(app)
    merchant, stranger = Merchant(app), Merchant(app)
    directory.owners[str(person.id)] = merchant.client.id

    assert merchant.check(PASSWORD).json == OK
    assert stranger.check(PASSWORD).json == NOBODY
    assert stranger.set_password("securepassword123").json["error_code"] == "invalid_user"
    assert set(directory.asked) == {merchant.client.id, stranger.client.id}
