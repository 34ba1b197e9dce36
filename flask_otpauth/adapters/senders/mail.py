"""
E-mail by the host's Flask-Mail settings, with deadlines, which Flask-Mail lacks.

The text of a mail (RFC 5322) is made here, in seven bits and short lines. Flask-Mail makes bodies
with eight bits and lines of any length, which some servers refuse (RFC 6152, RFC 5321
§4.5.3.1.6), and encodes the name of a sender twice.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from email.charset import QP, Charset
from email.header import Header
from email.message import Message as Part
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import formataddr, formatdate, make_msgid, parseaddr
from functools import cached_property
from types import NoneType
from typing import NamedTuple, Protocol

import flask_mail

from flask_otpauth.adapters.addresses import deliverable
from flask_otpauth.adapters.senders.smtp import Conversation, receipt_for
from flask_otpauth.core.record import frozen
from flask_otpauth.ports.senders import Message, Receipt, Status

_logger = logging.getLogger(__name__)
_LARGEST_PORT = 65_535
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP
#: A longer text, in characters, is made of encoded words, which can be folded anywhere.
_ONE_LINE = 60


class Mail(Protocol):
    """What is used of a Flask-Mail object, or of its state in ``app.extensions["mail"]``."""

    def connect(self) -> flask_mail.Connection:
        """Return a connection with the settings of the app. It is not opened."""


class MailSender:
    """
    Sends e-mail by the ``MAIL_*`` settings. It needs an app context.

    Unlike Flask-Mail itself, it has deadlines, never prints the conversation (``MAIL_DEBUG``), and
    checks the certificate of the server. For a private CA, give an SSL context as ``tls``. With
    ``MAIL_USE_TLS`` nothing is sent in the clear, even if the server does not offer TLS. The signal
    ``flask_mail.email_dispatched`` is sent for each accepted mail. With ``MAIL_SUPPRESS_SEND``, only
    the signal is sent. An address with a local part beyond ASCII is an ``invalid_recipient``,
    because Flask-Mail does not support SMTPUTF8.
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
    def problems(config: Mapping[str, object]) -> list[str]:
        """Return a sentence for each of the ``MAIL_*`` settings that cannot work."""
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
            if config.get(key) not in (True, False, None)  # the text "false" would count as true
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
        """Send ``message`` to the mail server, and return its receipt."""
        try:
            recipient = deliverable(message.recipient)
        except ValueError:
            return Receipt(Status.INVALID_RECIPIENT, detail="no address that SMTP takes")
        connection = self._mail.connect()
        sender = Mailbox.of(connection.mail.default_sender)
        try:
            mail = compose(message, recipient, sender)
        except ValueError:
            return Receipt(Status.REJECTED, detail="a line break in a header")
        receipt = Receipt(Status.ACCEPTED)
        if not connection.mail.suppress:
            receipt = self._transmit(mail, connection.mail)
        if receipt.status is Status.ACCEPTED:
            _announce(message, mail, connection)
        return replace(receipt, provider_id=mail.id)

    def _transmit(self, mail: Composed, settings: flask_mail.Mail) -> Receipt:
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
    """Return whether ``value`` is a name or an address. A single colon would begin a port."""
    named = r"[^\s/@:]+|\[?[0-9A-Fa-f.]*(:[0-9A-Fa-f.]*){2,}]?"
    return isinstance(value, str) and bool(re.fullmatch(named, value))


def _is_port(value: object) -> bool:
    """Return whether ``value`` is a port, perhaps as digits. ``None`` stands for the default port."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        value = int(value)
    return value is None or (type(value) is int and 0 < value <= _LARGEST_PORT)


def _announce(message: Message, mail: Composed, connection: flask_mail.Connection) -> None:
    """Have Flask-Mail send its signal. The connection is not open, so it sends nothing else."""
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
    except Exception as error:  # noqa: BLE001 - the mail is sent, whatever a listener raises
        _logger.warning("a listener of email_dispatched failed: %s", type(error).__name__)


class Mailbox(NamedTuple):
    """The sender of a mail: an address, and a name for people, which may be empty."""

    name: str
    address: str

    @classmethod
    def of(cls, sender: object) -> Mailbox:
        """
        Read ``MAIL_DEFAULT_SENDER``: a text, or a pair of name and address.

        :raises ValueError: if it has no address that SMTP takes.
        """
        pair = sender if isinstance(sender, Sequence) and not isinstance(sender, str) else None
        name, address = pair or parseaddr(sender if isinstance(sender, str) else "")
        if not isinstance(address, str) or len(str(name or "").splitlines()) > 1:
            raise ValueError("not an address to send from")
        return cls(str(name or ""), deliverable(address))


@frozen
class Composed:
    """A mail in its final form, and its SMTP envelope."""

    id: str
    sender: Mailbox
    recipient: str = field(repr=False)
    text: bytes = field(repr=False)


def compose(message: Message, recipient: str, sender: Mailbox) -> Composed:
    """
    Return the mail for ``message``.

    :raises ValueError: if the subject has a line break, after which another header could follow.
    """
    if len(message.subject.splitlines()) > 1:
        raise ValueError("a line break in a header")
    mail = _body(message)
    # By default the id would contain the name of this machine.
    message_id = make_msgid(domain=sender.address.rpartition("@")[2])
    headers = {
        "Subject": _words(message.subject, "Subject"),
        "From": _from(sender),
        "To": recipient,
        "Date": formatdate(),
        "Message-ID": message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834: no automatic replies
    }
    for name, value in headers.items():
        mail[name] = value
    text = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    return Composed(message_id, sender, recipient, text)


def _body(message: Message) -> Part:
    text = _part(message.text, "plain")
    if message.html is None:
        return text
    both = MIMEMultipart("alternative")
    both.attach(text)
    both.attach(_part(message.html, "html"))
    return both


def _part(text: str, subtype: str) -> Part:
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    part.set_payload(text, _UTF8)
    return part


def _from(sender: Mailbox) -> str:
    quoted = formataddr((sender.name, sender.address)) if sender.name.isascii() else ""
    if quoted and len(quoted) <= _ONE_LINE:
        return quoted
    if not sender.name:
        return sender.address
    words = Header(sender.name, _UTF8, header_name="From")
    words.append(f"<{sender.address}>", "us-ascii")
    return words.encode()


def _words(text: str, header: str) -> str:
    if text.isascii() and len(text) <= _ONE_LINE:
        return text
    return Header(text, _UTF8, header_name=header).encode()
