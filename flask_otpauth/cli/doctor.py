"""``flask otpauth doctor`` shows what the running configuration amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import as_json, show_json, state, wrapped
from flask_otpauth.core.odds import Odds, odds
from flask_otpauth.standards import Deviation, deviations

if TYPE_CHECKING:
    from flask_otpauth.wiring import State

_INDENT = " " * 6
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command()
@as_json
@with_appcontext
def doctor(as_json: bool) -> None:
    """
    Examine the running configuration.

    Shows the odds of somebody who guesses codes, every deviation from NIST SP 800-63B-4 and OWASP
    ASVS 5.0 with its clause and the setting that mends it, and what else should be looked at.
    """
    found = state()
    by_flow = {name: found.by_flow[name] for name in found.mounts}
    chances = {
        name: odds(policy)
        for name, settings in by_flow.items()
        if (policy := settings.weakest_policy()) is not None
    }
    deviating = list(deviations(by_flow, found.shared))
    warned = list(warnings(found, current_app.config))
    if as_json:
        rows = [{"flow": name, **asdict(each)} for name, each in chances.items()]
        show_json({"odds": rows, "deviations": [asdict(each) for each in deviating], "warnings": warned})
        return
    _section("Odds of guessing a code, for one subject at most", list(_odds_lines(chances)))
    _section("Deviations from NIST SP 800-63B-4 and OWASP ASVS 5.0", list(_deviation_lines(deviating)))
    _section("Warnings", [wrapped(each, "  ", _INDENT) for each in warned])


def warnings(found: State, config: Mapping[str, Any]) -> Iterator[str]:
    """What no standard has a clause for, and an administrator wants to know."""
    yield from _about_keys(found)
    yield from _about_processes(found)
    yield from _about_sending(found, config)
    for name in found.mounts:
        if found.by_flow[name].day == "calendar":
            yield f"OTPAUTH_{name.upper()}_DAY = 'calendar': around midnight a subject gets two days' codes."


def _about_keys(found: State) -> Iterator[str]:
    if found.shared.subject_key is None:
        yield (
            "OTPAUTH_SUBJECT_KEY is derived from the oldest secret: when that one is taken off the list, "
            "every quota, lock and PIN starts anew. Set it to that secret first."
        )
    if found.shared.allow_weak_keys:
        yield "OTPAUTH_ALLOW_WEAK_KEYS: who guesses a short secret can forge every token."


def _about_processes(found: State) -> Iterator[str]:
    if found.shared.storage == "memory":
        yield "OTPAUTH_STORAGE = 'memory': each process has its own codes, locks and sessions, until it ends."
    if found.shared.ip_limits is None:
        yield "OTPAUTH_IP_LIMITS = None: nothing is limited in front, unless the host does it."
    elif found.front.counts_alone:
        yield (
            "The limits in front are counted in memory, by each process for itself and until it ends. "
            "RATELIMIT_STORAGE_URI names a shared store."
        )


def _about_sending(found: State, config: Mapping[str, Any]) -> Iterator[str]:
    for channel, sender in found.shared.senders.items():
        if sender in ("console", "memory"):
            yield f"OTPAUTH_SENDERS: what goes out on {channel!r} reaches nobody ({sender})."
    mails = found.shared.senders.get("email", "mail") == "mail" and "email" in found.mounts
    encrypted = config.get("MAIL_USE_TLS") or config.get("MAIL_USE_SSL")
    if mails and not encrypted and config.get("MAIL_SERVER", "127.0.0.1") not in _LOOPBACK:
        yield "Codes go to the mail server unencrypted: set MAIL_USE_TLS or MAIL_USE_SSL (ASVS 12.3.1)."


def _section(title: str, lines: list[str]) -> None:
    click.echo(click.style(title, bold=True))
    click.echo("\n".join(lines) if lines else "  none")
    click.echo()


def _odds_lines(chances: dict[str, Odds]) -> Iterator[str]:
    for flow, each in chances.items():
        ever = "" if each.until_disabled is None else f"; {_chance(each.until_disabled)} until it is disabled"
        yield (
            f"  {flow}: {_chance(each.per_day)} a day{ever} "
            f"({each.digits} digits, {each.guesses_per_day} guesses a day)"
        )


def _deviation_lines(deviating: list[Deviation]) -> Iterator[str]:
    for each in deviating:
        yield wrapped(f"{each.flow}: {each.says}", "  ", _INDENT)
        yield f"{_INDENT}{each.clauses}"
        if each.mend:
            yield f"{_INDENT}mended by {each.mend}"


def _chance(probability: float) -> str:
    return f"1 in {int(1 / probability):,}"
