"""E-mail through the host's Flask-Mail settings, with deadlines that Flask-Mail has not."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import replace
from email.charset import QP, Charset
from email.utils import make_msgid, parseaddr
from functools import cached_property
from typing import Any, Protocol, cast

import flask_mail

from flask_otpauth.adapters.addresses import deliverable
from flask_otpauth.adapters.senders.smtp import Conversation, receipt_for
from flask_otpauth.ports.senders import Message, Receipt, Status

_logger = logging.getLogger(__name__)

# Flask-Mail makes bodies of eight bits and of lines as long as they come; not every server
# takes these (RFC 6152, RFC 5321 §4.5.3.1.6).
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP


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
            _mailbox(config.get("MAIL_DEFAULT_SENDER"))
        except (ValueError, TypeError):
            found.append("MAIL_DEFAULT_SENDER: set the address that codes are sent from")
        if config.get("MAIL_USE_TLS") and config.get("MAIL_USE_SSL"):
            found.append("MAIL_USE_SSL: excludes MAIL_USE_TLS; set the one that the server's port is for")
        return found

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over to the mail server."""
        try:
            recipient = deliverable(message.recipient)
        except ValueError:
            return Receipt(Status.INVALID_RECIPIENT, detail="no address that SMTP takes")
        connection = self._mail.connect()
        letter = _letter(message, recipient, _mailbox(connection.mail.default_sender))
        if letter.has_bad_headers():
            return Receipt(Status.REJECTED, detail="a line break in a header")
        receipt = Receipt(Status.ACCEPTED)
        if not connection.mail.suppress:
            receipt = self._transmitted(letter, recipient, connection.mail)
        if receipt.status is Status.ACCEPTED:
            _announce(letter, connection)
        return replace(receipt, provider_id=letter.msgId)

    def _transmitted(self, letter: flask_mail.Message, recipient: str, settings: flask_mail.Mail) -> Receipt:
        try:
            conversation = Conversation(
                settings.server,
                settings.port or 0,
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
            conversation.sendmail(str(letter.sender), recipient, letter.as_bytes())
        except OSError as error:
            return receipt_for(error, dot_sent=conversation.dot_sent)
        finally:
            conversation.leave()
        return Receipt(Status.ACCEPTED)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()


def _mailbox(sender: Any) -> str:
    """``MAIL_DEFAULT_SENDER``, text or a pair of name and address, as a header has it."""
    mailbox = flask_mail.sanitize_address(tuple(sender) if isinstance(sender, list) else sender or "")
    if "@" not in parseaddr(mailbox)[1]:
        raise ValueError("not an address to send from")
    return mailbox


def _letter(message: Message, recipient: str, sender: str) -> flask_mail.Message:
    letter = flask_mail.Message(
        subject=message.subject,
        recipients=[recipient],
        body=message.text,
        html=message.html,
        sender=sender,
        charset=cast(str, _UTF8),
        extra_headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no holiday notes in return
    )
    # Flask-Mail's own would tell the name of this machine.
    letter.msgId = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    return letter


def _announce(letter: flask_mail.Message, connection: flask_mail.Connection) -> None:
    """Have Flask-Mail send its signal. The connection was never opened, so nothing else goes out."""
    try:
        connection.send(letter)
    except Exception as error:  # noqa: BLE001 - a listener's mistake does not take the mail back
        _logger.warning("a listener of email_dispatched failed: %s", type(error).__name__)
