"""
SIP messages, as bytes and as values (RFC 3261 §7 and §25).

Nothing here sends or waits. Whatever a peer sends is either understood or ``Malformed``.
"""

from __future__ import annotations

import re
from dataclasses import field

from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import SensitiveBytes

#: The longest message that is read. No UDP datagram is longer.
LONGEST_MESSAGE = 65_535
_MOST_HEADERS = 200
#: Reading a line takes time that grows with the square of its length, if it is made for that.
_LONGEST_LINE = 4096
_VERSION = "SIP/2.0"
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+) (\S+) SIP/2\.0", re.IGNORECASE)
_CONTENT_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
#: What separates the values of one header: a comma that is not in quotes or angle brackets.
_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+')
_PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?')
_BRACKETS = re.compile(r"<([^>]*)>")
#: RFC 3261 §7.3.3.
_COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "t": "to",
    "v": "via",
}
#: Without these, a message belongs to no transaction (§8.1.1).
_REQUIRED = ("via", "from", "to", "call-id", "cseq")

#: Names and values, in the order in which they are sent.
Headers = tuple[tuple[str, str], ...]


class Malformed(ValueError):
    """Bytes that are not a SIP message."""


@frozen
class _Message:
    """What requests and responses have in common. The headers of a flash call contain its code."""

    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def every(self, name: str) -> list[str]:
        """Return all values of a header that may have several, in order (§7.3.1)."""
        lines = [value for key, value in self.headers if key.lower() == name.lower()]
        return [item.strip() for line in lines for item in _ITEM.findall(line) if item.strip()]

    @property
    def branch(self) -> str:
        """The branch of the topmost Via, which names the transaction (§17.1.3)."""
        return next((parameter(via, "branch") for via in self.every("Via")), "")

    @property
    def call_id(self) -> str:
        """The name of the call."""
        return self.header("Call-ID")

    @property
    def sequence(self) -> tuple[int, str]:
        """The number and the method of CSeq."""
        number, method = self.header("CSeq").split(maxsplit=1)
        return int(number), method

    def _encode(self, start: str) -> SensitiveBytes:
        length = ("Content-Length", str(len(self.body)))
        lines = [start, *(f"{name}: {value}" for name, value in (*self.headers, length))]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a SIP header")
        return SensitiveBytes("\r\n".join([*lines, "", ""]).encode() + self.body)


@frozen
class Request(_Message):
    """A request. Its ``repr`` shows the method only."""

    method: str = ""
    uri: str = field(default="", repr=False)

    def encode(self) -> SensitiveBytes:
        """
        Return the bytes to send.

        :raises ValueError: if a header contains a line break.
        """
        return self._encode(f"{self.method} {self.uri} {_VERSION}")


@frozen
class Response(_Message):
    """A response. Its ``repr`` shows the status code only."""

    status: int = 0
    reason: str = field(default="", repr=False)

    def encode(self) -> SensitiveBytes:
        """
        Return the bytes to send.

        :raises ValueError: if a header contains a line break.
        """
        return self._encode(f"{_VERSION} {self.status} {self.reason}")


def parse(data: bytes) -> Request | Response:
    """
    Return the message in ``data``. Bytes after the body are ignored (§18.3).

    :raises Malformed: if it is none, or lacks a header that every message has.
    """
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator or len(data) > LONGEST_MESSAGE:
        raise Malformed("no end of the headers")
    try:
        start, *lines = re.sub(r"\r\n[ \t]+", " ", head.decode()).split("\r\n")
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    headers = _headers(lines)
    body = rest[: _body_length(headers, len(rest))]
    status, request = _STATUS_LINE.fullmatch(start), _REQUEST_LINE.fullmatch(start)
    message: Request | Response
    if status:
        message = Response(headers, body, int(status[1]), status[2] or "")
    elif request:
        message = Request(headers, body, request[1], request[2])
    else:
        raise Malformed("no start line")
    return _checked(message)


def _headers(lines: list[str]) -> Headers:
    if len(lines) > _MOST_HEADERS or max(map(len, lines), default=0) > _LONGEST_LINE:
        raise Malformed("too many headers, or too long ones")
    found = []
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not _TOKEN.fullmatch(name) or "\r" in value or "\n" in value:
            raise Malformed("not a header")
        found.append((_COMPACT.get(name, name), value.strip()))
    return tuple(found)


def _body_length(headers: Headers, available: int) -> int:
    given = next((value for name, value in headers if name == "content-length"), str(available))
    if not (given.isascii() and given.isdigit() and len(given) < 10) or int(given) > available:
        raise Malformed("the body does not have its length")
    return int(given)


def _checked(message: Request | Response) -> Request | Response:
    if not all(message.header(name) for name in _REQUIRED):
        raise Malformed("a required header is missing")
    if not re.fullmatch(r"[0-9]{1,10}\s+\S+", message.header("cseq"), re.ASCII):
        raise Malformed("not a CSeq")
    return message


def parameter(value: str, name: str) -> str:
    """Return a parameter of a header, such as ``tag``, or an empty text. Those of its URI do not count."""
    outside = _BRACKETS.sub("", re.sub(r'^\s*"(?:[^"\\]|\\.)*"', "", value))
    found = {key.lower(): given for key, given in _PARAMETER.findall(outside)}
    return str(found.get(name, "")).strip('"')


def uri_in(value: str) -> str:
    """Return the URI of a From, To, Contact or Route."""
    bracketed = _BRACKETS.search(value)
    return bracketed[1] if bracketed else value.partition(";")[0].strip()


class Stream:
    """The messages in the bytes of a connection (§18.3)."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what was received."""
        self._unread += data

    def next(self) -> bytes | None:
        """
        Return the next complete message, or ``None`` if more bytes are needed.

        :raises Malformed: if no message can follow: the length of one is missing or too large.
        """
        # Line breaks before a message keep the connection alive (RFC 5626 §3.5.1).
        while self._unread[:2] == b"\r\n":
            del self._unread[:2]
        end = self._unread.find(b"\r\n\r\n")
        if end < 0:
            if len(self._unread) > LONGEST_MESSAGE:
                raise Malformed("no end of the headers")
            return None
        length = _CONTENT_LENGTH.search(self._unread, 0, end)
        if length is None:
            raise Malformed("no length")
        whole = end + 4 + int(length[1])
        if whole > LONGEST_MESSAGE:
            raise Malformed("too long")
        if len(self._unread) < whole:
            return None
        message = bytes(self._unread[:whole])
        del self._unread[:whole]
        return message
