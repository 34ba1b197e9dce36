"""``GET /auth/{order_id}/{order_code}``, and who may call at all (contract/flashcall.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.flashcall_caller import SUCCESS, Application, outcome, refused
from tests.hosts import MakeApp


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(flows=("flashcall",))


# -- the order of refusals ------------------------------------------------------------------------


def redeemed(application: Application, order: tuple[str, str], clock: MovableClock) -> None:
    """The order is redeemed."""
    assert application.auth(*order).json == SUCCESS


def expired(application: Application, order: tuple[str, str], clock: MovableClock) -> None:
    """The order expires."""
    clock.tick(300)


def guessed(application: Application, order: tuple[str, str], clock: MovableClock) -> None:
    """The guesses of the order are used up."""
    order_id, code = order
    for _ in range(3):
        assert outcome(application.auth(order_id, another(code))) == (400, "invalid code")


def locked(application: Application, order: tuple[str, str], clock: MovableClock) -> None:
    """The guess budget of the phone is used up at other orders."""
    application.miss(6)


Step = Callable[[Application, tuple[str, str], MovableClock], None]
USED = (400, "order already used")
EXPIRED = (400, "order expired")
EXHAUSTED = (429, "too many attempts")


@pytest.mark.parametrize("submitted", ["right", "wrong"])
@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        ((redeemed,), USED),
        ((expired,), EXPIRED),
        ((guessed,), EXHAUSTED),
        ((redeemed, expired), USED),
        ((guessed, expired), EXPIRED),
        ((locked,), EXHAUSTED),
        ((redeemed, locked), EXHAUSTED),
        ((expired, locked), EXHAUSTED),
        ((redeemed, expired, locked), EXHAUSTED),
    ],
    ids=lambda value: " ".join(step.__name__ for step in value) if callable(value[0]) else value[1],
)
def test_the_first_case_that_applies_is_told_whatever_the_code(
    application: Application,
    clock: MovableClock,
    steps: tuple[Step, ...],
    submitted: str,
    refusal: tuple[int, str],
) -> None:
    order = (application.ordered(), application.seen())
    for step in steps:
        step(application, order, clock)

    answer = application.auth(order[0], order[1] if submitted == "right" else another(order[1]))

    assert outcome(answer) == refusal
    assert ("Retry-After" in answer.headers) == (locked in steps)


def test_another_applications_order_is_no_order(application: Application) -> None:
    other = Application(application.app, application.outbox)
    order_id, code = application.ordered(), application.seen()

    foreign = [other.auth(order_id, submitted) for submitted in (code, another(code))]
    unknown = application.auth(str(uuid.uuid4()), code)

    assert {outcome(answer) for answer in (*foreign, unknown)} == {(404, "order not found")}
    assert application.auth(order_id, code).json == SUCCESS


def test_a_code_opens_no_other_order(application: Application) -> None:
    first = application.ordered(code="1111")
    second = application.ordered(code="2222")

    assert outcome(application.auth(first, "2222")) == (400, "invalid code")
    assert outcome(application.auth(second, "1111")) == (400, "invalid code")


def test_an_order_id_is_the_same_in_capitals(application: Application) -> None:
    order_id, code = application.ordered(), application.seen()

    assert application.auth(order_id.upper(), code).json == SUCCESS


# -- segments of the path -------------------------------------------------------------------------

NO_CODES = [
    "034",
    "03456",
    "0345a",
    "abcd",
    "%20%20%20%20",
    "%200345",
    "0345%20",
    "0345;x",
    "0345;x=1",
    "0345%0A",
    "%0A0345",
    "03%0045",
    "0345%00",
    "%2F0345",
    "03%2F45",
    "%2F",
    "%2F%2F%2F%2F",
    "..%2F0345",
    "0345/extra",
    "0345//",
    "0345%3Fx",
    "%D9%A0%D9%A3%D9%A4%D9%A5",
    "%EF%BC%90%EF%BC%93%EF%BC%94%EF%BC%95",
    "%FF%FE%FD%FC",
    "%F0%9F%94%91" * 4,
    "0" * 10_000,
    "%30" * 3_000,
    "+345",
    "-345",
    "1e03",
    "0x1f",
]

NO_ORDERS = [
    "x",
    "%00",
    "%0A",
    "%2F",
    "%2F%2F",
    "",
    "%20",
    "..",
    "0" * 10_000,
    "6999f20950bb64581+9f91+5dba38812e13",
    "{6999f209-5bb6-4581-9f91-5dba38812e13}",
    "urn:uuid:6999f209-5bb6-4581-9f91-5dba38812e13",
    "6999f2095bb645819f915dba38812e13",
    "6999f209-5bb6-4581-9f91-5dba38812e1",
    "6999f209-5bb6-4581-9f91-5dba38812e13;x",
    "6999f209-5bb6-4581-9f91-5dba38812e13%00",
    "6999f209-5bb6-4581-9f91-5dba38812e13%0A",
    "6999f209-5bb6-4581-9f91-5dba388_2e13",
    "%D9%A6999f209-5bb6-4581-9f91-5dba38812e13",
    "6999f209-5bb6-4581-9f91/5dba38812e13",
]


@pytest.mark.parametrize("segment", NO_CODES, ids=lambda segment: segment[:20])
def test_a_segment_that_cannot_be_a_code_is_refused_in_the_envelope(
    application: Application, segment: str
) -> None:
    order_id = application.ordered(code="0345")

    answer = application.auth(order_id, segment)

    assert (answer.status_code, answer.content_type) == (400, "application/json")
    assert answer.json == refused("order_code must be 4 digits")
    assert application.auth(order_id, "0345").json == SUCCESS


@pytest.mark.parametrize("segment", NO_ORDERS, ids=lambda segment: segment[:24])
def test_a_segment_that_cannot_be_an_order_is_refused_in_the_envelope(
    application: Application, segment: str
) -> None:
    answer = application.auth(segment, "0345")

    assert (answer.status_code, answer.content_type) == (400, "application/json")
    assert "order_id must be a UUID" in [error["message"] for error in answer.json["errors"]]


def test_both_segments_that_fail_are_listed(application: Application) -> None:
    answer = application.auth("x", "y")

    assert answer.json == refused("order_id must be a UUID", "order_code must be 4 digits")


@pytest.mark.parametrize("ending", ["/", "?code=1111", "?order_code=1111&order_id=x", "#fragment"])
def test_what_follows_the_code_changes_nothing(application: Application, ending: str) -> None:
    order_id = application.ordered(code="0345")

    assert application.auth(order_id, f"0345{ending}").json == SUCCESS


def test_an_encoded_slash_or_digit_is_what_it_stands_for(application: Application) -> None:
    order_id = application.ordered(code="0345")

    assert application.call("GET", f"/auth/{order_id}%2F%30345").json == SUCCESS


def test_a_body_on_the_get_is_not_looked_at(application: Application) -> None:
    order_id = application.ordered(code="0345")

    answer = application.call("GET", f"/auth/{order_id}/0345", data=b"{", content_type="text/plain")

    assert answer.json == SUCCESS


def test_a_path_without_a_code_is_the_hosts_own_404(application: Application) -> None:
    answer = application.call("GET", f"/auth/{application.ordered()}")

    assert (answer.status_code, answer.content_type) == (404, "text/html; charset=utf-8")


# -- methods and credentials ----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_no_other_method_redeems_or_counts(application: Application, method: str) -> None:
    order_id, code = application.ordered(), application.seen()
    for _ in range(5):
        application.auth(order_id, another(code), method)

    answer = application.auth(order_id, code, method)

    assert answer.headers["Allow"] == "GET, OPTIONS"
    assert answer.status_code == (200 if method == "OPTIONS" else 405)
    if method not in ("OPTIONS", "HEAD"):
        assert answer.json == refused("method not allowed")
    else:
        assert answer.data == b""
    assert application.auth(order_id, code).json == SUCCESS


def test_what_prefetches_a_link_has_no_token_and_no_effect(application: Application) -> None:
    order_id, code = application.ordered(), application.seen()

    answers = [
        application.call("GET", f"/auth/{order_id}/{submitted}", headers={"Sec-Purpose": "prefetch"})
        for submitted in (code, *[another(code)] * 5)
    ]

    assert {outcome(answer) for answer in answers} == {(403, "access denied")}
    assert application.auth(order_id, code).json == SUCCESS


DENIED: dict[str, Callable[[Application], dict[str, str]]] = {
    "missing": lambda application: {},
    "blank": lambda application: {"X-Application-Token": "  "},
    "unknown": lambda application: {"X-Application-Token": str(uuid.uuid4())},
    "the id": lambda application: {"X-Application-Token": application.client.id},
    "no token at all": lambda application: {"X-Application-Token": "ÿ" * 200},
    "in another header": lambda application: {"Authorization": f"Token {application.client.secret}"},
}


@pytest.mark.parametrize("denied", DENIED)
@pytest.mark.parametrize("path", ["/orders", "/auth/x/y"])
def test_whoever_shows_no_token_of_an_application_is_denied(
    application: Application, denied: str, path: str
) -> None:
    method = "POST" if path == "/orders" else "GET"

    answer = application.call(method, path, headers=DENIED[denied](application), data=b"{")

    assert (answer.status_code, answer.json) == (403, refused("access denied"))
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_client_of_other_flows_is_denied(application: Application) -> None:
    otpauth: OtpAuth = application.app.extensions["test_otpauth"]
    with application.app.app_context():
        stranger = otpauth.clients.create("another", ("voice", "sms", "account"))

    answer = application.call("POST", "/orders", headers={"X-Application-Token": stranger.secret})

    assert outcome(answer) == (403, "access denied")


def test_a_blocked_application_is_denied_until_it_is_unblocked(application: Application) -> None:
    otpauth: OtpAuth = application.app.extensions["test_otpauth"]
    order_id, code = application.ordered(), application.seen()
    with application.app.app_context():
        otpauth.clients.block(application.client.id)
    blocked = (application.order(), application.auth(order_id, code))
    with application.app.app_context():
        otpauth.clients.unblock(application.client.id)

    assert {outcome(answer) for answer in blocked} == {(403, "access denied")}
    assert application.auth(order_id, code).json == SUCCESS


def test_a_rotated_token_works_for_the_overlap_and_reaches_the_same_orders(
    application: Application, clock: MovableClock
) -> None:
    otpauth: OtpAuth = application.app.extensions["test_otpauth"]
    order_id, code = application.ordered(), application.seen()
    with application.app.app_context():
        renewed = otpauth.clients.rotate(application.client.id, overlap=60)
    new = Application(application.app, application.outbox, client=renewed)

    clock.tick_ms(59_999)
    overlapping = application.auth(order_id, another(code))
    clock.tick_ms(1)

    assert outcome(overlapping) == (400, "invalid code")
    assert outcome(application.auth(order_id, code)) == (403, "access denied")
    assert new.auth(order_id, code).json == SUCCESS


# -- the POST twin --------------------------------------------------------------------------------


def test_there_is_no_twin_by_default(application: Application) -> None:
    assert application.call("POST", "/auth", json={}).status_code == 404


@pytest.fixture
def twin(make_app: MakeApp, outbox: Outbox) -> Application:
    return Application(make_app(flashcall_auth_post=True), outbox)


def test_the_twin_redeems_as_the_get_does(twin: Application) -> None:
    order_id, code = twin.ordered(), twin.seen()

    wrong = twin.call("POST", "/auth", json={"order_id": order_id, "code": another(code)})
    right = twin.call("POST", "/auth/", json={"order_id": order_id, "code": code})

    assert outcome(wrong) == (400, "invalid code")
    assert right.json == SUCCESS
    assert outcome(twin.auth(order_id, code)) == (400, "order already used")


def test_the_twin_and_the_get_share_the_guesses(twin: Application) -> None:
    order_id, code = twin.ordered(), twin.seen()
    wrong = {"order_id": order_id, "code": another(code)}

    answers = [outcome(twin.call("POST", "/auth", json=wrong)) for _ in range(2)]
    answers += [outcome(twin.auth(order_id, another(code))) for _ in range(2)]

    assert answers == [(400, "invalid code")] * 3 + [(429, "too many attempts")]


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({}, ["order_id is required", "code is required"]),
        ({"order_id": "x", "code": 345}, ["order_id must be a UUID", "code must be 4 digits"]),
        ({"order_id": None, "code": ""}, ["order_id is required", "code is required"]),
    ],
)
def test_the_twin_names_the_fields_that_fail(
    twin: Application, body: dict[str, Any], messages: list[str]
) -> None:
    answer = twin.call("POST", "/auth", json=body)

    assert (answer.status_code, answer.json) == (400, refused(*messages))


def test_with_the_get_switched_off_its_path_answers_405_and_redeems_nothing(
    make_app: MakeApp, outbox: Outbox
) -> None:
    application = Application(make_app(flashcall_auth_get=False, flashcall_auth_post=True), outbox)
    order_id, code = application.ordered(), application.seen()

    answer = application.auth(order_id, code)

    assert (answer.status_code, answer.json) == (405, refused("method not allowed"))
    assert answer.headers["Allow"] == "OPTIONS"
    assert application.call("GET", f"/auth/{order_id}/{code}", headers={}).status_code == 405
    assert application.call("POST", "/auth", json={"order_id": order_id, "code": code}).json == SUCCESS
