"""Warnings about a running configuration that are not about a clause of a standard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.doctor.odds import Odds

if TYPE_CHECKING:
    from flask_otpauth.ports.directory import Directory
    from flask_otpauth.ports.senders import Sender
    from flask_otpauth.wiring import AppState

_LOOPBACK = ("127.0.0.1", "::1", "localhost")

#: The chance of a guesser per day with the weakest documented settings: four digits, six guesses.
_DOCUMENTED_PER_DAY = 6e-4


def warnings(found: AppState, chances: Mapping[str, Odds], config: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence for each warning. If a setting is the cause, the sentence begins with it."""
    yield from found.postponed
    yield from _about_stores(found)
    yield from _about_users(found.services.directory)
    yield from _about_keys(found)
    yield from _about_odds(chances)
    yield from _about_processes(found)
    yield from _about_rate_limits(found)
    yield from _about_sending(found, config)
    yield from _about_test_identities(found)
    for name in found.mounts:
        if found.by_flow[name].day == "calendar":
            yield (
                f"OTPAUTH_{name.upper()}_DAY = 'calendar': a subject can get the codes of two "
                "days around midnight."
            )


def _about_stores(found: AppState) -> Iterator[str]:
    """Check that all tables and columns exist, and that each kind of row can be read."""
    from flask_otpauth.adapters.sqlalchemy.schema import schema_problems

    storage, directory = found.services.storage, found.services.directory
    reads: tuple[Callable[[], object], ...] = (
        lambda: storage.challenges.reference(bytes(32)),
        lambda: storage.secrets.read(bytes(32)),
        lambda: storage.sessions.find("-"),
        lambda: storage.clients.get("-"),
        lambda: directory.find("email", "nobody@example.invalid"),
    )
    try:
        problems = schema_problems(storage, directory)
        yield from problems
        for read in reads if not problems else ():
            read()
    except StorageUnavailable as error:
        yield f"{error}."


def _about_users(directory: Directory) -> Iterator[str]:
    """Check the host's own model, and the keys of its rows."""
    # Not at the top: the command line must load without them.
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import overdue
    from flask_otpauth.adapters.sqlalchemy.directory.host_models import unread_status
    from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory

    if not isinstance(directory, ModelDirectory):
        return
    unread = unread_status(directory.model)
    if unread is not None:
        yield f"OTPAUTH_USERS: {unread}"
    with suppress(StorageUnavailable):  # _about_stores has warned of it
        count = overdue(directory)
        if count:
            yield f"{count} users have an e-mail address but no email_key: run flask otpauth backfill."


def _about_keys(found: AppState) -> Iterator[str]:
    if found.shared.subject_key is None:
        yield (
            "OTPAUTH_SUBJECT_KEY is not set, so another secret is used as subject key. When you remove that "
            "secret, all quotas, locks and PINs are reset. Set OTPAUTH_SUBJECT_KEY to it first."
        )
    if not found.are_stores_new and not _is_marked(found):
        yield (
            "The database has no mark of the subject key. If SECRET_KEY was changed, set OTPAUTH_SUBJECT_KEY "
            "to the old value. If migrations created the tables, run flask otpauth init-db."
        )
    if found.shared.allow_weak_keys:
        yield "OTPAUTH_ALLOW_WEAK_KEYS = True: an attacker who guesses a weak secret can forge all tokens."


def _is_marked(found: AppState) -> bool:
    from flask_otpauth.engine.subject_keys import find_marked

    try:
        return bool(find_marked(found.services.storage, [found.services.upkeep.keys.subject_key]))
    except StorageUnavailable:  # _about_stores has warned of it
        return True


def _about_odds(chances: Mapping[str, Odds]) -> Iterator[str]:
    for name, each in chances.items():
        if each.per_day > _DOCUMENTED_PER_DAY:
            yield (
                f"{name}: an attacker has a chance of 1 in {int(1 / each.per_day):,} per day; "
                "with the documented settings it is at most 1 in 1,666. Use more digits or a "
                "smaller guess budget."
            )


def _about_processes(found: AppState) -> Iterator[str]:
    if found.are_stores_new:
        yield (
            "OTPAUTH_STORAGE = 'memory', or an in-memory database: each process has its own codes, locks and "
            "sessions, and loses them when it ends."
        )


def _about_rate_limits(found: AppState) -> Iterator[str]:
    if found.shared.ip_limits is None:
        yield "OTPAUTH_IP_LIMITS = None: there are no rate limits, unless the app has its own."
    elif not found.rate_limits.is_enabled:
        yield "RATELIMIT_ENABLED = False: there are no rate limits."
    elif found.rate_limits.counts_alone:
        yield (
            "The rate limits are counted in memory, in each process separately. "
            "Set RATELIMIT_STORAGE_URI to a shared store."
        )


def _about_sending(found: AppState, config: Mapping[str, object]) -> Iterator[str]:
    from flask_otpauth.adapters.senders.console import ConsoleSender
    from flask_otpauth.adapters.senders.mail import MailSender
    from flask_otpauth.adapters.senders.memory import MemorySender

    for kind, name in ((ConsoleSender, "console"), (MemorySender, "memory")):
        for channel in dict.fromkeys(
            channel for channel, sender in _senders(found) if isinstance(sender, kind)
        ):
            yield f"OTPAUTH_SENDERS: messages on {channel!r} are not sent to anyone ({name})."
    if not any(isinstance(sender, MailSender) for _, sender in _senders(found)):
        return
    if not config.get("MAIL_SERVER"):
        yield "MAIL_SERVER is not set: mails are sent to 127.0.0.1."
    encrypted = config.get("MAIL_USE_TLS") or config.get("MAIL_USE_SSL")
    if not encrypted and config.get("MAIL_SERVER", "127.0.0.1") not in _LOOPBACK:
        yield (
            "Codes are sent to the mail server without encryption: set MAIL_USE_TLS or "
            "MAIL_USE_SSL (ASVS 12.3.1)."
        )


def _about_test_identities(found: AppState) -> Iterator[str]:
    from flask_otpauth.wiring.fixed_codes import description

    fixed, now = found.services.codes.fixed_codes, found.services.clock()
    listed = fixed.by_address if fixed else {}
    yield from (description(address, each, now) for address, each in listed.items())
    if listed and found.shared.is_privileged is None:
        yield (
            "OTPAUTH_IS_PRIVILEGED is not set: a test identity gets its fixed code even if it belongs to an "
            "administrator."
        )


def _senders(found: AppState) -> Iterator[tuple[str, Sender]]:
    """Yield every sender with its channel, including those that are tried later."""
    from flask_otpauth.adapters.senders.guarded import GuardedSender

    for route in found.services.codes.messenger.router.routes.values():
        for sender in (each.sender for each in route.senders):
            yield route.key.channel, sender.sender if isinstance(sender, GuardedSender) else sender
