"""
``flashcall``: the code is the end of the number that calls (contract/flashcall.md).

An *application* calls the API; an *order* is one request to authenticate one phone by one
call; *number A* is the caller's number, whose last digits are the code.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, StrictBool

from flask_otpauth.core import errors
from flask_otpauth.core.codes import is_digits
from flask_otpauth.core.limits import DAY, Quota
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.codes import Target, Terms
from flask_otpauth.engine.post import Letter
from flask_otpauth.envelopes.base import Success
from flask_otpauth.flows.base import Call, Flow, Says
from flask_otpauth.flows.credentials import SecretHeader
from flask_otpauth.flows.fields import Body, Code, Context, fault, text
from flask_otpauth.settings import (
    CodeLength,
    Count,
    FlowSettings,
    LargeCount,
    Quotas,
    QuotaText,
    Region,
    Shared,
    UrlPath,
    Words,
)

PURPOSE = "flashcall"


class FlashcallSettings(FlowSettings):
    """The keys of the flash call flow."""

    hardened: ClassVar = {"failure_cap": 100, "echo_code": False, "auth_post": True, "auth_get": False}

    url_prefix: UrlPath = Field("/v1", description="Where the flow's paths begin.")
    envelope: Any = Field("flashcall", description="The wire format.")
    code_length: CodeLength = Field(4, description="Digits of a code.")
    max_guesses: Count = Field(3, description="Wrong guesses that kill an order.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 10 minutes"), Quota.parse("10 per day")),
        description="How many orders a phone gets, over all applications.",
    )
    guess_budget: QuotaText = Field(
        Quota(6, DAY), description="Wrong guesses of a phone over all its orders; then it is locked."
    )
    prefixes: Words = Field(("7487260",), description="Beginnings of number A; the code is its end.")
    region: Region = Field("RU", description="Region of the phones that are called.")
    daily_cap: LargeCount | None = Field(
        None, description="Orders of one application in a UTC day; `None`: no cap."
    )
    echo_code: StrictBool = Field(True, description="Whether `code.value` is ever shown, as documented.")
    auth_get: StrictBool = Field(True, description="Whether `GET /auth/{order_id}/{order_code}` redeems.")
    auth_post: StrictBool = Field(False, description="Whether `POST /auth` redeems as well.")
    mask_logs: StrictBool = Field(
        True, description="Whether the code is masked in the paths that werkzeug and gunicorn log."
    )

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if not self.prefixes or not all(is_digits(prefix, 1, 14) for prefix in self.prefixes):
            found.append("PREFIXES: give at least one string of digits")
        if not (self.auth_get or self.auth_post):
            found.append("AUTH_POST: with AUTH_GET off as well, no order could be redeemed")
        return found


flashcall = Flow(
    name="flashcall",
    settings=FlashcallSettings,
    credential=SecretHeader("flashcall", "X-Application-Token"),
    channels=lambda settings: ("flashcall",),
    scopes={"phone": (PURPOSE,)},
    faults={
        "required": Says("{field} is required"),
        "digits": Says("{field} must be {length} digits"),
        "invalid_code": Says("{field} must be {length} digits"),
        "phone": Says("{field} must be a phone number of {region}"),
        "uuid": Says("{field} must be a UUID"),
    },
    wording={
        errors.NotAuthenticated: Says("access denied"),
        errors.NotPermitted: Says("access denied"),
        errors.Limited: Says("too many requests"),
        errors.NotSent: Says("call could not be placed"),
        errors.OrderNotFound: Says("order not found"),
        errors.NotFound: Says("not found"),
        errors.SecretRefused: Says("invalid credentials"),
        errors.CodeRefused: Says("invalid code"),
        errors.CodeUsed: Says("order already used"),
        errors.CodeExpired: Says("order expired"),
        errors.CodeExhausted: Says("too many attempts"),
        errors.BadRequest: Says("invalid request"),
        errors.MethodNotAllowed: Says("method not allowed"),
        errors.ContentTooLarge: Says("content too large"),
        errors.UnsupportedMediaType: Says("unsupported media type"),
        errors.Unavailable: Says("service unavailable"),
        errors.Refusal: Says("internal server error"),
    },
)


def _phone(value: object, info: Context) -> str:
    """A phone as E.164: of Russia by the document's rule, of another region by its own lengths."""
    addresses, region = info.context.addresses, info.context.settings.region
    given = addresses.unspaced(value) if isinstance(value, str) else ""
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


_LOCKED = {errors.SubjectLocked: Says("too many attempts")}


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


@flashcall.post("/orders", NewOrder, front="send")
def create_order(call: Call, body: NewOrder) -> Success:
    """Place a call; its number's end is the code."""
    settings, codes, application = call.settings, call.services.codes, _application(call)
    order_id = str(uuid.uuid4())
    policy = _policy(call)
    target = Target(PURPOSE, order_id, application, counted_as=body.phone)
    limits_key = codes.limits_key(policy, target)
    prefix = _prefix(settings.prefixes, call.services.storage.challenges.reference(limits_key))
    code = body.code or codes.draw(policy)
    shows_code = settings.echo_code and (body.code is not None or _wants_code(call))
    terms = Terms(
        code=code,
        is_known=body.code is not None or shows_code,
        references=(prefix, limits_key.hex()),
        cap=codes.daily_cap("application", application, settings.daily_cap),
    )
    letter = Letter(
        "flashcall", body.phone, purpose=PURPOSE, caller_number=Sensitive(prefix + code), reference=order_id
    )
    codes.send(policy, target, letter, terms)
    shown: dict[str, Any] = {"len": len(code)}
    if shows_code:
        shown["value"] = code
    cid = {"prefix": prefix, "mask": prefix + "*" * len(code)}
    return Success({"id": order_id, "cid": cid, "code": shown})


@flashcall.get(
    "/auth/<otpauth_rest:order_id>/<otpauth_rest:order_code>",
    OrderInPath,
    front="redeem",
    name="auth",
    wording=_LOCKED,
    allowed=lambda settings: settings.auth_get,
)
def authenticate(call: Call, body: OrderInPath) -> Success:
    """Redeem an order, as documented."""
    return _redeem(call, body.order_id, body.order_code)


@flashcall.post(
    "/auth",
    OrderInBody,
    front="redeem",
    name="auth-post",
    wording=_LOCKED,
    enabled=lambda settings, services: settings.auth_post,
)
def authenticate_by_body(call: Call, body: OrderInBody) -> Success:
    """Redeem an order without a code in the URL."""
    return _redeem(call, body.order_id, body.code)


def _redeem(call: Call, order_id: str, code: str) -> Success:
    codes, target = call.services.codes, Target(PURPOSE, order_id, _application(call))
    limits_key = call.services.storage.challenges.reference(codes.challenge_key(target))
    if not limits_key:
        raise errors.OrderNotFound
    try:
        codes.redeem(_policy(call), target.counting(bytes.fromhex(limits_key)), code)
    except errors.CodeWrong as wrong:
        if wrong.reason == "none":  # its call could not be placed
            raise errors.OrderNotFound from None
        raise
    return Success({"success": True})


def _policy(call: Call) -> Policy:
    policy: Policy = call.settings.policy(PURPOSE, tells_state=True)
    return policy


def _application(call: Call) -> str:
    return call.client.id if call.client else ""


def _wants_code(call: Call) -> bool:
    fields = call.query.get("fields", "")
    return "code.value" in [field.strip() for field in fields.split(",")]


def _prefix(prefixes: tuple[str, ...], last: str | None) -> str:
    """One of the prefixes that this phone has not been called from most recently."""
    return secrets.choice([prefix for prefix in prefixes if prefix != last] or prefixes)
