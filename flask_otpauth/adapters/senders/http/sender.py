"""The sender for providers with an HTTP API."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.adapters.senders.http.declaration import Declared, Link, read
from flask_otpauth.adapters.senders.http.profile import Expanded, expand
from flask_otpauth.adapters.senders.http.profiles import PROFILES
from flask_otpauth.adapters.senders.http.requests import NotWritable
from flask_otpauth.core.nearest import nearest
from flask_otpauth.ports.senders import CHANNELS, Message, Receipt, Status

if TYPE_CHECKING:
    from flask_otpauth.adapters.senders.http.network import HttpClient


class HttpSender:
    """
    Sends each message by one HTTP request, as a declaration says. It needs the extra ``http``.

    A declaration is a dict with the keys that ``OTPAUTH_PROVIDERS`` has: see :doc:`/reference/providers`.
    Whatever fails before the request was written is ``unavailable``. If the request was written and
    there is no clear answer in time, the outcome is unknown (``timeout``).

    :raises WrongDeclaration: if something is wrong with the declaration. It has all problems.
    """

    def __init__(self, declaration: Mapping[str, object]) -> None:
        self._offer(_expanded(declaration))

    def _offer(self, expanded: Expanded) -> None:
        self._lacking = expanded.lacking
        clients = {link: client_of(link) for link in {each.link for each in expanded.channels.values()}}
        self._lines = {
            channel: _Line(each, clients[each.link]) for channel, each in expanded.channels.items()
        }

    def problem_on(self, channel: str) -> str:
        """Return why it cannot send on ``channel``, or an empty text."""
        return "" if channel in self._lines else self._lacking.get(channel, "the profile has no such channel")

    def send(self, message: Message) -> Receipt:
        """Send ``message``."""
        line = self._lines.get(message.channel)
        if line is None:
            return Receipt(Status.REJECTED, detail="no such channel")
        return line.send(message)


class _Line:
    """What sends on one channel."""

    def __init__(self, declared: Declared, client: HttpClient) -> None:
        self._call, self._judge, self._client = declared.call, declared.judge, client

    def send(self, message: Message) -> Receipt:
        from flask_otpauth.adapters.senders.http.network import NoAnswer

        try:
            answer = self._client.exchange(self._call.request(message))
        except NotWritable as error:
            return Receipt(Status.REJECTED, detail=str(error))
        except NoAnswer as error:
            status = Status.TIMEOUT if error.was_written else Status.UNAVAILABLE
            return Receipt(status, detail=error.detail)
        return self._judge.receipt(answer, message.code)


def client_of(link: Link) -> HttpClient:
    """Return a client with the deadlines and certificates of a declaration."""
    try:
        from flask_otpauth.adapters.senders.http.network import HttpClient
    except ImportError:
        sentence = "needs an extra: pip install 'flask-otpauth-server[http]'"
        raise WrongDeclaration([Problem((), sentence)]) from None
    return HttpClient(
        connect_seconds=link.connect_seconds,
        total_seconds=link.total_seconds,
        tls=ssl.create_default_context(cafile=link.ca_file or None),
    )


def _expanded(declaration: Mapping[str, object]) -> Expanded:
    """Return what the declaration says for each channel. Without a profile, it is the same for all."""
    if "profile" not in declaration:
        return Expanded(dict.fromkeys(CHANNELS, read(declaration, {})))
    name = declaration["profile"]
    profile = PROFILES.get(name) if isinstance(name, str) else None
    if profile is None:
        sentence = f"unknown profile{nearest(str(name), PROFILES)}"
        raise WrongDeclaration([Problem(("profile",), sentence)])
    return expand(profile, declaration)
