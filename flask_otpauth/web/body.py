"""
Request bodies: JSON that is read strictly, then parsed into typed fields (contract/index.md, "Requests").

A body is a pydantic model. It is parsed once, before the handler runs, and no field is checked again after
that. Each fault is a :class:`~flask_otpauth.core.errors.Fault` with a stable kind. The flow has the words
for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from io import BytesIO
from typing import Annotated, ClassVar, Generic, LiteralString, NoReturn, TypeAlias, TypeVar

from flask import Request
from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError, ValidationInfo, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.errors import ContentTooLarge, Fault, InvalidFields, MalformedRequest
from flask_otpauth.core.record import frozen, record
from flask_otpauth.core.sensitive import Sensitive, SensitiveBytes
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.settings import FlowSettings

#: The longest body of a request to a flow.
MAX_BODY_BYTES = 16 * 1024
MAX_JSON_DEPTH = 32
MAX_INTEGER_DIGITS = 20
#: The longest text that a field may have, in characters.
MAX_TEXT = 4096

SettingsT = TypeVar("SettingsT", bound=FlowSettings)
SettingsT_co = TypeVar("SettingsT_co", bound=FlowSettings, covariant=True)
BodyT = TypeVar("BodyT", bound="Body")


# -- reading -----------------------------------------------------------------------------------


def read_body(request: Request) -> SensitiveBytes:
    """
    Return the body.

    :raises ContentTooLarge: if it has more than ``MAX_BODY_BYTES``.
    :raises RequestEntityTooLarge: if the host allows less (``MAX_CONTENT_LENGTH``).
    :raises ClientDisconnected: if the body ends too early.
    """
    size = _announced(request)
    if size is None:
        # One byte more than allowed, because Werkzeug cuts a body there without an error if nobody said how
        # long it is.
        request.max_content_length = MAX_BODY_BYTES + 1
    elif "stream" not in vars(request) and _allows(request, size):
        return _read(request, size)
    # The length is checked again, because a hook of the host may have read the body before.
    body = SensitiveBytes(request.get_data())
    if len(body) > MAX_BODY_BYTES:
        raise ContentTooLarge
    return body


def _allows(request: Request, size: int) -> bool:
    """Return whether the host allows a body of this size (``MAX_CONTENT_LENGTH``)."""
    limit = request.max_content_length
    return limit is None or size <= limit


def _announced(request: Request) -> int | None:
    """Return how long the request says that its body is, or ``None`` if it is too long or does not say it."""
    length = request.environ.get("CONTENT_LENGTH") or ""
    is_number = len(length) < 6 and length.isascii() and length.isdigit()
    if not is_number or "HTTP_TRANSFER_ENCODING" in request.environ:
        return None
    size = int(length)
    return size if size <= MAX_BODY_BYTES else None


def _read(request: Request, size: int) -> SensitiveBytes:
    """
    Read a body that nobody has read.

    Werkzeug's stream finds the end of any body, which takes ten times as long. What was read takes its place,
    so that the hooks of the host can read the body after this.
    """
    source = request.environ["wsgi.input"]
    try:
        body = SensitiveBytes(source.read(size))
    except (OSError, ValueError):
        raise ClientDisconnected from None
    if len(body) < size:
        body = SensitiveBytes(body + LimitedStream(source, size - len(body)).read())
    request.stream = BytesIO(body)
    return body


def read_object(data: bytes) -> dict[str, object]:
    """
    Return the JSON object in ``data``. An empty body counts as ``{}``.

    What two parsers could read in two ways is refused (RFC 8259): a repeated key, ``NaN`` and ``Infinity``,
    lone surrogates, byte-order marks, and more than 32 levels.

    :raises MalformedRequest: if ``data`` is not one JSON object in UTF-8.
    """
    if not data:
        return {}
    try:
        value = _DECODER.decode(Sensitive(data, "utf-8"))
    except (ValueError, RecursionError):
        raise MalformedRequest from None
    if not isinstance(value, dict):
        raise MalformedRequest
    wrapped = _wrap_object(value, MAX_JSON_DEPTH)
    # UTF-8 has no lone surrogate. Only an escape can make one. (``in`` would try to read a number first.)
    if data.find(b"\\u") != -1:
        _demand_encodable(wrapped)
    return wrapped


class OverlongInteger:
    """An integer with too many digits. It is of no JSON type, so every field refuses it."""


def _integer(digits: str) -> int | OverlongInteger:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else OverlongInteger()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)


def _wrap(value: object, depth_left: int) -> object:
    """
    Return ``value`` with each text wrapped as :class:`Sensitive`, because any of them may be a secret.

    :raises MalformedRequest: if it is nested too deeply.
    """
    if isinstance(value, str):
        return Sensitive(value)
    if isinstance(value, (dict, list)) and depth_left == 0:
        raise MalformedRequest
    if isinstance(value, list):
        return [_wrap(item, depth_left - 1) for item in value]
    return _wrap_object(value, depth_left) if isinstance(value, dict) else value


def _wrap_object(value: dict[str, object], depth_left: int) -> dict[str, object]:
    return {name: _wrap(item, depth_left - 1) for name, item in value.items()}


def _demand_encodable(value: object) -> None:
    """:raises MalformedRequest: if UTF-8 cannot encode a text in ``value`` (a lone surrogate)."""
    try:
        for text in _texts(value):
            text.encode()
    except UnicodeEncodeError:
        raise MalformedRequest from None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)


# -- parsing -----------------------------------------------------------------------------------


@frozen
class ParseContext(Generic[SettingsT_co]):
    """What the fields of a body need: the settings of the flow, and what reads addresses."""

    settings: SettingsT_co
    addresses: Addresses


class Body(BaseModel):
    """
    The base of all request bodies.

    Unknown fields are ignored. ``null`` counts as missing, and so does a blank string, except in the fields
    that ``verbatim`` names. The ``repr`` shows no values, because they are secrets or addresses.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, defer_build=True)
    #: The fields in which every character counts, such as passwords.
    verbatim: ClassVar[frozenset[str]] = frozenset()

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        return iter(())

    @model_validator(mode="before")
    @classmethod
    def _drop_what_counts_as_missing(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        return {
            name: value
            for name, value in raw.items()
            if value is not None and (name in cls.verbatim or not _is_blank(value))
        }


@record
class Address:
    """An e-mail address of a request."""

    #: As the client sent it, without surrounding blanks.
    given: str = field(repr=False)
    #: The form that all its spellings have in common.
    canonical: str = field(repr=False)


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def parse(body: type[BodyT], raw: Mapping[str, object], context: ParseContext[FlowSettings]) -> BodyT:
    """
    Return ``raw`` as a ``body``.

    :raises InvalidFields: if a field is missing or wrong, with a fault for each of them.
    :raises MalformedRequest: if a field is of a type that it can never have.
    """
    try:
        return body.model_validate(raw, context=context)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
    faults = [_fault(each) for each in found]
    if any(fault.kind == "malformed" for fault in faults):
        raise MalformedRequest
    raise InvalidFields(*faults)


def _fault(error: ErrorDetails) -> Fault:
    kind = {"missing": "required"}.get(error["type"], error["type"])
    path = ".".join(str(part) for part in error["loc"] if isinstance(part, str))
    return Fault(path, kind, {key: value for key, value in error.get("ctx", {}).items() if key != "error"})


def fault(kind: LiteralString, **evidence: object) -> PydanticCustomError:
    """Return a fault of that kind, for the validator of a field to raise."""
    return PydanticCustomError(kind, kind, evidence)


def text(value: object, kind: LiteralString, **evidence: object) -> str:
    """
    Return ``value`` if it is a string that is not too long and has no NUL.

    :raises PydanticCustomError: if it is not: a fault of that kind.
    """
    if not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
        raise fault(kind, **evidence)
    return value


# Quoted: pydantic before 2.12 cannot index the class when the module is loaded.
Context: TypeAlias = "ValidationInfo[ParseContext[SettingsT]]"


def _email(value: object, info: Context[FlowSettings]) -> Address:
    given = text(value, "invalid_email").strip()
    try:
        return Address(given, info.context.addresses.email(given))
    except ValueError:
        raise fault("invalid_email") from None


def _phone(value: object, info: Context[FlowSettings]) -> str:
    # A national number is read in the region of the flow's settings, if they have one.
    region = getattr(info.context.settings, "region", None)
    try:
        return info.context.addresses.phone(text(value, "phone"), region)
    except ValueError:
        raise fault("phone") from None


def _code(value: object, info: Context[FlowSettings]) -> str:
    length = info.context.settings.code_length
    if not isinstance(value, str) or not is_digits(value, length):
        raise fault("invalid_code", length=length)
    return Sensitive(value)


def _token(value: object, info: Context[FlowSettings]) -> str:
    return Sensitive(text(value, "invalid_token").strip())


def _name(value: object, info: Context[FlowSettings]) -> str:
    return Sensitive(text(value, "not_a_string").strip())


def _locale(value: object, info: Context[FlowSettings]) -> str:
    return text(value, "malformed")


#: Any JSON value, for fields that the handler checks.
Anything = object
#: An e-mail address, as it was sent and in canonical form.
EmailAddress = Annotated[Address, PlainValidator(_email)]
#: A phone number in canonical form (E.164).
PhoneNumber = Annotated[str, PlainValidator(_phone)]
#: A code with the number of digits that the settings of the flow have.
Code = Annotated[str, PlainValidator(_code)]
#: A token, which may be malformed.
OpaqueToken = Annotated[str, PlainValidator(_token)]
#: A text that logs do not show.
Name = Annotated[str, PlainValidator(_name)]
#: A language, in any spelling.
Locale = Annotated[str, PlainValidator(_locale)]
