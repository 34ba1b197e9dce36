"""
A message as the text of an e-mail (RFC 5322), in seven bits and short lines.

Flask-Mail makes bodies with eight bits and lines of any length, which some servers refuse
(RFC 6152, RFC 5321 §4.5.3.1.6), and encodes a sender's name twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.charset import QP, Charset
from email.header import Header
from email.message import Message as Part
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr, formatdate, make_msgid, parseaddr
from typing import Any, NamedTuple

from flask_otpauth.adapters.addresses import deliverable
from flask_otpauth.ports.senders import Message

_UTF8: Any = Charset("utf-8")
_UTF8.body_encoding = QP
#: A longer text, in characters, is encoded in words, which can be folded anywhere.
_ONE_LINE = 60


class Mailbox(NamedTuple):
    """The sender of a mail: a name for people, which may be empty, and an address for machines."""

    name: str
    address: str

    @classmethod
    def of(cls, sender: Any) -> Mailbox:
        """
        From ``MAIL_DEFAULT_SENDER``: a text, or a pair of name and address.

        :raises ValueError: if it has no address that SMTP takes.
        """
        pair = sender if isinstance(sender, Sequence) and not isinstance(sender, str) else None
        name, address = pair or parseaddr(sender if isinstance(sender, str) else "")
        if not isinstance(address, str) or len(str(name or "").splitlines()) > 1:
            raise ValueError("not an address to send from")
        return cls(str(name or ""), deliverable(address))


@dataclass(frozen=True)
class Composed:
    """A mail as it is sent, and its SMTP envelope."""

    id: str
    sender: Mailbox
    recipient: str = field(repr=False)
    text: bytes = field(repr=False)


def composed(message: Message, recipient: str, sender: Mailbox) -> Composed:
    """
    The mail for ``message``.

    :raises ValueError: if the subject has a line break, after which somebody could add a header.
    """
    if len(message.subject.splitlines()) > 1:
        raise ValueError("a line break in a header")
    mail = _body(message)
    # The default would show the name of this machine.
    message_id = make_msgid(domain=sender.address.rpartition("@")[2])
    headers: dict[str, Any] = {
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
    text = MIMEText(message.text, "plain", _UTF8)
    if message.html is None:
        return text
    both = MIMEMultipart("alternative")
    both.attach(text)
    both.attach(MIMEText(message.html, "html", _UTF8))
    return both


def _from(sender: Mailbox) -> Header | str:
    quoted = formataddr((sender.name, sender.address)) if sender.name.isascii() else ""
    if quoted and len(quoted) <= _ONE_LINE:
        return quoted
    if not sender.name:
        return sender.address
    words = Header(sender.name, _UTF8, header_name="From")
    words.append(f"<{sender.address}>", "us-ascii")
    return words


def _words(text: str, header: str) -> Header | str:
    return text if text.isascii() and len(text) <= _ONE_LINE else Header(text, _UTF8, header_name=header)
