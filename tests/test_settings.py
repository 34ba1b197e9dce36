"""Settings: which values are read, which are refused, and how the problems are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_sqlalchemy import SQLAlchemy

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.core.policies import Quota
from flask_otpauth.flows import FLOWS
from flask_otpauth.senders import ConsoleSender, Message, Receipt, Status
from flask_otpauth.settings import FlowSettings, Reader, Shared
from flask_otpauth.settings.described import Described, describe, describe_values, format_value
from tests.hosts import SECRET_KEY

STRONG = "q3Vt8-not-a-sample-Zr61xB0mWk9dHs57"

WEAK = (
    "a secret is shorter than 32 bytes or too simple (a sample, words, a repetition). Generate one: "
    "python -c 'import secrets; print(secrets.token_hex(32))'"
)
INLINE_TELLS = (
    "OTPAUTH_EMAIL_CREATE_USER: False cannot be used with OTPAUTH_DELIVERY = 'inline', because the "
    "response time would reveal which addresses have an account"
)
NO_SENDER = (
    "no sender configured for channel 'sms', which a registered flow needs ('console' prints messages)"
)
NO_FLOW = (
    "unknown flow 'emial': expected one of email, sms, flashcall, voice, account, "
    "or 'package.module:attribute'; did you mean email?"
)
OR_A_PATH = "or 'package.module:attribute'"
MEANT = "did you mean email.request-otp?"
NO_QUOTA = "is not a quota such as '5 per 15 minutes'"

HALF = timedelta(milliseconds=500)
LIFETIME = "expected whole seconds or a timedelta, from 1 second to 3660 days"
LIFETIMES = (
    "EMAIL_ACCESS_TOKEN_TTL",
    "EMAIL_REFRESH_TOKEN_TTL",
    "EMAIL_SESSION_MAX_AGE",
    "SMS_TOKEN_TTL",
    "SMS_ACCOUNT_TOKEN_TTL",
    "VOICE_ACCESS_TOKEN_TTL",
)


def host(**config: Any) -> Flask:
    """Return an app as it is deployed, not in debug mode or tests, with only these settings."""
    app = Flask("host")
    app.config.update({"SECRET_KEY": STRONG, "OTPAUTH_DATABASE_URI": "sqlite://", **config})
    return app


def problems(app: Flask, **options: Any) -> tuple[str, ...]:
    """Return what is wrong with its configuration."""
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app, **options)
    return caught.value.problems


def read(config: dict[str, Any]) -> tuple[Shared, dict[str, FlowSettings], list[str]]:
    """Return the shared settings, those of each packaged flow, and the problems."""
    reader = Reader(config)
    shared = reader.shared()
    by_flow = reader.flows(shared, {name: flow.settings for name, flow in FLOWS.items()}, shared.flows)
    return shared, by_flow, reader.problems


def settings(**config: Any) -> dict[str, Any]:
    """Return the settings of an app by flow. The shared ones have an empty name."""
    shared, by_flow, wrong = read(config)
    assert wrong == []
    return {"": shared, **by_flow}


def all_described() -> list[Described]:
    found = list(describe(Shared, ""))
    for name, flow in FLOWS.items():
        found += describe(flow.settings, f"{name.upper()}_")
    return found


# -- problems ---------------------------------------------------------------------------------


def test_every_problem_is_told_in_the_same_start_up() -> None:
    app = host(
        SECRET_KEY="short",
        OTPAUTH_FLOWS=["email", "sms", "emial"],
        OTPAUTH_SENDERS={"email": "pigeon", "emial": "console"},
        OTPAUTH_EMIAL_CODE_TTL=300,
        OTPAUTH_EMAIL_CODE_LENGTH="6",
        OTPAUTH_EMAIL_CREATE_USER=False,
        OTPAUTH_SMS_CODE_TTL=601,
        OTPAUTH_SMS_SEND_QUOTAS=("3 per fortnight",),
        OTPAUTH_STORAGE="shop.nowhere:storage",
        OTPAUTH_IP_LIMITS={"email.request_otp": "1 per day"},
    )

    found = problems(app)

    assert found == (
        f"OTPAUTH_FLOWS: {NO_FLOW}",
        "OTPAUTH_EMAIL_CODE_LENGTH: expected a whole number from 4 to 10",
        "OTPAUTH_SMS_SEND_QUOTAS: '3 per fortnight' is not a quota such as '5 per 15 minutes'",
        "OTPAUTH_EMIAL_CODE_TTL: unknown setting; did you mean OTPAUTH_EMAIL_CODE_TTL?",
        INLINE_TELLS,
        "OTPAUTH_SMS_CODE_TTL: must not exceed 600 seconds (NIST SP 800-63B-4 §3.1.3.2)",
        "OTPAUTH_STORAGE: cannot import 'shop.nowhere:storage': No module named 'shop'",
        f"SECRET_KEY: {WEAK}",
        "OTPAUTH_SENDERS: unknown channel 'emial'; did you mean email?",
        f"OTPAUTH_SENDERS: {NO_SENDER}",
        f"OTPAUTH_SENDERS['email']: unknown value 'pigeon': expected console or mail or memory {OR_A_PATH}",
        f"OTPAUTH_IP_LIMITS: 'email.request_otp' is not a known path, flow or rate-limit class; {MEANT}",
    )


def test_the_error_shows_every_problem_on_a_line_of_its_own() -> None:
    app = host(OTPAUTH_EMAIL_CODE_TTL=0, OTPAUTH_EMAIL_MAX_GUESSES=0)

    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)

    assert str(caught.value).splitlines() == [
        "flask_otpauth cannot start:",
        "OTPAUTH_EMAIL_CODE_TTL: expected whole seconds or a timedelta, at least 1 second",
        "OTPAUTH_EMAIL_MAX_GUESSES: expected a whole number from 1 to 100",
        "MAIL_DEFAULT_SENDER: set the address from which codes are sent",
    ]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("FLOWS", "email", "expected a list of names, dotted paths and flows"),
        ("FLOWS", [1], "1 is not a flow: give a flask_otpauth.flows.Flow"),
        ("PROFILE", "strict", "expected 'documented' or 'hardened'"),
        ("ALLOW_WEAK_KEYS", "yes", "expected True or False"),
        ("SENDERS", "console", "expected a dict of senders by channel"),
        ("SECRET_KEYS", STRONG, "expected a list of strings or bytes, the newest first, or None"),
        ("SUBJECT_KEY", 42, "expected a string or bytes, or None"),
        ("DATABASE_URI", 42, "expected a string, or None"),
        ("HASH_WAIT", -1, "expected whole seconds or a timedelta, not negative"),
        ("HASH_WAIT", 1.5, "expected whole seconds or a timedelta, not negative"),
        ("HASH_WAIT", True, "expected whole seconds or a timedelta, not negative"),
        ("HASH_CONCURRENCY", True, "expected a whole number from 1 to 100"),
        (
            "PHONE_REGION",
            "Vietnam",
            "expected the two capital letters of a region (ISO 3166) such as 'VN', or None",
        ),
        ("CLOCK", 42, "expected a callable, or the dotted path to one, or None"),
        ("CLOCK", "nowhere:clock", "cannot import: No module named 'nowhere'"),
        (
            "EMAIL_URL_PREFIX",
            "login/",
            "expected a path that begins with a slash and does not end with one, such as '/v1'",
        ),
        (
            "EMAIL_URL_PREFIX",
            "/a/<b>",
            "expected a path that begins with a slash and does not end with one, such as '/v1'",
        ),
        ("EMAIL_CODE_LENGTH", 3, "expected a whole number from 4 to 10"),
        ("EMAIL_CODE_LENGTH", 6.0, "expected a whole number from 4 to 10"),
        ("EMAIL_CODE_TTL", 10**30, "expected whole seconds or a timedelta, at least 1 second"),
        ("EMAIL_CODE_TTL", timedelta(0), "expected whole seconds or a timedelta, at least 1 second"),
        (
            "EMAIL_CODE_TTL",
            timedelta(milliseconds=999),
            "expected whole seconds or a timedelta, at least 1 second",
        ),
        *((name, value, LIFETIME) for name in LIFETIMES for value in (timedelta(days=3660.1), HALF, 0)),
        (
            "EMAIL_SEND_QUOTAS",
            5,
            "expected a list of quotas such as ('5 per 15 minutes', '20 per day')",
        ),
        ("EMAIL_SEND_QUOTAS", ["0 per day"], f"'0 per day' {NO_QUOTA}"),
        (
            "EMAIL_SEND_QUOTAS",
            ["1 per 999999 weeks"],
            "'1 per 999999 weeks' is not a quota such as '5 per 15 minutes'",
        ),
        ("EMAIL_GUESS_BUDGET", "101 per day", "101 is too many: at most 100 can be counted exactly"),
        ("EMAIL_CREATE_USER", "never", "expected 'on_verify' or 'on_request' or False"),
        ("SMS_TIMEZONE", "Asia/Saigon City", "expected the name of a time zone such as 'Asia/Jakarta'"),
        ("FLASHCALL_DAILY_CAP", 0, "expected a whole number, at least 1, or None"),
        ("ACCOUNT_PIN_BLOCKLIST", 42, "expected 'common', or a list, or None"),
        ("ACCOUNT_TEMPLATES", ["code"], "expected a dict"),
        ("JWT_KEYS", [{"kid": 1}], "expected a list of dicts with 'kid', 'alg' and 'key', or None"),
    ],
)
def test_a_wrong_value_is_told_by_what_its_key_accepts(key: str, value: Any, told: str) -> None:
    app = host(MAIL_DEFAULT_SENDER="shop@example.com", **{f"OTPAUTH_{key}": value})

    assert problems(app) == (f"OTPAUTH_{key}: {told}",)


class Nothing:
    """An object that has no methods of an adapter."""


class Demanding:
    """A sender whose class needs an argument."""

    def __init__(self, token: str) -> None:
        self.token = token

    def send(self, message: Message) -> Receipt:
        return Receipt(Status.ACCEPTED)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("STORAGE", Nothing(), "Nothing object has no method atomically()"),
        ("USERS", Nothing, "Nothing object has no method get()"),
        ("USERS", "tests.test_settings:nobody", "cannot import 'tests.test_settings:nobody'"),
        ("USERS", "people", "'people' does not have the form 'package.module:attribute'"),
        ("DELIVERY", "tread", "unknown value 'tread': expected celery or inline or thread"),
        ("DELIVERY", Nothing(), "Nothing object has no method submit()"),
        ("EMAIL_ENVELOPE", "json", "unknown value 'json': expected account or email or flashcall"),
        ("EMAIL_ENVELOPE", ":envelope", "':envelope' does not have the form 'package.module:attribute'"),
        ("EMAIL_ENVELOPE", Nothing(), "Nothing object has no method success()"),
    ],
)
def test_what_cannot_do_its_work_is_refused_at_the_start(key: str, value: Any, told: str) -> None:
    app = host(MAIL_DEFAULT_SENDER="shop@example.com", **{f"OTPAUTH_{key}": value})

    (found,) = problems(app)

    assert found.startswith(f"OTPAUTH_{key}: {told}")


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        (Nothing(), "Nothing object has no method send()"),
        (Demanding, "Demanding requires arguments: use an instance instead"),
        ("tests.test_settings:Demanding", "Demanding requires arguments: use an instance instead"),
    ],
)
def test_what_cannot_send_is_no_sender(sender: Any, told: str) -> None:
    app = host(OTPAUTH_SENDERS={"email": ["console", sender]})

    assert problems(app) == (f"OTPAUTH_SENDERS['email'][1]: {told}",)


def test_a_clock_tells_an_aware_datetime() -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, OTPAUTH_CLOCK=lambda: datetime(2024, 1, 1))  # noqa: DTZ001

    assert problems(app) == ("OTPAUTH_CLOCK: expected a callable that returns an aware datetime",)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"OTPAUTH_EMAIL_CODE_TTL": timedelta(minutes=10, milliseconds=1)},
            "OTPAUTH_EMAIL_CODE_TTL: must not exceed 600 seconds (NIST SP 800-63B-4 §3.1.3.2)",
        ),
        (
            {"OTPAUTH_EMAIL_DAY": "calendar", "OTPAUTH_EMAIL_SEND_QUOTAS": "5 per 15 minutes"},
            "OTPAUTH_EMAIL_DAY: 'calendar' requires a quota per day in SEND_QUOTAS",
        ),
        (
            {"OTPAUTH_FLOWS": ["flashcall"], "OTPAUTH_FLASHCALL_PREFIXES": ["+7487260"]},
            "OTPAUTH_FLASHCALL_PREFIXES: expected at least one string of digits",
        ),
        (
            {"OTPAUTH_FLOWS": ["flashcall"], "OTPAUTH_FLASHCALL_AUTH_GET": False},
            "OTPAUTH_FLASHCALL_AUTH_POST: must be True if AUTH_GET is False, or no order can be redeemed",
        ),
        (
            {
                "OTPAUTH_FLOWS": ["voice"],
                "OTPAUTH_VOICE_OTP_MIN_LENGTH": 8,
                "OTPAUTH_VOICE_OTP_MAX_LENGTH": 6,
            },
            "OTPAUTH_VOICE_OTP_MIN_LENGTH: must not be greater than OTP_MAX_LENGTH",
        ),
        (
            {"OTPAUTH_FLOWS": ["sms"], "OTPAUTH_SMS_ORIGIN": "https://example.com"},
            "OTPAUTH_SMS_ORIGIN: expected a host name such as example.com",
        ),
        (
            {"OTPAUTH_FLOWS": ["account"], "OTPAUTH_ACCOUNT_CHANNELS": ["email", "pigeon"]},
            "OTPAUTH_ACCOUNT_CHANNELS: expected a list of email, sms, whatsapp",
        ),
        (
            {"OTPAUTH_FLOWS": ["account"], "OTPAUTH_ACCOUNT_PIN_BLOCKLIST": ["123456", "12345"]},
            "OTPAUTH_ACCOUNT_PIN_BLOCKLIST: expected strings of 6 digits",
        ),
    ],
)
def test_what_cannot_work_together_is_refused(config: dict[str, Any], told: str) -> None:
    senders = dict.fromkeys(("email", "sms", "whatsapp", "voice", "flashcall"), "console")

    found = problems(host(OTPAUTH_SENDERS=senders, **config))

    assert told in found


@pytest.mark.parametrize("key", ["PHONE_REGION", "FLASHCALL_REGION", "VOICE_REGION", "ACCOUNT_REGION"])
def test_a_region_is_one_that_has_phone_numbers(key: str) -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, **{f"OTPAUTH_{key}": "UK"})

    assert problems(app) == (f"OTPAUTH_{key}: 'UK' is not a region with phone numbers",)


def test_a_flow_that_is_not_registered_has_no_say() -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, OTPAUTH_SMS_DAY="calendar", OTPAUTH_SMS_SEND_QUOTAS=())

    OtpAuth(app)

    assert "otpauth" in app.extensions


def test_two_limiters_leave_open_which_one_counts() -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"})
    for _ in range(2):
        Limiter(get_remote_address, app=app, storage_uri="memory://")

    assert problems(app) == (
        "OTPAUTH_IP_LIMITS: the app has several Limiters: choose one with OtpAuth(limiter=…)",
    )


def test_a_limiter_that_is_given_counts_whatever_others_there_are() -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"})
    limiters = [Limiter(get_remote_address, app=app, storage_uri="memory://") for _ in range(2)]

    OtpAuth(app, limiter=limiters[0])

    assert "otpauth" in app.extensions


def test_a_database_that_is_initialized_too_late_is_told() -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, SQLALCHEMY_DATABASE_URI="sqlite://")
    del app.config["OTPAUTH_DATABASE_URI"]

    (found,) = problems(app, db=SQLAlchemy())

    assert found == "SQLALCHEMY_DATABASE_URI: call db.init_app(app) before otpauth.init_app(app)"


# -- secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"SECRET_KEY": "swordfish"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 40}, "SECRET_KEY"),
        ({"SECRET_KEY": "change-me-change-me-change-me-change-me"}, "SECRET_KEY"),
        ({"SECRET_KEY_FALLBACKS": [b"your-secret-key-here-your-secret-key-here"]}, "SECRET_KEY"),
        ({"OTPAUTH_SECRET_KEYS": [STRONG, "dev-" + "0123456789abcdef" * 3]}, "OTPAUTH_SECRET_KEYS"),
        ({"OTPAUTH_SUBJECT_KEY": "example-example-example-example-example"}, "OTPAUTH_SUBJECT_KEY"),
        ({"SECRET_KEY_FALLBACKS": ["swordfish"]}, "SECRET_KEY"),
        ({"OTPAUTH_SECRET_KEYS": [STRONG, "swordfish"]}, "OTPAUTH_SECRET_KEYS"),
        ({"OTPAUTH_SUBJECT_KEY": "swordfish"}, "OTPAUTH_SUBJECT_KEY"),
    ],
)
def test_a_weak_secret_is_refused(config: dict[str, Any], name: str) -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, **config)

    (found,) = problems(app)

    assert found.startswith(f"{name}: a secret is shorter than 32 bytes or too simple")


@pytest.mark.parametrize("leniency", ["DEBUG", "TESTING", "OTPAUTH_ALLOW_WEAK_KEYS"])
def test_a_weak_secret_is_accepted_where_nobody_can_come_to_harm(leniency: str) -> None:
    app = host(SECRET_KEY="dev", OTPAUTH_SENDERS={"email": "console"}, **{leniency: True})

    OtpAuth(app)

    assert "otpauth" in app.extensions


@pytest.mark.parametrize("missing", [{"SECRET_KEY": None}, {"SECRET_KEY": ""}])
def test_a_secret_must_be_set_even_in_debug_mode(missing: dict[str, Any]) -> None:
    app = host(DEBUG=True, **missing)

    assert problems(app) == ("SECRET_KEY: set a random secret of at least 32 bytes",)


@pytest.mark.parametrize("number", [4_000_000_000, True])
def test_a_number_is_no_secret(number: Any) -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, SECRET_KEY=number, SECRET_KEY_FALLBACKS=[STRONG])

    assert problems(app) == ("SECRET_KEY: expected a string or bytes",)


def test_secrets_may_be_text_or_bytes() -> None:
    found = settings(OTPAUTH_SECRET_KEYS=[STRONG, STRONG.encode()], OTPAUTH_SUBJECT_KEY=b"\xff" * 4)

    assert found[""].secret_keys == (STRONG.encode(), STRONG.encode())
    assert found[""].subject_key == b"\xff" * 4


@pytest.mark.parametrize(
    "config",
    [
        {"OTPAUTH_SECRET_KEYS": "swordfish"},
        {"OTPAUTH_SECRET_KEYS": {"swordfish": 1}},
        {"OTPAUTH_SECRET_KEYS": ["swordfish", 5]},
        {"OTPAUTH_SECRET_KEYS": ["swordfish"]},
        {"OTPAUTH_SUBJECT_KEY": ["swordfish"]},
        {"OTPAUTH_SUBJECT_KEY": "swordfish"},
        {"OTPAUTH_SECRET_KEY": "swordfish"},
        {"OTPAUTH_JWT_KEYS": [{"kid": "a", "alg": "ES256", "key": "swordfish"}]},
        {"OTPAUTH_JWT_KEYS": "swordfish"},
        {"OTPAUTH_DATABASE_URI": "nosuchdb://user:swordfish@db/shop"},
        {"OTPAUTH_DATABASE_URI": "postgresql+psycopg://user:swordfish@db:port/shop"},
        {"OTPAUTH_DATABASE_URI": ["swordfish"]},
        {"SECRET_KEY": "swordfish"},
    ],
)
def test_a_secret_is_never_in_a_message(config: dict[str, Any]) -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, **config)

    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)

    assert (
        "swordfish"
        not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
    )


def test_a_secret_is_never_in_the_repr_of_the_settings() -> None:
    given = {"OTPAUTH_SECRET_KEYS": [STRONG], "OTPAUTH_SUBJECT_KEY": STRONG, "OTPAUTH_DATABASE_URI": STRONG}

    shown = repr(settings(**given)[""])

    assert STRONG not in shown


# -- senders ----------------------------------------------------------------------------------


def test_while_debugging_a_channel_without_a_sender_gets_the_console(
    capfd: pytest.CaptureFixture[str],
) -> None:
    app = host(DEBUG=True, OTPAUTH_FLOWS=["email", "sms"])
    OtpAuth(app)

    answer = app.test_client().post(
        "/apis/auth/request-otp", json={"email": "user@example.com", "lang": "en"}
    )

    assert answer.json is not None
    assert answer.json["message"] == "OTP sent successfully"
    assert "user@example.com" in "".join(capfd.readouterr())


def test_while_debugging_a_mail_server_that_is_configured_is_used() -> None:
    app = host(DEBUG=True, MAIL_DEFAULT_SENDER="shop@example.com", MAIL_PORT=1, MAIL_SERVER="127.0.0.1")
    OtpAuth(app)

    answer = app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})

    assert answer.json is not None
    assert answer.json["message"] == "Failed to send OTP"


def test_a_sender_may_be_named_by_its_path_and_a_class_is_made() -> None:
    app = host(OTPAUTH_SENDERS={"email": "flask_otpauth.senders:ConsoleSender", "sms": ConsoleSender})

    OtpAuth(app)

    assert "otpauth" in app.extensions


# -- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_and_tuples_are_both_fine(kind: Callable[..., Any]) -> None:
    found = settings(
        OTPAUTH_FLOWS=kind(["email", "sms"]),
        OTPAUTH_EMAIL_SEND_QUOTAS=kind(["1 per minute"]),
        OTPAUTH_SECRET_KEYS=kind([STRONG]),
        OTPAUTH_FLASHCALL_PREFIXES=kind(["123"]),
        OTPAUTH_ACCOUNT_PIN_BLOCKLIST=kind(["123456"]),
    )

    assert found[""].flows == ("email", "sms")
    assert found[""].secret_keys == (STRONG.encode(),)
    assert found["email"].send_quotas == (Quota(1, timedelta(minutes=1)),)
    assert found["flashcall"].prefixes == ("123",)
    assert found["account"].pin_blocklist == ("123456",)


@pytest.mark.parametrize("ninety", [90, timedelta(seconds=90), timedelta(minutes=1.5)])
def test_a_duration_is_whole_seconds_or_a_timedelta(ninety: Any) -> None:
    found = settings(OTPAUTH_EMAIL_COOLDOWN=ninety)

    assert found["email"].cooldown == timedelta(seconds=90)


@pytest.mark.parametrize("one", ["2 per hour", ["2 per hour"], (Quota(2, timedelta(hours=1)),)])
def test_a_single_quota_needs_no_list(one: Any) -> None:
    found = settings(OTPAUTH_EMAIL_SEND_QUOTAS=one)

    assert found["email"].send_quotas == (Quota(2, timedelta(hours=1)),)


def test_settings_are_read_from_prefixed_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_OTPAUTH_FLOWS", '["email", "account"]')
    monkeypatch.setenv("FLASK_OTPAUTH_EMAIL_CODE_TTL", "120")
    monkeypatch.setenv("FLASK_OTPAUTH_EMAIL_SEND_QUOTAS", '["2 per hour"]')
    monkeypatch.setenv("FLASK_OTPAUTH_EMAIL_CREATE_USER", "false")
    monkeypatch.setenv("FLASK_OTPAUTH_DELIVERY", "thread")
    monkeypatch.setenv("FLASK_OTPAUTH_SMS_TIMEZONE", "Asia/Tokyo")
    monkeypatch.setenv("FLASK_OTPAUTH_SENDERS", '{"email": "console"}')
    monkeypatch.setenv("FLASK_OTPAUTH_IP_LIMITS", "null")
    app = Flask("host")

    app.config.from_prefixed_env()
    found = settings(**app.config)

    assert found[""].flows == ("email", "account")
    assert found[""].senders == {"email": "console"}
    assert found[""].ip_limits is None
    assert found["email"].code_ttl == timedelta(minutes=2)
    assert found["email"].send_quotas == (Quota(2, timedelta(hours=1)),)
    assert found["email"].create_user is False
    assert found["sms"].timezone == ZoneInfo("Asia/Tokyo")


def test_a_clock_may_be_named_by_its_path() -> None:
    found = settings(OTPAUTH_CLOCK="tests.test_settings:noon")

    assert found[""].clock is noon


def noon() -> datetime:
    """Return the time of a clock that stands still."""
    return datetime(2024, 12, 29, 12, tzinfo=UTC)


# -- the profile ------------------------------------------------------------------------------


def test_the_hardened_profile_changes_defaults() -> None:
    found = settings(OTPAUTH_PROFILE="hardened")

    assert found["account"].echo_otp is False
    assert found["flashcall"].auth_get is False
    assert found["sms"].day == "sliding"
    assert found["email"].session_max_age == timedelta(days=30)
    assert {found[name].failure_cap for name in FLOWS} == {100}


def test_a_key_that_is_set_wins_over_the_profile() -> None:
    found = settings(
        OTPAUTH_PROFILE="hardened", OTPAUTH_ACCOUNT_ECHO_OTP=True, OTPAUTH_EMAIL_FAILURE_CAP=None
    )

    assert found["account"].echo_otp is True
    assert found["email"].failure_cap is None
    assert found["sms"].failure_cap == 100


def test_every_hardened_value_is_one_that_could_be_set() -> None:
    for name, flow in FLOWS.items():
        given = {
            f"OTPAUTH_{name.upper()}_{key.upper()}": value for key, value in flow.settings.hardened.items()
        }

        assert settings(**given)[name] == settings(OTPAUTH_PROFILE="hardened")[name]


# -- once -------------------------------------------------------------------------------------


def test_settings_are_read_once(make_app: Any) -> None:
    app = make_app(email_code_length=6)

    app.config["OTPAUTH_EMAIL_CODE_LENGTH"] = 8
    answer = app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})

    assert answer.status_code == 200
    assert len(app.config["OTPAUTH_SENDERS"]["email"].messages[-1].code) == 6


def test_the_configuration_is_left_as_it_was() -> None:
    app = host(OTPAUTH_SENDERS={"email": "console"}, OTPAUTH_FLOWS=["email"])
    before = {key: value for key, value in app.config.items() if key.startswith("OTPAUTH_")}

    OtpAuth(app)

    assert {key: value for key, value in app.config.items() if key.startswith("OTPAUTH_")} == before
    assert app.config["OTPAUTH_SENDERS"] == {"email": "console"}


def test_other_extensions_keys_are_none_of_our_business() -> None:
    found = settings(MAIL_SERVER="mail", OTHER=1, SECRET_KEY=SECRET_KEY)

    assert found[""] == Shared()


# -- documentation ----------------------------------------------------------------------------


@pytest.mark.parametrize("setting", all_described(), ids=lambda setting: setting.key)
def test_every_setting_says_what_it_means(setting: Described) -> None:
    assert setting.meaning[:1].isupper() or setting.meaning.startswith("`")
    assert setting.meaning.endswith(".")


def test_every_setting_says_what_it_accepts_unless_an_object_may_be_given() -> None:
    silent = {each.key for each in all_described() if not each.accepts}

    assert silent == {
        *("OTPAUTH_DELIVERY", "OTPAUTH_STORAGE", "OTPAUTH_USERS"),
        *(f"OTPAUTH_{name.upper()}_ENVELOPE" for name in FLOWS),
    }


def test_keys_and_passwords_are_marked_as_secrets() -> None:
    secret = {each.key for each in all_described() if each.is_secret}

    assert secret == {
        "OTPAUTH_SECRET_KEYS",
        "OTPAUTH_SUBJECT_KEY",
        "OTPAUTH_JWT_KEYS",
        "OTPAUTH_TEST_IDENTITIES",
        "OTPAUTH_DATABASE_URI",
        "OTPAUTH_ENGINE_OPTIONS",
        "OTPAUTH_PROVIDERS",
    }


@pytest.mark.parametrize("setting", all_described(), ids=lambda setting: setting.key)
def test_a_default_can_be_set_as_it_is_written(setting: Described) -> None:
    given = {setting.key: eval(setting.default)}

    shared, by_flow, wrong = read(given)

    assert wrong == []
    assert shared == Shared()
    assert by_flow == {name: flow.settings() for name, flow in FLOWS.items()}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(days=180), "15552000"),
        (timedelta(milliseconds=500), "0.5"),
        (Quota.parse("5 per 15 minutes"), "'5 per 15 minutes'"),
        ((Quota.parse("20/day"),), "('20 per day',)"),
        (ZoneInfo("UTC"), "'UTC'"),
        ({"email": "mail", "sms": Nothing()}, "{'email': 'mail', 'sms': <tests.test_settings.Nothing>}"),
        (Nothing, "<tests.test_settings.Nothing>"),
        (None, "None"),
    ],
)
def test_a_value_is_written_as_a_configuration_has_it(value: Any, text: str) -> None:
    assert format_value(value).replace(f"<{__name__}.", "<tests.test_settings.") == text


def test_a_field_of_any_type_accepts_what_its_meaning_says() -> None:
    assert describe_values(Shared.model_fields["storage"]) == ""
