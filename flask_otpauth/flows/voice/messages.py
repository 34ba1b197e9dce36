"""The words of the flow ``voice``."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.messages import Messages, Phrase

MESSAGES = Messages(
    wording={
        errors.NotAuthenticated: Phrase("invalid access token"),
        errors.ClientBlocked: Phrase("client is blocked"),
        errors.ClientNotAllowed: Phrase("client may not use this service"),
        errors.UserMismatch: Phrase("userid does not match the access token"),
        errors.NotPermitted: Phrase("access denied"),
        errors.CampaignNotFound: Phrase("campaign not found"),
        errors.NotFound: Phrase("not found"),
        errors.SecretRefused: Phrase("invalid credentials"),
        errors.CampaignPaused: Phrase("campaign is paused"),
        errors.Limited: Phrase("too many calls"),
        errors.TooManyRequests: Phrase("Too Many Requests"),
        errors.NotSent: Phrase("call could not be placed"),
        errors.CodeRefused: Phrase("invalid otp"),
        errors.CodeExhausted: Phrase("too many attempts"),
        errors.BadRequest: Phrase("invalid request"),
        errors.MethodNotAllowed: Phrase("Method Not Allowed"),
        errors.ContentTooLarge: Phrase("Content Too Large"),
        errors.IdempotencyKeyInvalid: Phrase("Idempotency-Key is not valid"),
        errors.IdempotencyKeyNotAccepted: Phrase("Idempotency-Key is not accepted"),
        errors.IdempotencyKeyReused: Phrase("Idempotency-Key was used for another request"),
        errors.IdempotencyKeyInUse: Phrase("the first request is still being processed"),
        errors.UnsupportedMediaType: Phrase("Unsupported Media Type"),
        errors.Unavailable: Phrase("Service Unavailable"),
        errors.Refusal: Phrase("Service Error"),
    },
    faults={
        "required": Phrase("{field} is required"),
        "not_a_string": Phrase("{field} must be a string"),
        "digits": Phrase("{field} must be {shortest} to {longest} digits"),
        "phone": Phrase("{field} is not a valid phone number"),
        "*": Phrase("{field} is not valid"),
    },
)

#: For the path that issues access tokens.
BUYING = Messages({errors.CredentialsInvalid: Phrase("invalid secret key")})
#: For the path that verifies a code.
VERIFYING = Messages({errors.SubjectLocked: Phrase("too many attempts")})
