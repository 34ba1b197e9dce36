"""The request bodies of the flow ``flashcall``."""

from __future__ import annotations

import uuid
from typing import Annotated, ClassVar

from pydantic import PlainValidator

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.flows.flashcall.settings import FlashcallSettings
from flask_otpauth.web.body import Body, Code, Context, fault, text


def _phone(value: object, info: Context[FlashcallSettings]) -> str:
    """Return a phone number as E.164. The document has the rule for Russia."""
    addresses, region = info.context.addresses, info.context.settings.region
    given = addresses.without_separators(value) if isinstance(value, str) else ""
    if region == "RU":
        given = _russian(given)
    try:
        return addresses.possible_phone(given, region)
    except ValueError:
        raise fault("phone", region=region) from None


def _russian(given: str) -> str:
    """Return ``given`` with a plus sign. After a plus sign, 8 is not the trunk prefix: +84 is Vietnam."""
    digits = given.removeprefix("+")
    if not is_digits(digits, 11) or digits[0] not in "78":
        raise fault("digits", length=11)
    # No country has the calling code 89, so +89… can only be a Russian mobile number.
    international = given.startswith("+") and not given.startswith("+89")
    return given if international else f"+7{digits[1:]}"


def _uuid(value: object) -> str:
    try:
        parsed = str(uuid.UUID(text(value, "uuid")))
    except ValueError:
        raise fault("uuid") from None
    if parsed != str(value).lower():  # It has braces or a URN prefix, or lacks dashes.
        raise fault("uuid")
    return parsed


class NewOrder(Body):
    """The phone to call, and the code if the client chooses it."""

    phone: Annotated[str, PlainValidator(_phone)]
    code: Code | None = None


class OrderInPath(Body):
    """An order and its code in the path, as the document has them."""

    verbatim: ClassVar = frozenset({"order_id", "order_code"})
    order_id: Annotated[str, PlainValidator(_uuid)]
    order_code: Code


class OrderInBody(Body):
    """An order and its code in a body, so that the code is not in a URL."""

    order_id: Annotated[str, PlainValidator(_uuid)]
    code: Code
