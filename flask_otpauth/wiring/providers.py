"""The senders by name: the packaged ones, and those that a host declares in ``OTPAUTH_PROVIDERS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from flask_mail import Mail

from flask_otpauth.adapters.senders.console import ConsoleSender
from flask_otpauth.adapters.senders.declarations import WrongDeclaration
from flask_otpauth.adapters.senders.mail import MailSender
from flask_otpauth.adapters.senders.memory import MemorySender
from flask_otpauth.ports.senders import Sender
from flask_otpauth.settings import PREFIX, Declaration
from flask_otpauth.wiring.assembly import Assembly


@runtime_checkable
class ForSomeChannels(Protocol):
    """A sender that cannot send on each channel."""

    def problem_on(self, channel: str) -> str:
        """Return why it cannot send on ``channel``, or an empty text."""


class Providers:
    """Finds the sender that a setting names or declares."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        packaged: dict[str, Callable[[], Sender]] = {
            "mail": lambda: _mail(assembly),
            "console": ConsoleSender,
            "memory": MemorySender,
        }
        self._named = dict(packaged)
        for name, value in assembly.shared.providers.items():
            key = f"PROVIDERS[{name!r}]"
            if name in packaged:
                assembly.problems.append(
                    f"{PREFIX}{key}: choose another name, a packaged sender has this one"
                )
            self._named[name] = _returning(self._make(key, value, {}))

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the senders that have one."""
        return frozenset(self._named)

    def find(self, key: str, value: object, channel: str) -> Sender:
        """
        Return the sender that ``value`` of the setting ``key`` means.

        Add a problem if there is none, or if it cannot send on ``channel``.
        """
        found = self._make(key, value, self._named)
        if isinstance(found, ForSomeChannels) and (problem := found.problem_on(channel)):
            sentence = f"cannot send on channel {channel!r}: {problem}"
            self._assembly.problems.append(f"{PREFIX}{key}: {sentence}")
        return found

    def _make(self, key: str, value: object, named: Mapping[str, Callable[[], Sender]]) -> Sender:
        if isinstance(value, Declaration):
            found = self._declared(key, value)
        else:
            found = self._assembly.resolved(key, value, named, "send")
        # If a sender was not found, the app will not start, and any sender will do.
        return MemorySender() if found is None else found

    def _declared(self, key: str, declaration: Declaration) -> Sender | None:
        # Most apps declare no sender, and the profiles of all providers take long to import.
        from flask_otpauth.wiring.builders import builder_of

        # How the provider signs its reports says nothing about how messages are sent.
        sending = Declaration({name: each for name, each in declaration.items() if name != "receipts"})
        try:
            return builder_of(sending)(sending)
        except WrongDeclaration as error:
            self._assembly.problems += [each.under(f"{PREFIX}{key}") for each in error.problems]
            return None


def _mail(assembly: Assembly) -> MailSender:
    if "mail" not in assembly.app.extensions:
        Mail(assembly.app)
    return MailSender(assembly.app.extensions["mail"])


def _returning(sender: Sender) -> Callable[[], Sender]:
    """Return a function that returns ``sender``, which is made once and may be used on several channels."""
    return lambda: sender
