"""The operations of the flow ``flashcall``."""

from __future__ import annotations

from typing import TypeAlias

from flask_otpauth.engine.orders import Orders
from flask_otpauth.flows.flashcall.bodies import NewOrder, OrderInBody, OrderInPath
from flask_otpauth.flows.flashcall.flow import flashcall
from flask_otpauth.flows.flashcall.messages import REDEEMING
from flask_otpauth.flows.flashcall.settings import FlashcallSettings
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call

FlashcallCall: TypeAlias = Call[FlashcallSettings, Orders]


@flashcall.post("/orders", NewOrder, rate_limit="send", shows_code=lambda settings: settings.echo_code)
def create_order(call: FlashcallCall, body: NewOrder) -> Success:
    """Place a call from a number that ends with the code."""
    is_shown = call.settings.echo_code and (body.code is not None or _wants_code(call))
    order = call.use_case.create(call.client.id, body.phone, body.code, is_shown=is_shown)
    shown: dict[str, object] = {"len": len(order.code)}
    if is_shown:
        shown["value"] = order.code
    cid = {"prefix": order.prefix, "mask": order.prefix + "*" * len(order.code)}
    return Success({"id": order.id, "cid": cid, "code": shown})


@flashcall.get(
    "/auth/<otpauth_rest:order_id>/<otpauth_rest:order_code>",
    OrderInPath,
    rate_limit="redeem",
    name="auth",
    messages=REDEEMING,
    allowed=lambda settings: settings.auth_get,
)
def authenticate(call: FlashcallCall, body: OrderInPath) -> Success:
    """Redeem an order with the code in the URL, as documented."""
    call.use_case.redeem(call.client.id, body.order_id, body.order_code)
    return Success({"success": True})


@flashcall.post(
    "/auth",
    OrderInBody,
    rate_limit="redeem",
    name="auth-post",
    messages=REDEEMING,
    enabled=lambda settings, orders: settings.auth_post,
)
def authenticate_by_body(call: FlashcallCall, body: OrderInBody) -> Success:
    """Redeem an order with the code in the body."""
    call.use_case.redeem(call.client.id, body.order_id, body.code)
    return Success({"success": True})


def _wants_code(call: FlashcallCall) -> bool:
    fields = call.query.get("fields", "")
    return "code.value" in [field.strip() for field in fields.split(",")]
