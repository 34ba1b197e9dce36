"""Refusals because of the request, or of the client or user who makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from flask_otpauth.core.errors.base import Refusal


class BadRequest(Refusal):
    """The request cannot be understood or is not of the documented form."""

    code = "bad_request"


class MalformedRequest(BadRequest):
    """The body is not one JSON object (RFC 8259, UTF-8), or a field makes no sense at all."""

    code = "malformed_request"


class MethodNotAllowed(BadRequest):
    """The path does not take this method. ``allowed`` is the value of ``Allow``."""

    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class ContentTooLarge(BadRequest):
    """The body is larger than any documented request can be."""

    code = "content_too_large"


class UnsupportedMediaType(BadRequest):
    """The body has a content type that the path does not take."""

    code = "unsupported_media_type"


@dataclass(frozen=True)
class Fault:
    """
    One thing that is wrong with one field.

    ``field`` is its path in the request (``contact.phone_number``), ``kind`` a stable word
    (``required``, ``email``, ``code``, …), ``evidence`` what a message may name.
    """

    field: str
    kind: str
    evidence: Mapping[str, Any] = dataclass_field(default_factory=dict)


class InvalidFields(BadRequest):
    """Fields are missing or invalid: ``faults``, in the order of the document's table."""

    code = "invalid_fields"

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.kind}" for fault in faults))
        self.faults = faults


class NotAuthenticated(Refusal):
    """The request does not prove who is asking."""

    code = "unauthenticated"


class CredentialsMissing(NotAuthenticated):
    """No credential was presented."""

    code = "credentials_missing"


class CredentialsInvalid(NotAuthenticated):
    """The credential is malformed, unknown, expired or revoked."""

    code = "credentials_invalid"


class FreshLoginRequired(NotAuthenticated):
    """The login is older than ``max_age_seconds`` (RFC 9470)."""

    code = "fresh_login_required"

    def __init__(self, max_age_seconds: int) -> None:
        super().__init__(f"older than {max_age_seconds} s")
        self.max_age_seconds = max_age_seconds


class RefreshTokenInvalid(NotAuthenticated):
    """The refresh token is unknown, expired, revoked or was used before."""

    code = "refresh_token_invalid"


class AccountTokenInvalid(NotAuthenticated):
    """The account token is forged, expired, revoked, or of a user who is deleted or disabled."""

    code = "account_token_invalid"


class CaptchaRequired(NotAuthenticated):
    """The client must solve a captcha. ``challenge`` is what it needs for that."""

    code = "captcha_required"

    def __init__(self, challenge: Mapping[str, Any]) -> None:
        super().__init__("captcha required")
        self.challenge = challenge


class NotPermitted(Refusal):
    """The client or user is known, but may not do this."""

    code = "not_permitted"


class ClientBlocked(NotPermitted):
    """The client has been blocked by an administrator."""

    code = "client_blocked"


class ClientNotAllowed(NotPermitted):
    """The client was not created for this flow."""

    code = "client_not_allowed"


class UserMismatch(NotPermitted):
    """The request names another user than the access token does."""

    code = "user_mismatch"


class CampaignPaused(NotPermitted):
    """The campaign is paused."""

    code = "campaign_paused"


class NotFound(Refusal):
    """Something that the request names does not exist, or does not exist for this client."""

    code = "not_found"


class UserNotFound(NotFound):
    """No such user, or a disabled one. ``field`` is where the request named them."""

    code = "user_not_found"

    def __init__(self, field: str = "") -> None:
        super().__init__(field)
        self.field = field


class OrderNotFound(NotFound):
    """No such order, or another application's."""

    code = "order_not_found"


class CampaignNotFound(NotFound):
    """No such campaign, or another client's."""

    code = "campaign_not_found"


class TemplateNotFound(NotFound):
    """The template is not one of the allowed ones."""

    code = "template_not_found"
