"""``flask otpauth doctor`` shows what the running configuration amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import as_json, show_json, state, wrapped
from flask_otpauth.doctor.odds import Odds, odds
from flask_otpauth.doctor.standards import Deviation, deviations, sent_by_host
from flask_otpauth.doctor.warnings import warnings

_INDENT = " " * 6


@click.command()
@as_json
@click.option("--strict", is_flag=True, help="Exit with status 1 if there is a warning (for CI).")
@with_appcontext
def doctor(as_json: bool, strict: bool) -> None:
    """
    Check the security of the configuration.

    Shows warnings, the odds of guessing a code, and every deviation from NIST SP 800-63B-4 and OWASP
    ASVS 5.0 with its clauses and the setting that fixes it. Codes that the app sends with
    `otpauth.codes` are checked, too.
    """
    found = state()
    by_flow = {name: found.by_flow[name] for name in found.mounts}
    chances = _chances({**by_flow, **{sent_by_host(name): each for name, each in found.host_codes.items()}})
    deviating = list(deviations(by_flow, found.host_codes, found.shared))
    warned = list(warnings(found, chances, current_app.config))
    if as_json:
        rows = [{"flow": name, **asdict(each)} for name, each in chances.items()]
        show_json({"warnings": warned, "odds": rows, "deviations": [asdict(each) for each in deviating]})
    else:
        _section("Warnings", [wrapped(each, "  ", _INDENT) for each in warned])
        _section("Odds of guessing a code of one subject (upper bound)", list(_odds_lines(chances)))
        _section("Deviations from NIST SP 800-63B-4 and OWASP ASVS 5.0", list(_deviation_lines(deviating)))
    if strict and warned:
        click.get_current_context().exit(1)


def _chances(examined: Mapping[str, Any]) -> dict[str, Odds]:
    """The odds by name, where guesses are judged at all."""
    policies = {name: settings.weakest_policy() for name, settings in examined.items()}
    return {name: odds(policy) for name, policy in policies.items() if policy is not None}


def _section(title: str, lines: list[str]) -> None:
    click.echo(click.style(title, bold=True))
    click.echo("\n".join(lines) if lines else "  none")
    click.echo()


def _odds_lines(chances: dict[str, Odds]) -> Iterator[str]:
    for flow, each in chances.items():
        ever = (
            ""
            if each.until_disabled is None
            else f"; {_chance(each.until_disabled)} until the subject is disabled"
        )
        yield (
            f"  {flow}: {_chance(each.per_day)} per day{ever} "
            f"({each.digits} digits, {each.guesses_per_day} guesses per day)"
        )


def _deviation_lines(deviating: list[Deviation]) -> Iterator[str]:
    for each in deviating:
        yield wrapped(f"{each.flow}: {each.finding}", "  ", _INDENT)
        yield f"{_INDENT}{each.clauses}"
        if each.fix:
            yield f"{_INDENT}fix: {each.fix}"


def _chance(probability: float) -> str:
    return f"1 in {int(1 / probability):,}"
