"""
Markdown that is made of what the code declares: settings, errors, commands, rules of the standards.

What is declared once in the package is written here once more by a machine, so that a page
cannot lag behind. Sphinx is not needed to make it, and so the tests can look at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from flask_otpauth.adapters.senders.http.owner import OWNER_PROFILES
from flask_otpauth.adapters.senders.http.profiles import PROFILES
from flask_otpauth.cli import otpauth
from flask_otpauth.core.errors import QuotaExceeded, Refusal, SecretBlocked
from flask_otpauth.doctor.standards import declared_deviations
from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import Shared
from flask_otpauth.settings.described import Described, describe
from flask_otpauth.web.envelope import STATUS, declared

#: These have subclasses and are raised themselves, too.
RAISED_BASES = (QuotaExceeded, SecretBlocked)


def settings(name: str) -> Iterator[str]:
    """A definition for each key of a flow, or for each that is ``shared``."""
    found = describe(Shared, "") if name == "shared" else describe(FLOWS[name].settings, f"{name.upper()}_")
    for setting in found:
        yield from _definition(setting)


def _definition(setting: Described) -> Iterator[str]:
    default = "" if setting.is_secret else f" Default: `{setting.default}`."
    hardened = f" Hardened: `{setting.hardened}`." if setting.hardened is not None else ""
    accepts = f" Takes {setting.accepts}." if setting.accepts else ""
    yield f"`{setting.key}`"
    yield f": {setting.meaning}{accepts}{default}{hardened}"
    yield ""


def errors() -> Iterator[str]:
    """A row for each refusal that is raised, with its status; the others are there to be caught."""
    yield "| code | class | HTTP | when |"
    yield "| --- | --- | --- | --- |"
    for each in _family(Refusal):
        if not each.__subclasses__() or each in RAISED_BASES:
            when, status = _first_sentence(each), declared(STATUS, each)
            yield f"| `{each.code}` | `{each.__name__}` | {status} | {when} |"


def _family(error: type[Refusal]) -> Iterator[type[Refusal]]:
    yield error
    for child in error.__subclasses__():
        yield from _family(child)


def _first_sentence(documented: Any) -> str:
    paragraph = " ".join((documented.__doc__ or "").strip().partition("\n\n")[0].split())
    return paragraph.replace("``", "`").partition(". ")[0].removesuffix(".") + "."


def profiles() -> Iterator[str]:
    """A section for each profile: its channels, its parameters and the pages that it follows."""
    owners = {name: profile.start for name, profile in OWNER_PROFILES.items()}
    for name, profile in {**PROFILES, **owners}.items():
        channels = ", ".join(f"`{channel}`" for channel in profile.channels)
        yield f"### `{name}`"
        yield ""
        yield f"Channels: {channels}. It follows"
        yield ", ".join(f"<{source}>" for source in profile.sources) + "."
        yield ""
        for parameter, meaning in profile.parameters.items():
            default = profile.defaults.get(parameter)
            yield f"`{parameter}`"
            yield f": {meaning}" + (f" Default: `{default}`." if default else "")
            yield ""


def commands() -> Iterator[str]:
    """A definition for each command of ``flask otpauth``, with its options."""
    for command, path in _commands(otpauth, ("flask", "otpauth")):
        context = click.Context(command, info_name=" ".join(path))
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"`{' '.join(path)} {usage}`"
        yield f": {' '.join((command.help or '').split())}"
        for option in command.params:
            if isinstance(option, click.Option):
                default = f" Default: `{option.default}`." if option.show_default else ""
                yield ""
                yield f"  `{', '.join(option.opts)}`: {option.help}{default}"
        yield ""


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[click.Command, tuple[str, ...]]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield command, (*path, name)


def deviations() -> Iterator[str]:
    """A row for each rule of the standards that a configuration can fall short of."""
    yield "| flows | deviation | clauses | remedy |"
    yield "| --- | --- | --- | --- |"
    for deviation, flows in declared_deviations(FLOWS).items():
        fix = f"`{deviation.fix.format(flow='…')}`" if deviation.fix else ""
        yield f"| {', '.join(flows)} | {deviation.finding} | {deviation.clauses} | {fix} |"
