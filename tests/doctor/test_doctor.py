"""``flask otpauth doctor``: the odds, the standards and the warnings of a running configuration."""

from __future__ import annotations

import json
import re
import tempfile
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.cli import otpauth
from flask_otpauth.doctor.standards import declared_deviations
from flask_otpauth.flows import FLOWS
from flask_otpauth.ports.senders import CHANNELS
from flask_otpauth.senders import ConsoleSender, Message, Receipt, Status
from flask_otpauth.settings.described import describe
from flask_otpauth.testing import Outbox
from tests.hosts import SECRET_KEY


class Carrier:
    """A sender that sends to people."""

    def send(self, message: Message) -> Receipt:
        return Receipt(Status.ACCEPTED)


SENDERS: dict[str, Any] = dict.fromkeys(CHANNELS, Carrier())
CLAUSE = re.compile(r"NIST §\d(\.\d+)+(, §\d(\.\d+)+)*|ASVS \d+\.\d+\.\d+(, \d+\.\d+\.\d+)*")


def host(**settings: Any) -> Flask:
    """Return an app as it is deployed."""
    app = Flask("host")
    defaults = {
        "FLOWS": list(FLOWS),
        "SENDERS": SENDERS,
        "DATABASE_URI": f"sqlite:///{tempfile.mkdtemp()}/host.sqlite",
        "SUBJECT_KEY": SECRET_KEY,
    }
    app.config["SECRET_KEY"] = SECRET_KEY
    app.config["RATELIMIT_STORAGE_URI"] = "redis://127.0.0.1:1"  # shared, and not used here
    for name, value in {**defaults, "SUBJECT_KEY": SECRET_KEY, **settings}.items():
        app.config[name.removesuffix("_") if name.endswith("_") else f"OTPAUTH_{name}"] = value
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    return app


def examined(app: Flask) -> dict[str, Any]:
    """Return what the doctor prints with ``--json``."""
    result = app.test_cli_runner().invoke(otpauth, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def deviating(app: Flask) -> set[tuple[str, str]]:
    """Return the deviations, each with its flow."""
    return {(each["flow"], each["finding"]) for each in examined(app)["deviations"]}


# -- the odds ---------------------------------------------------------------------------------


def test_the_odds_of_the_documented_defaults() -> None:
    found = examined(host())["odds"]

    assert {(each["flow"], each["guesses_per_day"], each["per_day"]) for each in found} == {
        ("email", 15, 1.5e-5),
        ("sms", 15, 1.5e-5),
        ("flashcall", 6, 6e-4),
        ("account", 15, 1.5e-5),
    }


def test_the_odds_follow_the_running_configuration() -> None:
    app = host(
        FLOWS=["email"], EMAIL_CODE_LENGTH=8, EMAIL_GUESS_BUDGET="10 per 12 hours", EMAIL_FAILURE_CAP=50
    )

    assert examined(app)["odds"][0] == {
        "flow": "email",
        "digits": 8,
        "guesses_per_day": 20,
        "per_day": 2e-7,
        "until_disabled": 5e-7,
    }


def test_codes_that_a_caller_may_choose_are_as_good_as_the_shortest() -> None:
    app = host(FLOWS=["voice"], VOICE_VERIFY=True, VOICE_OTP_MIN_LENGTH=5)

    assert [each["digits"] for each in examined(app)["odds"] if each["flow"] == "voice"] == [5]


def test_codes_of_the_hosts_own_views_are_examined_where_their_flow_is_not_registered() -> None:
    app = host(FLOWS=["account"], SMS_CODE_LENGTH=4, SMS_GUESS_BUDGET="100 per minute")

    found = examined(app)

    odds = {
        each["flow"]: (each["digits"], each["guesses_per_day"], each["per_day"]) for each in found["odds"]
    }
    assert odds == {
        "account": (6, 15, 1.5e-5),
        "codes.send (email)": (6, 15, 1.5e-5),
        "codes.send (sms)": (4, 144_000, 1),
    }
    assert {
        "flow": "codes.send (sms)",
        "finding": "A code has fewer than six digits.",
        "clauses": "NIST §3.1.3.2; ASVS 6.5.4",
        "fix": "OTPAUTH_SMS_CODE_LENGTH = 6",
    } in found["deviations"]
    assert any(
        each.startswith("codes.send (sms): an attacker has a chance of 1 in 1 per day")
        for each in found["warnings"]
    )


def test_codes_that_the_host_cannot_send_are_not_examined() -> None:
    app = host(FLOWS=["email"], SENDERS={"email": Carrier()})

    assert [each["flow"] for each in examined(app)["odds"]] == ["email"]


@pytest.mark.parametrize("flow", ["email", "sms"])
def test_codes_of_the_hosts_own_views_live_no_longer_than_those_of_a_flow(flow: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        host(FLOWS=["account"], **{f"{flow.upper()}_CODE_TTL": 86_400})

    assert caught.value.problems == (
        f"OTPAUTH_{flow.upper()}_CODE_TTL: must not exceed 600 seconds (NIST SP 800-63B-4 §3.1.3.2)",
    )


def test_the_odds_are_told_to_people_as_one_in_so_many() -> None:
    app = host(FLOWS=["flashcall"], FLASHCALL_FAILURE_CAP=100)

    shown = app.test_cli_runner().invoke(otpauth, ["doctor"]).output

    assert (
        "  flashcall: 1 in 1,666 per day; 1 in 100 until the subject is disabled "
        "(4 digits, 6 guesses per day)\n" in shown
    )


# -- the standards ----------------------------------------------------------------------------


def test_only_registered_flows_deviate() -> None:
    found = deviating(host(FLOWS=["email"], SENDERS={"email": Carrier()}))

    assert {flow for flow, _ in found} == {"email"}


def test_the_hardened_profile_mends_what_it_is_for() -> None:
    documented, hardened = deviating(host()), deviating(host(PROFILE="hardened"))

    assert hardened < documented
    assert {says for _, says in documented - hardened} == {
        "Consecutive failures are never capped, even over days and weeks.",
        "A session can last longer than 30 days without a new login.",
        "A code is in a URL, so it can end up in logs and histories.",
        "The response can contain the code, so it does not prove that the call was received.",
        "The response contains the code, so it does not prove that the message was received.",
        "Common PINs are accepted.",
        "A merchant can unblock a PIN any number of times, and each time the guesses start again.",
        "A merchant can reset a customer's quota of codes any number of times.",
    }


def worst() -> dict[str, Any]:
    """Return a configuration to which every deviation applies."""
    return {
        "EMAIL_CODE_LENGTH": 5,
        "SMS_UNKNOWN_PHONE": "reject",
        "FLASHCALL_MASK_LOGS": False,
        "VOICE_VERIFY": True,
        "ACCOUNT_NOTIFY_CHANGES": False,
    }


def test_every_rule_can_be_broken() -> None:
    found = {says for _, says in deviating(host(**worst()))}

    assert found == {rule.finding for rule in RULES}


RULES = declared_deviations(FLOWS)
MENDABLE = [(rule, flow) for rule, flows in RULES.items() for flow in flows if rule.fix]


@pytest.mark.parametrize(("rule", "flow"), MENDABLE, ids=lambda each: getattr(each, "finding", each)[:50])
def test_the_setting_that_is_named_mends_it(rule: Any, flow: str) -> None:
    mended = {
        key.removeprefix("OTPAUTH_"): eval(value)
        for key, value in re.findall(r"(OTPAUTH_\w+) = (\(.*?\)|[^,]+)", rule.fix.format(flow=flow.upper()))
    }

    found = deviating(host(**{**worst(), **mended}))

    assert mended
    assert (flow, rule.finding) not in found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.finding[:50])
def test_every_rule_cites_its_clauses_and_speaks_in_sentences(rule: Any) -> None:
    assert all(CLAUSE.fullmatch(each) for each in rule.clauses.split("; "))
    assert rule.finding.endswith(".")
    assert set(RULES[rule]) <= set(FLOWS)


def test_every_rule_names_settings_that_there_are() -> None:
    keys = {each.key for flow in FLOWS for each in describe(FLOWS[flow].settings, f"{flow.upper()}_")}

    for rule, flows in RULES.items():
        for flow in flows:
            named = set(re.findall(r"OTPAUTH_\w+", rule.fix.format(flow=flow.upper())))

            assert named <= keys | {"OTPAUTH_DELIVERY"}


def test_deviations_are_told_to_people_with_their_clauses_and_what_mends_them() -> None:
    shown = host(FLOWS=["flashcall"]).test_cli_runner().invoke(otpauth, ["doctor"]).output

    assert (
        "  flashcall: A code has fewer than six digits.\n"
        "      NIST §3.1.3.2; ASVS 6.5.4\n"
        "      fix: OTPAUTH_FLASHCALL_CODE_LENGTH = 6\n"
    ) in shown
    assert max(map(len, shown.splitlines())) <= 100


# -- the warnings -----------------------------------------------------------------------------


def test_a_sound_configuration_is_not_warned_about() -> None:
    app = host(SMS_DAY="sliding", ACCOUNT_DAY="sliding")

    assert examined(app)["warnings"] == []
    for options in ([], ["--strict"], ["--strict", "--json"]):
        assert app.test_cli_runner().invoke(otpauth, ["doctor", *options]).exit_code == 0
    assert app.test_cli_runner().invoke(otpauth, ["doctor"]).output.startswith("Warnings\n  none\n\n")


@pytest.mark.parametrize("options", [["--strict"], ["--strict", "--json"]])
def test_a_warning_fails_a_strict_examination_after_all_is_shown(options: list[str]) -> None:
    app = host(ALLOW_WEAK_KEYS=True)

    lenient = app.test_cli_runner().invoke(otpauth, ["doctor", *options[1:]])
    strict = app.test_cli_runner().invoke(otpauth, ["doctor", *options])

    assert (lenient.exit_code, strict.exit_code) == (0, 1)
    assert strict.output == lenient.output
    assert "OTPAUTH_ALLOW_WEAK_KEYS" in strict.output.partition("dds")[0]  # before the odds


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ({"SUBJECT_KEY": None}, "OTPAUTH_SUBJECT_KEY is not set, so another secret is used"),
        ({"ALLOW_WEAK_KEYS": True}, "OTPAUTH_ALLOW_WEAK_KEYS = True: an attacker who guesses"),
        ({"STORAGE": "memory"}, "OTPAUTH_STORAGE = 'memory', or an in-memory database: each process"),
        ({"STORAGE": MemoryStorage()}, "OTPAUTH_STORAGE = 'memory', or an in-memory database: each process"),
        ({"DATABASE_URI": "sqlite://"}, "OTPAUTH_STORAGE = 'memory', or an in-memory database: each process"),
        ({"IP_LIMITS": None}, "OTPAUTH_IP_LIMITS = None: there are no rate limits"),
        ({"RATELIMIT_ENABLED_": False}, "RATELIMIT_ENABLED = False: there are no rate limits"),
        ({"VOICE_VERIFY": True}, "voice: an attacker has a chance of 1 in 666 per day"),
        ({"RATELIMIT_STORAGE_URI_": "memory://"}, "The rate limits are counted in memory"),
        (
            {"SENDERS": {**SENDERS, "sms": "console"}},
            "OTPAUTH_SENDERS: messages on 'sms' are not sent to anyone",
        ),
        *(
            (
                {"SENDERS": {**SENDERS, "sms": sender}},
                f"OTPAUTH_SENDERS: messages on 'sms' are not sent to anyone ({name})",
            )
            for sender, name in (
                (ConsoleSender(), "console"),
                (ConsoleSender, "console"),
                ("flask_otpauth.senders:ConsoleSender", "console"),
                ([Carrier(), "console"], "console"),
                ((Carrier(), ConsoleSender()), "console"),
                ("memory", "memory"),
                (Outbox().senders["sms"], "memory"),
            )
        ),
        ({"EMAIL_DAY": "calendar"}, "OTPAUTH_EMAIL_DAY = 'calendar': a subject can get"),
        (
            {
                "SENDERS": {**SENDERS, "email": "mail"},
                "MAIL_SERVER_": "mail.example.com",
                "MAIL_DEFAULT_SENDER_": "shop@example.com",
            },
            "Codes are sent to the mail server without encryption",
        ),
    ],
)
def test_a_warning_of_its_own(settings: dict[str, Any], warning: str) -> None:
    sound = {"SMS_DAY": "sliding", "ACCOUNT_DAY": "sliding"}

    (found,) = examined(host(**sound, **settings))["warnings"]

    assert found.startswith(warning)


@pytest.mark.parametrize("secure", ["MAIL_USE_TLS_", "MAIL_USE_SSL_"])
def test_an_encrypted_mail_server_is_not_warned_about(secure: str) -> None:
    mail = {"MAIL_SERVER_": "mail.example.com", "MAIL_DEFAULT_SENDER_": "shop@example.com", secure: True}

    found = examined(host(FLOWS=["email"], SENDERS={}, **mail))["warnings"]

    assert found == []


def test_a_sender_of_the_development_console_is_told_whoever_chose_it() -> None:
    app = host(DEBUG_=True, FLOWS=["email"], SENDERS={})

    assert examined(app)["warnings"] == [
        "OTPAUTH_SENDERS: messages on 'email' are not sent to anyone (console)."
    ]


def test_a_mail_server_that_is_not_set_is_told() -> None:
    app = host(FLOWS=["email"], SENDERS={}, MAIL_DEFAULT_SENDER_="shop@example.com")

    (found,) = examined(app)["warnings"]

    assert found == "MAIL_SERVER is not set: mails are sent to 127.0.0.1."
