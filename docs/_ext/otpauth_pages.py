"""
Directives that show what the code says: settings, errors, commands, rules of the standards.

What is declared once in the package is written here once more by a machine, so that a page
cannot lag behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from flask_otpauth.cli import otpauth
from flask_otpauth.core.errors import Refusal, SecretBlocked
from flask_otpauth.envelopes.base import status_of
from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import Shared
from flask_otpauth.settings.described import Described, described
from flask_otpauth.standards import RULES


class Generated(SphinxDirective):
    """Markdown made by ``lines``, in place of the directive."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes of what ``lines`` gives."""
        return self.parse_text_to_nodes("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        """Lines of Markdown."""
        raise NotImplementedError


class SettingsDirective(Generated):
    """The keys of a flow, or the shared ones (``shared``)."""

    def lines(self) -> Iterator[str]:
        """A definition for each key."""
        name = self.arguments[0]
        found = (
            described(Shared, "") if name == "shared" else described(FLOWS[name].settings, f"{name.upper()}_")
        )
        for setting in found:
            yield from _definition(setting)


def _definition(setting: Described) -> Iterator[str]:
    default = "" if setting.is_secret else f" Default: `{setting.default}`."
    hardened = f" Hardened: `{setting.hardened}`." if setting.hardened is not None else ""
    accepts = f" Takes {setting.accepts}." if setting.accepts else ""
    yield f"`{setting.key}`"
    yield f": {setting.meaning}{accepts}{default}{hardened}"
    yield ""


class ErrorsDirective(Generated):
    """The stable codes of refusals, with the HTTP status of envelopes that have no other."""

    def lines(self) -> Iterator[str]:
        """A row for each class that is raised; the others are there to be caught."""
        yield "| code | class | HTTP | when |"
        yield "| --- | --- | --- | --- |"
        for each in _family(Refusal):
            if not each.__subclasses__() or each is SecretBlocked:
                when, status = _first_sentence(each), status_of(each.code)
                yield f"| `{each.code}` | `{each.__name__}` | {status} | {when} |"


def _family(error: type[Refusal]) -> Iterator[type[Refusal]]:
    yield error
    for child in error.__subclasses__():
        yield from _family(child)


def _first_sentence(documented: Any) -> str:
    paragraph = " ".join((documented.__doc__ or "").strip().partition("\n\n")[0].split())
    return paragraph.replace("``", "`").partition(". ")[0].removesuffix(".") + "."


class CommandsDirective(Generated):
    """Every command of ``flask otpauth`` with its options."""

    def lines(self) -> Iterator[str]:
        """A definition for each command."""
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


class DeviationsDirective(Generated):
    """Every rule of the standards that a configuration can fall short of."""

    def lines(self) -> Iterator[str]:
        """A row for each rule."""
        yield "| flows | what is so | clauses | what mends it |"
        yield "| --- | --- | --- | --- |"
        for rule in RULES:
            mend = f"`{rule.mend.format(flow='…')}`" if rule.mend else ""
            yield f"| {', '.join(rule.flows)} | {rule.says} | {rule.clauses} | {mend} |"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("otpauth-settings", SettingsDirective)
    app.add_directive("otpauth-errors", ErrorsDirective)
    app.add_directive("otpauth-commands", CommandsDirective)
    app.add_directive("otpauth-deviations", DeviationsDirective)
    return {"parallel_read_safe": True}
