"""Read the body of a signed report, and compare signatures."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import product
from urllib.parse import parse_qsl

from flask_otpauth.ports.reports import ForgedReport

#: How far the time of a signature may be from ours (Standard Webhooks, "Verifying webhook authenticity").
TOLERANCE = timedelta(minutes=5)
#: The longest id and currency of a report. A longer text is none that we or the provider gave a message.
_LONGEST_ID = 255
#: No message costs a billion, or less than a billionth.
_LONGEST_PRICE = 40
_LARGEST_EXPONENT = 9
#: The form of a currency (ISO 4217).
_CURRENCY = re.compile("[A-Za-z]{3}")


def demand_signature(given: str | None, expected: Iterable[str]) -> None:
    """
    Compare a signature with those that are right, each in constant time.

    :raises ForgedReport: if it is none of them.
    """
    demand_one_of([given or ""], expected)


def demand_one_of(given: Iterable[str], expected: Iterable[str]) -> None:
    """
    Compare several signatures with those that are right, each in constant time.

    :raises ForgedReport: if none of them is right.
    """
    # Encoded, because compare_digest refuses texts with other characters than ASCII.
    pairs = product([each.strip().encode() for each in given], [each.encode() for each in expected])
    if not any([hmac.compare_digest(each, right) for each, right in pairs]):
        raise ForgedReport


def demand_recent(signed_at: object, now: datetime) -> None:
    """
    Check the time of a signature, in epoch seconds.

    :raises ForgedReport: if it is no time, or too far from ``now`` in either direction.
    """
    instant = instant_of(signed_at)
    if instant is None or abs(now - instant) > TOLERANCE:
        raise ForgedReport


def instant_of(seconds: object) -> datetime | None:
    """Return epoch seconds as a datetime; ``None`` if they are none."""
    try:
        return datetime.fromtimestamp(int(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def iso_instant(value: object) -> datetime | None:
    """Return a time in the form of ISO 8601 as an aware datetime; ``None`` if it is none."""
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return instant if instant.utcoffset() is not None else instant.replace(tzinfo=UTC)


def json_object(body: bytes) -> Mapping[str, object]:
    """Return the JSON object in a body; an empty one if there is none."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return an_object(value)


def an_object(value: object) -> Mapping[str, object]:
    """Return ``value`` if it is a JSON object, and an empty one if it is not."""
    return value if isinstance(value, dict) else {}


def a_list(value: object) -> list[object]:
    """Return ``value`` if it is a JSON list, and an empty one if it is not."""
    return value if isinstance(value, list) else []


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form (``application/x-www-form-urlencoded``), in the order of the body."""
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:  # other bytes than UTF-8, or too many fields
        return []


def an_id(value: object) -> str:
    """Return ``value`` if it can be the id of a message, and otherwise an empty text."""
    # A database refuses some characters that cannot be printed: half a pair of UTF-16, and NUL.
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID and value.isprintable() else ""


def price(amount: object, currency: object) -> tuple[Decimal | None, str]:
    """Return the price of a message and its currency, or ``(None, "")`` if they are not both there."""
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency) or isinstance(amount, bool):
        return None, ""
    text = str(amount)
    try:
        cost = Decimal(text).copy_abs()
    except InvalidOperation:
        return None, ""
    if not cost.is_finite() or len(text) > _LONGEST_PRICE or abs(cost.adjusted()) > _LARGEST_EXPONENT:
        return None, ""
    return cost, currency.upper()
