"""The command ``flask otpauth doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import as_json, show_json, state, wrap

if TYPE_CHECKING:
    from flask_otpauth.doctor.odds import Odds
    from flask_otpauth.doctor.standards import Finding

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
    # Not at the top: the command line must load without what an examination needs.
    from flask_otpauth.doctor.examination import examine

    found = examine(state(), current_app.config)
    if as_json:
        rows = [{"flow": name, **asdict(each)} for name, each in found.odds.items()]
        deviations = [asdict(each) for each in found.deviations]
        show_json({"warnings": found.warnings, "odds": rows, "deviations": deviations})
    else:
        _section("Warnings", [wrap(each, "  ", _INDENT) for each in found.warnings])
        _section("Odds of guessing a code of one subject (upper bound)", list(_odds_lines(found.odds)))
        _section(
            "Deviations from NIST SP 800-63B-4 and OWASP ASVS 5.0", list(_deviation_lines(found.deviations))
        )
    if strict and found.warnings:
        click.get_current_context().exit(1)


def _section(title: str, lines: list[str]) -> None:
    click.echo(click.style(title, bold=True))
    click.echo("\n".join(lines) if lines else "  none")
    click.echo()


def _odds_lines(chances: Mapping[str, Odds]) -> Iterator[str]:
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


def _deviation_lines(deviating: list[Finding]) -> Iterator[str]:
    for each in deviating:
        yield wrap(f"{each.flow}: {each.finding}", "  ", _INDENT)
        yield f"{_INDENT}{each.clauses}"
        if each.fix:
            yield f"{_INDENT}fix: {each.fix}"


def _chance(probability: float) -> str:
    return f"1 in {int(1 / probability):,}"
