"""The request bodies of the flow ``flashcall``."""

from __future__ import annotations

import uuid
from typing import Annotated, ClassVar

from pydantic import PlainValidator

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.flows.flashcall.settings import FlashcallSettings
from flask_otpauth.web.body import Body, Code, Context, fault, text


def _phone(value: object, info: Context[FlashcallSettings]) -> str:
    """A phone as E.164: of Russia by the document's rule, of another region by its own lengths."""
    addresses, region = info.context.addresses, info.context.settings.region
    given = addresses.without_separators(value) if isinstance(value, str) else ""
    if region == "RU":
        given = _russian(given)
    try:
        return addresses.possible_phone(given, region)
    except ValueError:
        raise fault("phone", region=region) from None


def _russian(given: str) -> str:
    """``given`` with its plus sign. After one, 8 is no trunk prefix: +84 is Vietnam."""
    digits = given.removeprefix("+")
    if not is_digits(digits, 11) or digits[0] not in "78":
        raise fault("digits", length=11)
    # No country has the calling code 89, so that +8 9… can only be a Russian mobile number.
    international = given.startswith("+") and not given.startswith("+89")
    return given if international else f"+7{digits[1:]}"


def _uuid(value: object) -> str:
    try:
        parsed = str(uuid.UUID(text(value, "uuid")))
    except ValueError:
        raise fault("uuid") from None
    if parsed != str(value).lower():  # without braces, URN prefix or missing dashes
        raise fault("uuid")
    return parsed


class NewOrder(Body):
    """Whom to call, and perhaps with which code."""

    phone: Annotated[str, PlainValidator(_phone)]
    code: Code | None = None


class OrderInPath(Body):
    """An order and the code that its phone saw, as the document puts them: in the path."""

    verbatim: ClassVar = frozenset({"order_id", "order_code"})
    order_id: Annotated[str, PlainValidator(_uuid)]
    order_code: Code


class OrderInBody(Body):
    """The same in a body, which keeps the code out of URLs."""

    order_id: Annotated[str, PlainValidator(_uuid)]
    code: Code
