"""What an answer of a provider means: success, an error that is known, or nothing that is clear."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from flask_otpauth.core.record import frozen
from flask_otpauth.ports.senders import Receipt, Status

if TYPE_CHECKING:
    from flask_otpauth.adapters.senders.http.network import Answer

#: In the place of a path: the HTTP status, and the whole answer as a text.
HTTP = "http"
TEXT = "$"
_LONGEST_ID = 255
#: What an id can have. A database refuses some other characters, and a log must have one line for each entry.
_ID = re.compile("[ -~]*")
#: A cost. The exponent is limited, because a number beyond the range of ``Decimal`` cannot be computed with.
_COST = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,30})?(?:[eE]-?[0-9]{1,2})?")
_CURRENCY = re.compile("[A-Z]{3}")
#: A value that is shown in the log: a word or a short number, but no sentence and no address.
_SHOWN = re.compile("[A-Za-z][A-Za-z_-]{0,39}|-?[0-9]{1,7}")
#: What a status means that a declaration does not mention.
_STATUSES: Mapping[int, Status] = {
    401: Status.AUTH_ERROR,
    403: Status.AUTH_ERROR,
    407: Status.AUTH_ERROR,
    408: Status.UNAVAILABLE,  # the server did not get the whole request (RFC 9110 §15.5.9)
    429: Status.RATE_LIMITED,
    # The answer to an act that was done is elsewhere (RFC 9110 §15.4.4). Other redirects did nothing.
    303: Status.TIMEOUT,
    501: Status.UNAVAILABLE,
    503: Status.UNAVAILABLE,
    505: Status.UNAVAILABLE,
}
_CLASSES: Mapping[int, Status] = {3: Status.UNAVAILABLE, 4: Status.REJECTED}


class Facts:
    """An answer, in which values are found by their paths. The log does not show ``code``."""

    def __init__(self, answer: Answer, code: str) -> None:
        self.http = answer.status
        self._code = code
        self._text = answer.body.decode(errors="replace") if answer.is_whole else ""
        self._document = _parsed(self._text)

    def find(self, path: str) -> str | None:
        """Return the value at ``path`` as a text. ``None``: there is none, or it has parts."""
        if path == HTTP:
            return str(self.http)
        if path == TEXT:
            return self._text.strip()
        value = self._document
        for step in path.split("."):
            value = _step(value, step)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, (str, int, Decimal)) else None

    def detail(self, path: str) -> str:
        """Return a text for the log that shows the value at ``path``, if it can hold no secret."""
        value = self.find(path)
        if path == HTTP:
            return f"HTTP {self.http}"
        if value is None:
            return f"HTTP {self.http}, no {path}"
        is_shown = _SHOWN.fullmatch(value) and value != self._code
        return f"HTTP {self.http}, {path}={value if is_shown else '…'}"


def _parsed(text: str) -> object:
    try:
        found: object = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return found


def _step(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None


@frozen
class Judge:
    """What the answers of one provider mean. Paths are like ``messages.0.status``."""

    #: The values that all must match, by path.
    success: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: The status for each value, by path. The first that matches counts.
    errors: Mapping[str, Mapping[str, Status]] = field(default_factory=dict)
    message_id: str = ""
    cost: str = ""
    #: A path, or a currency itself.
    currency: str = ""

    def receipt(self, answer: Answer, code: str) -> Receipt:
        """
        Return what ``answer`` to a message with ``code`` means.

        An error that the provider names counts, whatever the HTTP status.
        """
        facts = Facts(answer, code)
        for path in self.errors:
            status = self._error(facts, path)
            if status is not None and path != HTTP:
                return Receipt(status, detail=facts.detail(path))
        for path in (HTTP, *self.success):
            value = facts.find(path)
            if not _matches(value, self.success.get(path, ["2*"])):
                return self._failure(facts, path, value)
        return self._accepted(facts)

    def _error(self, facts: Facts, path: str) -> Status | None:
        value, known = facts.find(path), self.errors.get(path, {})
        return next((known[each] for each in known if _matches(value, [each])), None)

    def _failure(self, facts: Facts, path: str, value: str | None) -> Receipt:
        """Return the receipt for an answer whose value at ``path`` is not that of success."""
        if path != HTTP:  # another value is a refusal, and none is no clear answer
            status = Status.TIMEOUT if value is None or path == TEXT else Status.REJECTED
            return Receipt(status, detail=facts.detail(path))
        status = self._error(facts, HTTP) or _usual(facts.http)
        shown = next((path for path in self.errors if path not in (HTTP, TEXT) and facts.find(path)), HTTP)
        return Receipt(status, detail=facts.detail(shown))

    def _accepted(self, facts: Facts) -> Receipt:
        currency = self.currency
        if not _CURRENCY.fullmatch(currency):
            currency = facts.find(currency) or ""
        cost = _decimal(facts.find(self.cost))
        if cost is None or not _CURRENCY.fullmatch(currency):
            currency = ""
        return Receipt(
            Status.ACCEPTED,
            provider_id=_id(facts.find(self.message_id) or ""),
            cost=cost,
            currency=currency,
        )


def _matches(value: str | None, patterns: Sequence[str]) -> bool:
    return value is not None and any(fnmatchcase(value, each) for each in patterns)


def _usual(http: int) -> Status:
    """Return what a status means. After an error of the server, the message may still be sent."""
    return _STATUSES.get(http) or _CLASSES.get(http // 100, Status.TIMEOUT)


def _id(text: str) -> str:
    return text[:_LONGEST_ID] if _ID.fullmatch(text) else ""


def _decimal(text: str | None) -> Decimal | None:
    # Some providers show what they take from the account, as a negative number.
    return abs(Decimal(text)) if text and _COST.fullmatch(text) else None
