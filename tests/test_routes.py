"""``OTPAUTH_ROUTES``: which senders get which messages of an app."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.cli import otpauth
from flask_otpauth.engine.router import Router
from flask_otpauth.senders import MemorySender, Message, Receipt, Status
from flask_otpauth.testing import MovableClock
from tests.hosts import SECRET_KEY, MakeApp, otpauth_of

DOWN = Receipt(Status.UNAVAILABLE)


def router_of(app: Flask) -> Router:
    router: Router = app.extensions["otpauth"].services.codes.messenger.router
    return router


def problems(**config: Any) -> tuple[str, ...]:
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_STORAGE="memory",
        OTPAUTH_SENDERS={"email": "console"},
        OTPAUTH_PROVIDERS={"local": MemorySender(), "twilio": MemorySender()},
    )
    app.config.update({f"OTPAUTH_{name.upper()}": value for name, value in config.items()})
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)
    return caught.value.problems


def send(app: Flask, recipient: str, channel: str = "sms") -> None:
    with app.app_context():
        otpauth_of(app).codes.send(channel, recipient, purpose="confirm")


@pytest.fixture
def local() -> MemorySender:
    return MemorySender()


@pytest.fixture
def twilio() -> MemorySender:
    return MemorySender()


def test_each_message_goes_to_the_senders_of_its_route(
    make_app: MakeApp, local: MemorySender, twilio: MemorySender
) -> None:
    app = make_app(
        flows=("email",),
        senders={"email": "memory"},
        providers={"local": local, "twilio": twilio},
        routes={("sms",): "twilio", ("sms", "84"): ("local", "twilio")},
    )

    send(app, "+84987654321")
    send(app, "+8562055555555")

    assert [message.recipient for message in local.messages] == ["+84987654321"]
    assert [message.recipient for message in twilio.messages] == ["+8562055555555"]


def test_a_client_has_a_route_of_its_own(
    make_app: MakeApp, local: MemorySender, twilio: MemorySender
) -> None:
    app = make_app(
        flows=("email",),
        senders={"email": "memory"},
        providers={"local": local, "twilio": twilio},
        routes={("sms",): "twilio", ("sms", "*", "shop"): "local"},
    )

    router_of(app).send(Message("sms", "+84987654321", "012345", client_id="shop"))
    router_of(app).send(Message("sms", "+84987654322", "012345", client_id="other"))

    assert [message.client_id for message in local.messages] == ["shop"]
    assert [message.client_id for message in twilio.messages] == ["other"]


def test_a_route_goes_before_the_sender_of_the_channel(
    make_app: MakeApp, local: MemorySender, twilio: MemorySender
) -> None:
    app = make_app(
        flows=("email",),
        providers={"local": local},
        senders={"email": twilio},
        routes={("email",): ["local"]},
    )

    send(app, "user@example.com", "email")

    assert (len(local.messages), len(twilio.messages)) == (1, 0)


def test_a_route_by_mail_needs_what_mail_needs(make_app: MakeApp) -> None:
    told = problems(senders={}, routes={("email",): ("mail",)})

    assert told == ("MAIL_DEFAULT_SENDER: set the address from which codes are sent",)


def test_senders_without_names_are_called_after_their_channel(make_app: MakeApp) -> None:
    app = make_app(
        flows=("email",),
        providers={"local": MemorySender()},
        senders={"email": MemorySender(), "sms": [MemorySender(), "local", MemorySender()]},
    )

    assert [route.names for route in router_of(app).routes.values()] == [
        ["email"],
        ["sms", "local", "sms-3"],
    ]


def test_one_sender_has_one_circuit_in_all_its_routes(
    make_app: MakeApp, twilio: MemorySender, clock: MovableClock
) -> None:
    local = MemorySender(lambda _: DOWN)
    app = make_app(
        flows=("email",),
        senders={"email": "memory"},
        providers={"local": local, "twilio": twilio},
        routes={("sms",): ("local", "twilio"), ("sms", "84"): ("local", "twilio")},
        circuit_failures=2,
        circuit_rest=60,
    )

    for number in ("+84987654321", "+8562055555555", "+84987654322"):
        send(app, number)

    assert (len(local.messages), len(twilio.messages)) == (2, 3)
    clock.tick(seconds=60)
    send(app, "+84987654323")
    assert len(local.messages) == 3


def test_two_apps_with_one_database_share_the_circuits(
    make_app: MakeApp, database_file: str, twilio: MemorySender
) -> None:
    local = MemorySender(lambda _: DOWN)
    apps = [
        make_app(
            database_uri=database_file,
            flows=("email",),
            senders={"email": "memory", "sms": ["local", "twilio"]},
            providers={"local": local, "twilio": twilio},
            circuit_failures=2,
        )
        for _ in range(2)
    ]

    for number, app in enumerate((*apps, *apps)):
        send(app, f"+8498765432{number}")

    assert (len(local.messages), len(twilio.messages)) == (2, 4)
    for app in apps:
        app.extensions["otpauth"].services.storage.database.engine.dispose()


def test_if_the_circuits_cannot_be_read_the_request_is_refused_and_uses_nothing_up(
    make_app: MakeApp, local: MemorySender
) -> None:
    app = make_app(
        flows=("email",),
        email_cooldown=60,
        providers={"local": local, "twilio": MemorySender()},
        routes={("email",): ("local", "twilio")},
    )
    storage = app.extensions["otpauth"].services.storage
    table, client = storage.tables.circuits, app.test_client()
    table.drop(storage.database.engine)

    def ask() -> Any:
        return client.post("/apis/auth/request-otp", json={"email": "user@example.com"}).json

    refused = ask()
    sent_without = len(local.messages)
    table.create(storage.database.engine)
    accepted = ask()

    assert refused["message"] == "Failed to send OTP"
    assert accepted["message"] != "Failed to send OTP"
    assert (sent_without, len(local.messages)) == (0, 1)


def test_a_route_with_one_sender_costs_no_statement_and_one_with_several_costs_one_read(
    make_app: MakeApp,
) -> None:
    app = make_app(
        flows=("email",),
        senders={"email": "memory"},
        providers={"local": MemorySender(), "twilio": MemorySender()},
        routes={("sms",): ("twilio",), ("sms", "84"): ("local", "twilio")},
    )
    statements: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        statements.append(sql)

    def about_circuits(recipient: str) -> list[str]:
        statements.clear()
        send(app, recipient)
        assert statements
        return [sql.partition(" ")[0] for sql in statements if "otpauth_circuits" in sql]

    engine = app.extensions["otpauth"].services.storage.database.engine
    event.listen(engine, "before_cursor_execute", note)

    assert about_circuits("+8562055555555") == []
    assert about_circuits("+84987654321") == ["SELECT"]


# -- flask otpauth routes -----------------------------------------------------------------------


def test_the_command_shows_each_route_and_which_senders_rest(make_app: MakeApp, twilio: MemorySender) -> None:
    app = make_app(
        flows=("email",),
        senders={"email": "memory"},
        providers={"local": MemorySender(lambda _: DOWN), "twilio": twilio},
        routes={("sms",): ("twilio",), ("sms", "84"): ("local", "twilio")},
        circuit_failures=1,
        circuit_rest=60,
    )
    send(app, "+84987654321")

    def run(*words: str) -> str:
        result = app.test_cli_runner().invoke(otpauth, ["routes", *words])
        assert result.exit_code == 0, result.output
        return result.output

    ends_at = app.config["OTPAUTH_CLOCK"]() + timedelta(seconds=60)
    resting = f"circuit=open  failures=1  rests_until={ends_at:%Y-%m-%d %H:%M:%S}"
    assert run().splitlines() == [
        "channel=email  calling_code=*  client_id=-  sender=memory",
        "channel=sms  calling_code=*  client_id=-  sender=twilio",
        f"channel=sms  calling_code=84  client_id=-  sender=local  {resting}",
        "channel=sms  calling_code=84  client_id=-  sender=twilio  circuit=closed  failures=0  rests_until=-",
    ]
    assert json.loads(run("--json"))[-1]["circuit"] == "closed"


# -- what cannot work ---------------------------------------------------------------------------

CODE = "is not a calling code such as '84': use its digits without a plus sign"
KEY = "expected a channel, a calling code and the id of a client, the last two if they matter"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (("smss",), "unknown channel 'smss'; did you mean sms?"),
        (("sms", "+84"), f"'+84' {CODE}"),
        (("sms", "VN"), f"'VN' {CODE}"),
        (("sms", "849"), f"'849' {CODE}"),
        (("sms", "084"), f"'084' {CODE}"),
        (("email", "84"), "e-mail addresses have no calling code: use '*'"),
        ((), KEY),
        (("sms", "84", "client", "more"), KEY),
        (("sms", "", "client"), KEY),
    ],
)
def test_a_route_for_nothing_is_told(key: tuple[str, ...], told: str) -> None:
    routes = {("sms",): ("local",), key: ("local",)}

    assert problems(routes=routes) == (f"OTPAUTH_ROUTES[{key!r}]: {told}",)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("twillio",), "unknown sender 'twillio'; did you mean twilio?: declare it in OTPAUTH_PROVIDERS"),
        (
            ("flask_otpauth.senders:MemorySender",),
            "unknown sender 'flask_otpauth.senders:MemorySender': declare it in OTPAUTH_PROVIDERS",
        ),
        ((), "expected at least one sender"),
        (("local", "local"), "'local' is there twice"),
    ],
)
def test_a_route_to_nobody_is_told(names: tuple[str, ...], told: str) -> None:
    routes = {("sms",): names}

    assert problems(routes=routes)[0] == f"OTPAUTH_ROUTES[('sms',)]: {told}"


def test_a_channel_without_a_route_for_all_others_is_told() -> None:
    told = problems(routes={("sms", "84"): ("local",), ("sms", "856"): ("local",)})

    missing = "no sender for all other recipients on channel 'sms'"
    assert told == (f"OTPAUTH_ROUTES: {missing}: add the route ('sms',), or set OTPAUTH_SENDERS['sms']",)


@pytest.mark.parametrize("routes", [["sms"], {"sms": "local"}, {("sms",): None}, {("sms", 84): "local"}])
def test_what_is_no_dict_of_routes_is_told(routes: Any) -> None:
    words = "a dict of routes such as {('sms', '84'): ('local', 'twilio')}"

    assert problems(routes=routes) == (f"OTPAUTH_ROUTES: expected {words}",)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"circuit_rest": timedelta(minutes=20)},
            "OTPAUTH_CIRCUIT_LONGEST_REST: must not be shorter than OTPAUTH_CIRCUIT_REST",
        ),
        ({"circuit_window": timedelta(days=2)}, "OTPAUTH_CIRCUIT_WINDOW: must not exceed a day"),
        ({"circuit_longest_rest": timedelta(days=2)}, "OTPAUTH_CIRCUIT_LONGEST_REST: must not exceed a day"),
    ],
)
def test_a_rest_that_cannot_be_kept_is_told(config: dict[str, Any], told: str) -> None:
    assert problems(**config) == (told,)
