"""The words of the flow ``flashcall``."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.messages import Messages, Phrase

MESSAGES = Messages(
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
        errors.IdempotencyKeyInvalid: Phrase("Idempotency-Key is not valid"),
        errors.IdempotencyKeyNotAccepted: Phrase("Idempotency-Key is not accepted"),
        errors.IdempotencyKeyReused: Phrase("Idempotency-Key was used for another request"),
        errors.IdempotencyKeyInUse: Phrase("the first request is still being processed"),
        errors.UnsupportedMediaType: Phrase("unsupported media type"),
        errors.Unavailable: Phrase("service unavailable"),
        errors.Refusal: Phrase("internal server error"),
    },
    faults={
        "required": Phrase("{field} is required"),
        "digits": Phrase("{field} must be {length} digits"),
        "invalid_code": Phrase("{field} must be {length} digits"),
        "phone": Phrase("{field} must be a phone number of {region}"),
        "uuid": Phrase("{field} must be a UUID"),
    },
)

#: For the paths that redeem an order.
REDEEMING = Messages({errors.SubjectLocked: Phrase("too many attempts")})
