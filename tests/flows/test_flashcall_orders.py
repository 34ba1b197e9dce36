"""``POST /orders`` (contract/flashcall.md)."""

from __future__ import annotations

import re
import secrets
import uuid
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.ports.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.flashcall_caller import (
    PHONE,
    SUCCESS,
    Application,
    outcome,
    refused,
)
from tests.hosts import MakeApp


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(flows=("flashcall",))


# -- what is answered and what is sent ------------------------------------------------------------


def test_the_phone_is_called_from_the_prefix_with_the_code_behind_it(application: Application) -> None:
    answer = application.order()

    call = application.outbox.last
    data = answer.json["data"]
    assert call.channel == "flashcall"
    assert call.recipient == "+79991234567"
    assert call.caller_number == data["cid"]["prefix"] + call.code
    assert len(call.caller_number) == 11
    assert call.reference == data["id"]
    assert uuid.UUID(data["id"]).version == 4
    assert call.text == ""


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", False),
        ("?fields=", False),
        ("?fields=code", False),
        ("?fields=CODE.VALUE", False),
        ("?fields=code.value.x", False),
        ("?field=code.value", False),
        ("?fields=code.value", True),
        ("?fields=cid,code.value,unheard-of", True),
        ("?fields=cid, code.value", True),
        ("?fields=code%2Evalue", True),
        ("?fields=code.value,code.value", True),
    ],
)
def test_the_code_is_shown_where_the_query_asks_for_it(
    application: Application, query: str, shown: bool
) -> None:
    code = application.order(query=query).json["data"]["code"]

    assert code == {"len": 4, **({"value": application.seen()} if shown else {})}


def test_a_given_code_is_sent_and_shown_with_its_leading_zeros(application: Application) -> None:
    answer = application.order(code="0007")

    assert answer.json["data"]["code"] == {"len": 4, "value": "0007"}
    assert application.outbox.last.caller_number == "74872600007"
    assert application.auth(answer.json["data"]["id"], "0007").json == SUCCESS


def test_a_blank_code_counts_as_none(application: Application) -> None:
    answers = [application.order(code=blank) for blank in (None, "", "  ")]

    assert [answer.json["data"]["code"] for answer in answers] == [{"len": 4}] * 3
    assert all(re.fullmatch("[0-9]{4}", message.code) for message in application.outbox.messages)


def test_a_drawn_code_keeps_its_leading_zeros(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "randbelow", lambda bound: 7 if bound == 10_000 else 0)

    order_id = application.ordered()

    assert application.outbox.last.caller_number == "74872600007"
    assert outcome(application.auth(order_id, "7")) == (400, "order_code must be 4 digits")
    assert application.auth(order_id, "0007").json == SUCCESS


def test_the_length_of_the_code_is_followed_by_mask_len_and_validation(
    make_app: MakeApp, outbox: Outbox
) -> None:
    application = Application(make_app(flashcall_code_length=6), outbox)

    data = application.order().json["data"]
    short = application.order(code="0345")

    assert data["cid"]["mask"] == "7487260******"
    assert data["code"] == {"len": 6}
    assert len(application.seen()) == 6
    assert short.json == refused("code must be 6 digits")
    assert application.auth(data["id"], "0345").json == refused("order_code must be 6 digits")
    assert application.auth(data["id"], application.seen()).json == SUCCESS


def test_a_prefix_is_never_the_one_that_called_this_phone_last(make_app: MakeApp, outbox: Outbox) -> None:
    prefixes = ("7487260", "7487261", "7487262")
    application = Application(make_app(flashcall_prefixes=prefixes, flashcall_send_quotas=()), outbox)
    elsewhere = Application(application.app, outbox)

    used = [
        caller.order(phone).json["data"]["cid"]["prefix"]
        for caller in (application, elsewhere)
        for phone in (PHONE, "8 (999) 123-45-67")
        for _ in range(15)
    ]

    assert all(one != next_one for one, next_one in pairwise(used))
    assert set(used) == set(prefixes)


def test_with_one_prefix_every_call_comes_from_it(application: Application) -> None:
    used = [application.order().json["data"]["cid"]["prefix"] for _ in range(3)]

    assert used == ["7487260"] * 3


def test_orders_are_independent_and_each_places_a_call(application: Application) -> None:
    first, first_code = application.ordered(), application.seen()
    second, second_code = application.ordered(), application.seen()

    assert len(application.outbox.messages) == 2
    assert application.auth(first, first_code).json == SUCCESS
    assert application.auth(second, second_code).json == SUCCESS


# -- fields ---------------------------------------------------------------------------------------

SPELLINGS = [
    "79991234567",
    "89991234567",
    "+79991234567",
    "+89991234567",
    " 7 999 123 45 67 ",
    "8 (999) 123-45-67",
    "+7-999-123-45-67",
    "7(999)1234567",
    "+7\u00a0999\u2011123\u201345\u201367",
    "\u202a+7 999 123-45-67\u202c",
]

NOT_PHONES: list[Any] = [
    "7999123456",
    "799912345678",
    "9991234567",
    "69991234567",
    "++79991234567",
    "0079991234567",
    "7.999.123.45.67",
    "7999123456a",
    "7999123456\x00",
    "79991234567\n",
    "٧٩٩٩١٢٣٤٥٦٧",
    "７９９９１２３４５６７",
    "tel:79991234567",
    "79991234567;ext=1",
    "7" * 5000,
    79991234567,
    79991234567.0,
    True,
    ["79991234567"],
    {"phone": "79991234567"},
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_phone_is_that_phone(application: Application, spelling: str) -> None:
    answer = application.order(spelling)

    assert answer.status_code == 200
    assert application.outbox.last.recipient == "+79991234567"


def test_spellings_share_one_quota(application: Application) -> None:
    answers = [application.order(spelling).status_code for spelling in SPELLINGS[:6]]

    assert answers == [200] * 5 + [429]


@pytest.mark.parametrize("phone", NOT_PHONES, ids=lambda phone: repr(phone)[:30])
def test_what_is_no_phone_of_eleven_digits_is_refused(application: Application, phone: Any) -> None:
    answer = application.order(phone)

    assert (answer.status_code, answer.json) == (400, refused("phone must be 11 digits"))
    assert application.outbox.messages == []


@pytest.mark.parametrize("missing", [{}, {"phone": None}, {"phone": ""}, {"phone": "  "}])
def test_a_phone_is_required(application: Application, missing: dict[str, Any]) -> None:
    answer = application.call("POST", "/orders", json=missing)

    assert (answer.status_code, answer.json) == (400, refused("phone is required"))


@pytest.mark.parametrize(
    "code", ["034", "03456", "034a", " 0345", "٠٣٤٥", "03\x004", 345, 345.0, True, [], {}]
)
def test_a_code_is_a_string_of_four_ascii_digits(application: Application, code: Any) -> None:
    answer = application.order(code=code)

    assert (answer.status_code, answer.json) == (400, refused("code must be 4 digits"))


def test_all_fields_that_fail_are_listed(application: Application) -> None:
    both = application.order("1", code="1")
    missing = application.call("POST", "/orders", json={"code": 345})

    assert both.json == refused("phone must be 11 digits", "code must be 4 digits")
    assert missing.json == refused("phone is required", "code must be 4 digits")


@pytest.mark.parametrize(
    ("region", "spelling", "called"),
    [
        ("VN", "84987654321", "+84987654321"),
        ("VN", "0987 654-321", "+84987654321"),
        ("US", "+1 (202) 555-0123", "+12025550123"),
        ("US", "12025550123", "+12025550123"),
        ("LA", "8562055512345", "+8562055512345"),
    ],
)
def test_another_region_brings_its_own_length(
    make_app: MakeApp, outbox: Outbox, region: str, spelling: str, called: str
) -> None:
    application = Application(make_app(flashcall_region=region), outbox)

    assert application.order(spelling).status_code == 200
    assert outbox.last.recipient == called


@pytest.mark.parametrize(
    ("region", "phone"),
    [
        ("RU", "+84987654321"),
        ("RU", "+81312345678"),
        ("RU", "+8 816 123-45-67"),
        ("RU", "+88161234567"),
        ("US", "+5511912345"),
        ("US", "+9198765432"),
        ("CN", "+13800138000"),
        ("VN", "+987654321"),
        ("VN", "00987654321"),
        ("ID", "+81234567890"),
    ],
)
def test_a_number_of_another_country_is_never_read_as_one_of_the_region(
    make_app: MakeApp, outbox: Outbox, region: str, phone: str
) -> None:
    application = Application(make_app(flashcall_region=region), outbox)

    answer = application.order(phone)

    assert (answer.status_code, answer.json) == (400, refused(f"phone must be a phone number of {region}"))
    assert outbox.messages == []


def test_a_premium_number_is_not_called(application: Application) -> None:
    answer = application.order("8 809 123-45-67")

    assert (answer.status_code, answer.json) == (400, refused("phone must be a phone number of RU"))


@pytest.mark.parametrize("phone", ["79991234567", "8498765432100000", "x", 84987654321, None])
def test_a_number_that_the_region_cannot_have_is_refused(
    make_app: MakeApp, outbox: Outbox, phone: Any
) -> None:
    application = Application(make_app(flashcall_region="VN"), outbox)

    answer = application.order(phone)

    assert answer.status_code == 400
    assert answer.json["errors"][0]["message"].startswith("phone ")


def test_the_query_is_no_place_for_fields_of_the_body(application: Application) -> None:
    answer = application.call("POST", "/orders?phone=79991234567", json={})

    assert answer.json == refused("phone is required")


# -- limits ---------------------------------------------------------------------------------------


def test_there_is_no_cap_of_an_application_unless_it_is_set(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flashcall_daily_cap=3)
    capped, other = Application(app, outbox), Application(app, outbox)
    phones = [f"7999123456{n}" for n in range(5)]

    answers = [capped.order(phone).status_code for phone in phones]

    refusal = capped.order(phones[4])
    assert answers == [200] * 3 + [429] * 2
    assert outcome(refusal) == (429, "too many requests")
    assert refusal.headers["Retry-After"] == str(14 * 3600)  # it is ten o'clock, UTC
    assert other.order(phones[4]).status_code == 200
    clock.tick(hours=14)
    assert capped.order(phones[4]).status_code == 200


# -- a call that cannot be placed -----------------------------------------------------------------


def test_a_call_that_could_not_be_placed_uses_nothing_up(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    application = Application(make_app(flashcall_daily_cap=6), outbox)
    earlier, earlier_code = application.ordered(), application.seen()
    outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)

    failures = [application.order() for _ in range(7)]
    lost, lost_code = outbox.last.reference, outbox.last.code
    outbox.answer = None

    assert {outcome(failure) for failure in failures} == {(502, "call could not be placed")}
    assert "Retry-After" not in failures[0].headers
    assert outcome(application.auth(lost, lost_code)) == (404, "order not found")
    assert outcome(application.auth(lost, another(lost_code))) == (404, "order not found")
    assert application.auth(earlier, earlier_code).json == SUCCESS
    assert [application.order().status_code for _ in range(5)] == [200] * 4 + [429]


def test_a_sender_that_breaks_is_a_call_that_could_not_be_placed(application: Application) -> None:
    def broken(message: Any) -> Receipt:
        raise RuntimeError("the line is cut")

    application.outbox.answer = broken

    assert outcome(application.order()) == (502, "call could not be placed")


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"flashcall_prefixes": ()}, "OTPAUTH_FLASHCALL_PREFIXES"),
        ({"flashcall_prefixes": ("7487x60",)}, "OTPAUTH_FLASHCALL_PREFIXES"),
        ({"flashcall_auth_get": False}, "OTPAUTH_FLASHCALL_AUTH_POST"),
        ({"flashcall_code_length": 3}, "OTPAUTH_FLASHCALL_CODE_LENGTH"),
    ],
)
def test_settings_that_cannot_work_are_told_at_start_up(
    make_app: MakeApp, settings: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigurationError, match=key):
        make_app(**settings)


def test_the_flow_is_served_under_its_prefix(make_app: MakeApp, outbox: Outbox) -> None:
    application = Application(make_app(flashcall_url_prefix="/callup/v1"), outbox, prefix="/callup/v1")

    order_id = application.ordered()

    assert application.auth(order_id, application.seen()).json == SUCCESS
    assert application.app.test_client().post("/v1/orders").status_code == 404
