"""
``flashcall``: the code is the end of the number that calls (contract/flashcall.md).

An *application* calls the API; an *order* is one request to authenticate one phone by one
call; *number A* is the caller's number, whose last digits are the code.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.codes import IssueOptions, Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.flows.flashcall.bodies import NewOrder, OrderInBody, OrderInPath
from flask_otpauth.flows.flashcall.settings import PURPOSE, FlashcallSettings
from flask_otpauth.web.credentials import SecretHeader
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call, Flow, Phrase

flashcall = Flow(
    name="flashcall",
    settings=FlashcallSettings,
    credential=SecretHeader("flashcall", "X-Application-Token"),
    channels=lambda settings: ("flashcall",),
    scopes={"phone": (PURPOSE,)},
    faults={
        "required": Phrase("{field} is required"),
        "digits": Phrase("{field} must be {length} digits"),
        "invalid_code": Phrase("{field} must be {length} digits"),
        "phone": Phrase("{field} must be a phone number of {region}"),
        "uuid": Phrase("{field} must be a UUID"),
    },
    wording={
        errors.NotAuthenticated: Phrase("access denied"),
        errors.NotPermitted: Phrase("access denied"),
        errors.Limited: Phrase("too many requests"),
        errors.NotSent: Phrase("call could not be placed"),
        errors.OrderNotFound: Phrase("order not found"),
        errors.NotFound: Phrase("not found"),
        errors.SecretRefused: Phrase("invalid credentials"),
        errors.CodeRefused: Phrase("invalid code"),
        errors.CodeUsed: Phrase("order already used"),
        errors.CodeExpired: Phrase("order expired"),
        errors.CodeExhausted: Phrase("too many attempts"),
        errors.BadRequest: Phrase("invalid request"),
        errors.MethodNotAllowed: Phrase("method not allowed"),
        errors.ContentTooLarge: Phrase("content too large"),
        errors.UnsupportedMediaType: Phrase("unsupported media type"),
        errors.Unavailable: Phrase("service unavailable"),
        errors.Refusal: Phrase("internal server error"),
    },
)


_LOCKED = {errors.SubjectLocked: Phrase("too many attempts")}


@flashcall.post("/orders", NewOrder, rate_limit="send")
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
    terms = IssueOptions(
        code=code,
        is_known=body.code is not None or shows_code,
        references=(prefix, limits_key.hex()),
        cap=codes.daily_cap("application", application, settings.daily_cap),
    )
    draft = Draft(
        "flashcall", body.phone, purpose=PURPOSE, caller_number=Sensitive(prefix + code), reference=order_id
    )
    codes.send(policy, target, draft, terms)
    shown: dict[str, Any] = {"len": len(code)}
    if shows_code:
        shown["value"] = code
    cid = {"prefix": prefix, "mask": prefix + "*" * len(code)}
    return Success({"id": order_id, "cid": cid, "code": shown})


@flashcall.get(
    "/auth/<otpauth_rest:order_id>/<otpauth_rest:order_code>",
    OrderInPath,
    rate_limit="redeem",
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
    rate_limit="redeem",
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
