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
        "An e-mail is read by whoever has the mailbox: a code by e-mail confirms an address and is "
        "neither an out-of-band authenticator nor a second factor.",
        "NIST §3.1.3.1; ASVS 6.3.3, 6.3.6",
        _NO_SETTING,
        of_codes=True,
    ),
    Rule(
        _TELEPHONE,
        "The telephone network is a restricted channel: tell users of its risks, offer them another "
        "one, and watch for changed SIM cards and ported numbers.",
        "NIST §3.1.3.3, §3.2.9; ASVS 6.6.1",
        _NO_SETTING,
        of_codes=True,
    ),
    Rule(
        ("account",),
        "A code may go out by SMS or WhatsApp: a restricted channel.",
        "NIST §3.1.3.3, §3.2.9; ASVS 6.6.1",
        "OTPAUTH_{flow}_CHANNELS = ('email',)",
        lambda settings, shared: bool({"sms", "whatsapp"} & set(settings.channels)),
    ),
    Rule(
        ("email", "sms"),
        "A code is bound to its address and purpose, not to the browser that asked for it.",
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
        "A caller may choose a code of fewer than six digits.",
        "NIST §3.1.3.2; ASVS 6.5.4",
        "OTPAUTH_{flow}_OTP_MIN_LENGTH = 6",
        lambda settings, shared: settings.otp_min_length < 6,
    ),
    Rule(
        ("flashcall", "voice"),
        "A caller may choose the code; whether it is random is not known here.",
        "NIST §3.2.12; ASVS 6.5.3",
        _NO_SETTING,
    ),
    Rule(
        _ALL,
        "However many failures there are in a row, over days and weeks, nothing is ever disabled.",
        "NIST §3.2.2",
        "OTPAUTH_{flow}_FAILURE_CAP = 100",
        lambda settings, shared: settings.failure_cap is None and settings.weakest_policy() is not None,
        of_codes=True,
    ),
    Rule(
        ("email", "sms"),
        "The answer waits for the message, and a disabled account gets none: the time tells which "
        "accounts are disabled.",
        "ASVS 6.3.8",
        "OTPAUTH_DELIVERY = 'thread'",
        lambda settings, shared: shared.delivery == "inline",
    ),
    Rule(
        ("sms",),
        "The answer tells which phone numbers have an account.",
        "ASVS 6.3.8",
        "OTPAUTH_{flow}_UNKNOWN_PHONE = 'send'",
        lambda settings, shared: settings.unknown_phone == "reject",
    ),
    Rule(
        ("email",),
        "A session lives for longer than 30 days without a login.",
        "NIST §2.1.3; ASVS 7.1.1",
        "OTPAUTH_{flow}_SESSION_MAX_AGE = 2592000",
        lambda settings, shared: settings.session_max_age > _MONTH,
    ),
    Rule(
        ("email",),
        "For a moment a refresh token that was spent is answered again, with the same successor.",
        "ASVS 10.4.5",
        "OTPAUTH_{flow}_REFRESH_GRACE = 0",
        lambda settings, shared: bool(settings.refresh_grace),
    ),
    Rule(
        ("flashcall",),
        "A code is in a URL, where logs and histories keep it.",
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
        "The answer can show the code that the call is to prove.",
        "ASVS 14.2.6",
        "OTPAUTH_{flow}_ECHO_CODE = False",
        lambda settings, shared: settings.echo_code,
    ),
    Rule(
        ("account",),
        "The answer shows the code that the message is to prove.",
        "ASVS 14.2.6",
        "OTPAUTH_{flow}_ECHO_OTP = False",
        lambda settings, shared: settings.echo_otp,
    ),
    Rule(
        ("flashcall", "account"),
        "A client may present its secret itself, which is good until it is rotated.",
        "ASVS 13.2.1",
        _NO_SETTING,
    ),
    Rule(
        ("sms",),
        "A client's token lives for longer than 30 days.",
        "ASVS 13.2.1",
        "OTPAUTH_{flow}_TOKEN_TTL = 86400",
        lambda settings, shared: settings.token_ttl > _MONTH,
    ),
    Rule(
        ("voice",),
        "A client's token lives for longer than 30 days.",
        "ASVS 13.2.1",
        "OTPAUTH_{flow}_ACCESS_TOKEN_TTL = 86400",
        lambda settings, shared: settings.access_token_ttl > _MONTH,
    ),
    Rule(
        ("account",),
        "A PIN is a password of six digits: ask for it only after another factor.",
        "NIST §3.1.1.2; ASVS 6.2.1",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "The PINs that everybody chooses are allowed.",
        "NIST §3.1.1.2; ASVS 6.2.4",
        "OTPAUTH_{flow}_PIN_BLOCKLIST = 'common'",
        lambda settings, shared: not settings.pin_blocklist,
    ),
    Rule(
        ("account",),
        "Passwords of eight characters are accepted; where one is the only factor, fifteen are asked for.",
        "NIST §3.1.1.2",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "Passwords are compared with a list of common ones, not with those of known breaches.",
        "ASVS 6.2.12",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "On its word alone a merchant sets a customer's password, and knows it then.",
        "ASVS 6.2.3, 6.4.6",
        _NO_SETTING,
    ),
    Rule(
        ("account",),
        "A merchant may unblock a PIN as often as it likes, and each time gets new guesses.",
        "NIST §3.2.2",
        "OTPAUTH_{flow}_UNBLOCKS_PER_DAY = 3",
        lambda settings, shared: settings.unblocks_per_day is None,
    ),
    Rule(
        ("account",),
        "A merchant may reset a customer's quota of codes as often as it likes.",
        "ASVS 2.4.1",
        "OTPAUTH_{flow}_LIMIT_RESETS_PER_DAY = 3",
        lambda settings, shared: settings.limit_resets_per_day is None,
    ),
    Rule(
        ("account",),
        "A customer is not told that a PIN was reset or a password was changed.",
        "NIST §4.2.3; ASVS 6.3.7",
        "OTPAUTH_{flow}_NOTIFY_CHANGES = True",
        lambda settings, shared: not settings.notify_changes,
    ),
)
