"""
What NIST SP 800-63B-4 and OWASP ASVS 5.0 ask for and a configuration does not do.

One row for each deviation: the flows that it is about, what is so, the clauses, and the setting
that mends it. Some rows hold whatever is set, since the documents that the flows serve want it so.
``flask otpauth doctor`` shows the rows that hold for a configuration, ``docs/security.md`` all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

#: Settings of a flow, and the shared ones.
Breaks = Callable[[Any, Any], bool]

_MONTH = timedelta(days=30)
_NO_SETTING = ""


@dataclass(frozen=True)
class Rule:
    """
    A demand that some configurations do not meet.

    ``fix`` is the setting that meets it, ``{flow}`` standing for the flow's prefix; empty where
    none does. ``of_codes``: it is about codes themselves, and so about those of the host's own views.
    """

    flows: tuple[str, ...]
    finding: str
    clauses: str
    fix: str
    applies: Breaks = lambda settings, shared: True
    of_codes: bool = False


@dataclass(frozen=True)
class Deviation:
    """A rule that a flow, as it is configured, does not meet."""

    flow: str
    finding: str
    clauses: str
    fix: str


def deviations(by_flow: Mapping[str, Any], host_codes: Mapping[str, Any], shared: Any) -> Iterator[Deviation]:
    """The rules that these flows do not meet, and the codes that the host alone sends by such settings."""
    for flow, settings in by_flow.items():
        for rule in _broken(flow, settings, shared):
            yield Deviation(flow, rule.finding, rule.clauses, rule.fix.format(flow=flow.upper()))
    for flow, settings in host_codes.items():
        for rule in _broken(flow, settings, shared):
            if rule.of_codes:
                fix = rule.fix.format(flow=flow.upper())
                yield Deviation(sent_by_host(flow), rule.finding, rule.clauses, fix)


def sent_by_host(flow: str) -> str:
    """What codes are called that ``otpauth.codes`` sends by the settings of a flow that is not registered."""
    return f"codes.send ({flow})"


def _broken(flow: str, settings: Any, shared: Any) -> Iterator[Rule]:
    return (rule for rule in RULES if flow in rule.flows and rule.applies(settings, shared))


_ALL = ("email", "sms", "flashcall", "voice", "account")
_TELEPHONE = ("sms", "flashcall", "voice")

RULES = (
    Rule(
        ("email",),
        "A code by e-mail only proves access to a mailbox. It confirms an address, and is neither an "
        "out-of-band authenticator nor a second factor.",
        "NIST §3.1.3.1; ASVS 6.3.3, 6.3.6",
        _NO_SETTING,
        of_codes=True,
    ),
    Rule(
        _TELEPHONE,
        "The telephone network is a restricted channel: tell users about its risks, offer an alternative, "
        "and watch for changed SIM cards and ported numbers.",
        "NIST §3.1.3.3, §3.2.9; ASVS 6.6.1",
        _NO_SETTING,
        of_codes=True,
    ),
    Rule(
        ("account",),
        "Codes may be sent by SMS or WhatsApp, which are restricted channels.",
        "NIST §3.1.3.3, §3.2.9; ASVS 6.6.1",
        "OTPAUTH_{flow}_CHANNELS = ('email',)",
        lambda settings, shared: bool({"sms", "whatsapp"} & set(settings.channels)),
    ),
    Rule(
        ("email", "sms"),
        "A code is bound to its address and purpose, not to the browser that requested it.",
        "ASVS 6.6.2",
        _NO_SETTING,
        of_codes=True,
    ),
    Rule(
        _ALL,
        "A code has fewer than six digits.",
        "NIST §3.1.3.2; ASVS 6.5.4",
        "OTPAUTH_{flow}_CODE_LENGTH = 6",
        lambda settings, shared: settings.code_length < 6,
        of_codes=True,
    ),
    Rule(
        ("voice",),
        "A client may choose a code of fewer than six digits.",
        "NIST §3.1.3.2; ASVS 6.5.4",
        "OTPAUTH_{flow}_OTP_MIN_LENGTH = 6",
        lambda settings, shared: settings.otp_min_length < 6,
    ),
    Rule(
        ("flashcall", "voice"),
        "A client may choose the code, which may not be random.",
        "NIST §3.2.12; ASVS 6.5.3",
        _NO_SETTING,
    ),
    Rule(
        _ALL,
        "Consecutive failures are never capped, even over days and weeks.",
        "NIST §3.2.2",
        "OTPAUTH_{flow}_FAILURE_CAP = 100",
        lambda settings, shared: settings.failure_cap is None and settings.weakest_policy() is not None,
        of_codes=True,
    ),
    Rule(
        ("email", "sms"),
        "The response waits until the message is sent, and a disabled account gets no message: the "
        "response time reveals which accounts are disabled.",
        "ASVS 6.3.8",
        "OTPAUTH_DELIVERY = 'thread'",
        lambda settings, shared: shared.delivery == "inline",
    ),
    Rule(
        ("sms",),
        "The response reveals which phone numbers have an account.",
        "ASVS 6.3.8",
        "OTPAUTH_{flow}_UNKNOWN_PHONE = 'send'",
        lambda settings, shared: settings.unknown_phone == "reject",
    ),
    Rule(
        ("email",),
        "A session can last longer than 30 days without a new login.",
        "NIST §2.1.3; ASVS 7.1.1",
        "OTPAUTH_{flow}_SESSION_MAX_AGE = 2592000",
        lambda settings, shared: settings.session_max_age > _MONTH,
    ),
    Rule(
        ("email",),
        "For a short time, a used refresh token returns the same new tokens again.",
        "ASVS 10.4.5",
        "OTPAUTH_{flow}_REFRESH_GRACE = 0",
        lambda settings, shared: bool(settings.refresh_grace),
    ),
    Rule(
        ("flashcall",),
        "A code is in a URL, so it can end up in logs and histories.",
        "ASVS 14.2.1",
        "OTPAUTH_{flow}_AUTH_GET = False, OTPAUTH_{flow}_AUTH_POST = True",
        lambda settings, shared: settings.auth_get,
    ),
    Rule(
        ("flashcall",),
        "Codes in logged paths are not masked.",
        "ASVS 16.2.5",
        "OTPAUTH_{flow}_MASK_LOGS = True",
        lambda settings, shared: settings.auth_get and not settings.mask_logs,
    ),
    Rule(
        ("flashcall",),
        "The response can contain the code, so it does not prove that the call was received.",
        "ASVS 14.2.6",
        "OTPAUTH_{flow}_ECHO_CODE = False",
        lambda settings, shared: settings.echo_code,
    ),
    Rule(
        ("account",),
        "The response contains the code, so it does not prove that the message was received.",
        "ASVS 14.2.6",
        "OTPAUTH_{flow}_ECHO_OTP = False",
        lambda settings, shared: settings.echo_otp,
    ),
    Rule(
        ("flashcall", "account"),
        "A client may send its secret with each request, and the secret is valid until it is rotated.",
        "ASVS 13.2.1",
        _NO_SETTING,
    ),
    Rule(
        ("sms",),
        "A client's token is valid for more than 30 days.",
        "ASVS 13.2.1",
        "OTPAUTH_{flow}_TOKEN_TTL = 86400",
        lambda settings, shared: settings.token_ttl > _MONTH,
    ),
    Rule(
        ("voice",),
        "A client's token is valid for more than 30 days.",
        "ASVS 13.2.1",
        "OTPAUTH_{flow}_ACCESS_TOKEN_TTL = 86400",
        lambda settings, shared: settings.access_token_ttl > _MONTH,
    ),
    Rule(
        ("account",),
        "A PIN is a password of six digits: use it only together with another factor.",
        "NIST §3.1.1.2; ASVS 6.2.1",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "Common PINs are accepted.",
        "NIST §3.1.1.2; ASVS 6.2.4",
        "OTPAUTH_{flow}_PIN_BLOCKLIST = 'common'",
        lambda settings, shared: not settings.pin_blocklist,
    ),
    Rule(
        ("account",),
        "Passwords of eight characters are accepted; a password that is the only factor needs fifteen.",
        "NIST §3.1.1.2",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "Passwords are checked against a list of common passwords, not against known breaches.",
        "ASVS 6.2.12",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "A merchant can set a customer's password without their consent, and then knows it.",
        "ASVS 6.2.3, 6.4.6",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "A merchant can unblock a PIN any number of times, and each time the guesses start again.",
        "NIST §3.2.2",
        "OTPAUTH_{flow}_UNBLOCKS_PER_DAY = 3",
        lambda settings, shared: settings.unblocks_per_day is None,
    ),
    Rule(
        ("account",),
        "A merchant can reset a customer's quota of codes any number of times.",
        "ASVS 2.4.1",
        "OTPAUTH_{flow}_LIMIT_RESETS_PER_DAY = 3",
        lambda settings, shared: settings.limit_resets_per_day is None,
    ),
    Rule(
        ("account",),
        "Customers are not notified when a PIN is reset or a password is changed.",
        "NIST §4.2.3; ASVS 6.3.7",
        "OTPAUTH_{flow}_NOTIFY_CHANGES = True",
        lambda settings, shared: not settings.notify_changes,
    ),
)
