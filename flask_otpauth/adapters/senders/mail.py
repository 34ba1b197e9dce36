"""E-mail through the host's Flask-Mail settings, with deadlines that Flask-Mail has not."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import NoneType
from typing import Any, Protocol

import flask_mail

from flask_otpauth.adapters.addresses import deliverable
from flask_otpauth.adapters.senders.mail_message import Composed, Mailbox, composed
from flask_otpauth.adapters.senders.smtp import Conversation, receipt_for
from flask_otpauth.ports.senders import Message, Receipt, Status

_logger = logging.getLogger(__name__)
_LARGEST_PORT = 65_535


class Mail(Protocol):
    """What is used of a Flask-Mail object, or of its state in ``app.extensions["mail"]``."""

    def connect(self) -> flask_mail.Connection:
        """A connection that knows the app's settings; it does not connect yet."""


class MailSender:
    """
    Sends e-mail by the ``MAIL_*`` settings; needs an app context.

    Unlike Flask-Mail itself it has deadlines, never prints the dialogue (``MAIL_DEBUG``), and
    checks the server's certificate: ``tls`` is the context to do so, for a CA of your own. With
    ``MAIL_USE_TLS`` nothing is sent in the clear, whatever the server offers. The signal
    ``flask_mail.email_dispatched`` is sent for each accepted mail, and ``MAIL_SUPPRESS_SEND``
    leaves it at that signal. Addresses with a local part beyond ASCII are
    ``invalid_recipient``: Flask-Mail does not speak SMTPUTF8.
    """

    def __init__(
        self,
        mail: Mail,
        *,
        connect_seconds: float = 5.0,
        total_seconds: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._mail = mail
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._given_tls = tls

    @staticmethod
    def problems(config: Mapping[str, Any]) -> list[str]:
        """What of the ``MAIL_*`` settings cannot work, one sentence each."""
        found = []
        try:
            Mailbox.of(config.get("MAIL_DEFAULT_SENDER"))
        except (ValueError, TypeError):
            found.append("MAIL_DEFAULT_SENDER: set the address from which codes are sent")
        found += [
            f"{key}: expected a string (from_prefixed_env reads digits as a number unless they are quoted)"
            for key in ("MAIL_USERNAME", "MAIL_PASSWORD")
            if not isinstance(config.get(key), (str, NoneType))
        ]
        found += [
            f"{key}: expected True or False"
            for key in ("MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_SUPPRESS_SEND")
            if config.get(key) not in (True, False, None)  # a text "false" would count as true
        ]
        if not _is_host(config.get("MAIL_SERVER", "127.0.0.1")):
            found.append("MAIL_SERVER: expected the name or address of a host, without scheme and port")
        if not _is_port(config.get("MAIL_PORT")):
            found.append("MAIL_PORT: expected a whole number from 1 to 65535")
        if config.get("MAIL_USE_TLS") and config.get("MAIL_USE_SSL"):
            found.append(
                "MAIL_USE_SSL: cannot be combined with MAIL_USE_TLS; set the one that matches "
                "the server's port"
            )
        return found

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over to the mail server."""
        try:
            recipient = deliverable(message.recipient)
        except ValueError:
            return Receipt(Status.INVALID_RECIPIENT, detail="no address that SMTP takes")
        connection = self._mail.connect()
        sender = Mailbox.of(connection.mail.default_sender)
        try:
            mail = composed(message, recipient, sender)
        except ValueError:
            return Receipt(Status.REJECTED, detail="a line break in a header")
        receipt = Receipt(Status.ACCEPTED)
        if not connection.mail.suppress:
            receipt = self._transmitted(mail, connection.mail)
        if receipt.status is Status.ACCEPTED:
            _announce(message, mail, connection)
        return replace(receipt, provider_id=mail.id)

    def _transmitted(self, mail: Composed, settings: flask_mail.Mail) -> Receipt:
        try:
            conversation = Conversation(
                settings.server,
                int(settings.port or 0),
                connect_seconds=self._connect_seconds,
                total_seconds=self._total_seconds,
                implicit_tls=self._tls if settings.use_ssl else None,
            )
        except OSError as error:
            return receipt_for(error, dot_sent=False)
        try:
            if settings.use_tls:
                conversation.starttls(context=self._tls)
            if settings.username and settings.password:
                conversation.login(settings.username, settings.password)
            conversation.sendmail(mail.sender.address, mail.recipient, mail.text)
        except OSError as error:
            return receipt_for(error, dot_sent=conversation.dot_sent)
        finally:
            conversation.leave()
        return Receipt(Status.ACCEPTED)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()


def _is_host(value: object) -> bool:
    """A name, or an address: one colon alone would be a port's."""
    named = r"[^\s/@:]+|\[?[0-9A-Fa-f.]*(:[0-9A-Fa-f.]*){2,}]?"
    return isinstance(value, str) and bool(re.fullmatch(named, value))


def _is_port(value: object) -> bool:
    """A number, or its digits, as the environment has them; ``None`` is the usual one."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        value = int(value)
    return value is None or (type(value) is int and 0 < value <= _LARGEST_PORT)


def _announce(message: Message, mail: Composed, connection: flask_mail.Connection) -> None:
    """Have Flask-Mail send its signal. The connection was never opened, so nothing else goes out."""
    try:
        draft = flask_mail.Message(
            subject=message.subject,
            recipients=[mail.recipient],
            body=message.text,
            html=message.html,
            sender=(mail.sender.name, mail.sender.address) if mail.sender.name else mail.sender.address,
        )
        draft.msgId = mail.id
        connection.send(draft)
    except Exception as error:  # noqa: BLE001 - a listener's mistake does not take the mail back
        _logger.warning("a listener of email_dispatched failed: %s", type(error).__name__)
