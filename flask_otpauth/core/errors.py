"""
The errors, as one tree.

::

    OtpAuthError
    ├── ConfigurationError        the app cannot start: all problems, each with its setting
    └── Refusal                   a request is refused, and the client is told why
        ├── InternalError         a bug; its details are in the log
        ├── Unavailable           StorageUnavailable, LimiterUnavailable, HashingBusy,
        │                         CheckUnavailable
        ├── BadRequest            MalformedRequest, MethodNotAllowed, ContentTooLarge,
        │   │                     UnsupportedMediaType, InvalidFields, IdempotencyKeyInvalid,
        │   │                     IdempotencyKeyNotAccepted
        │   └── Conflict          IdempotencyKeyReused, IdempotencyKeyInUse
        ├── NotAuthenticated      CredentialsMissing, CredentialsInvalid, FreshLoginRequired,
        │                         RefreshTokenInvalid, AccountTokenInvalid, CaptchaRequired
        ├── NotPermitted          ClientBlocked, ClientNotAllowed, UserMismatch, CampaignPaused
        ├── NotFound              UserNotFound, OrderNotFound, CampaignNotFound, TemplateNotFound
        ├── Limited               CooldownActive, SubjectLocked, TooManyRequests
        │   └── QuotaExceeded     DailyQuotaExceeded
        ├── CodeRefused           CodeWrong, CodeUsed, CodeExpired, CodeExhausted
        ├── SecretRefused         SecretWrong, SecretBlocked, SecretThrottled, SecretNotSet,
        │                         SecretAlreadySet, SecretTooWeak
        └── NotSent               SendFailed, NoAddress

A refusal has a stable ``code``, and its facts are its attributes. The texts belong to the flows, and the
HTTP statuses to the envelopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field as dataclass_field
from types import MappingProxyType
from typing import Any, ClassVar, Self

from flask_otpauth.core.record import frozen


class OtpAuthError(Exception):
    """The base class of the errors of this package."""


class ConfigurationError(OtpAuthError):
    """The configuration is wrong. ``init_app`` raises it with all problems."""

    #: One sentence for each problem. It begins with the setting to change.
    problems: tuple[str, ...]

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(("flask_otpauth cannot start:", *self.problems)))


class Refusal(OtpAuthError):
    """The base class of the errors that a client may be told."""

    #: A stable name of the error.
    code: ClassVar[str] = "refused"
    #: When to try again; ``None`` if that is not known, or would not help.
    retry_after_seconds: int | None = None
    #: What the response shows besides its message. An operation of a flow may set it.
    data: Mapping[str, object] = MappingProxyType({})

    def showing(self, **data: object) -> Self:
        """Set ``data`` for the response. Return this refusal."""
        self.data = data
        return self

    def evidence(self) -> Mapping[str, Any]:
        """Return the facts that a text of a flow may name, such as ``left`` or ``seconds``."""
        return {**vars(self), "seconds": self.retry_after_seconds}


class InternalError(Refusal):
    """A bug. Its details are in the log, and never in a response."""

    code = "internal_error"


class Unavailable(Refusal):
    """Something that a limit or a check needs is down, so the request is refused."""

    code = "unavailable"
    retry_after_seconds = 5


class StorageUnavailable(Unavailable):
    """The storage is down. Nothing was counted or lost."""


class LimiterUnavailable(Unavailable):
    """The store of the rate limits is down."""


class HashingBusy(Unavailable):
    """Too many PINs or passwords are being hashed at this moment."""

    retry_after_seconds = 1


class CheckUnavailable(Unavailable):
    """The provider that has sent the code does not say whether it is right. The guess was counted."""

    code = "check_unavailable"


class BadRequest(Refusal):
    """The request does not have the documented form."""

    code = "bad_request"


class MalformedRequest(BadRequest):
    """The body is not a JSON object in UTF-8 (RFC 8259), or a field has a value that it can never have."""

    code = "malformed_request"


class MethodNotAllowed(BadRequest):
    """The path does not accept this method."""

    code = "method_not_allowed"
    #: The value of the header ``Allow``.
    allowed: str

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class ContentTooLarge(BadRequest):
    """The body is larger than any documented request."""

    code = "content_too_large"


class UnsupportedMediaType(BadRequest):
    """The path does not accept this content type."""

    code = "unsupported_media_type"


@frozen
class Fault:
    """One error in one field."""

    #: The path of the field in the request, such as ``contact.phone_number``.
    field: str
    #: A stable name, such as ``required``, ``email`` or ``code``.
    kind: str
    #: The facts that a message may name.
    evidence: Mapping[str, object] = dataclass_field(default_factory=dict)


class InvalidFields(BadRequest):
    """Fields are missing or invalid."""

    code = "invalid_fields"
    #: One for each field, in the order of the document of the path.
    faults: tuple[Fault, ...]

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.kind}" for fault in faults))
        self.faults = faults


class IdempotencyKeyInvalid(BadRequest):
    """The header ``Idempotency-Key`` is empty, too long, or has other characters than printable ASCII."""

    code = "idempotency_key_invalid"


class IdempotencyKeyNotAccepted(BadRequest):
    """The path accepts no idempotency key, because its answer can show a code and cannot be encrypted."""

    code = "idempotency_key_not_accepted"


class Conflict(BadRequest):
    """The request conflicts with another one."""

    code = "conflict"


class IdempotencyKeyReused(Conflict):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"


class IdempotencyKeyInUse(Conflict):
    """The first request with the idempotency key is still under way."""

    code = "idempotency_key_in_use"
    retry_after_seconds = 1


class NotAuthenticated(Refusal):
    """The request does not prove who the client or the user is."""

    code = "unauthenticated"


class CredentialsMissing(NotAuthenticated):
    """The request has no credential."""

    code = "credentials_missing"


class CredentialsInvalid(NotAuthenticated):
    """The credential is malformed, unknown, expired or revoked."""

    code = "credentials_invalid"


class FreshLoginRequired(NotAuthenticated):
    """The login is too old for this view (RFC 9470)."""

    code = "fresh_login_required"
    #: The maximum age of a login.
    max_age_seconds: int

    def __init__(self, max_age_seconds: int) -> None:
        super().__init__(f"older than {max_age_seconds} s")
        self.max_age_seconds = max_age_seconds


class RefreshTokenInvalid(NotAuthenticated):
    """The refresh token is unknown, expired or revoked, or it was used before."""

    code = "refresh_token_invalid"


class AccountTokenInvalid(NotAuthenticated):
    """The account token is forged, expired or revoked, or its user is deleted or disabled."""

    code = "account_token_invalid"


class CaptchaRequired(NotAuthenticated):
    """The client must solve a captcha."""

    code = "captcha_required"
    #: What the client needs to solve it.
    challenge: Mapping[str, object]

    def __init__(self, challenge: Mapping[str, object]) -> None:
        super().__init__("captcha required")
        self.challenge = challenge


class NotPermitted(Refusal):
    """The client or the user is known, but is not allowed to do this."""

    code = "not_permitted"


class ClientBlocked(NotPermitted):
    """An administrator has blocked the client."""

    code = "client_blocked"


class ClientNotAllowed(NotPermitted):
    """The client is not allowed to use this flow."""

    code = "client_not_allowed"


class UserMismatch(NotPermitted):
    """The request names another user than the access token."""

    code = "user_mismatch"


class CampaignPaused(NotPermitted):
    """The campaign is paused."""

    code = "campaign_paused"


class NotFound(Refusal):
    """Something that the request names does not exist, or does not exist for this client."""

    code = "not_found"


class UserNotFound(NotFound):
    """There is no such user, or the user is disabled."""

    code = "user_not_found"
    #: The field of the request that named the user.
    field: str

    def __init__(self, field: str = "") -> None:
        super().__init__(field)
        self.field = field


class OrderNotFound(NotFound):
    """There is no such order, or it belongs to another application."""

    code = "order_not_found"


class CampaignNotFound(NotFound):
    """There is no such campaign, or it belongs to another client."""

    code = "campaign_not_found"


class TemplateNotFound(NotFound):
    """There is no such template, or the client is not allowed to use it."""

    code = "template_not_found"


class Limited(Refusal):
    """
    A limit forbids it now.

    ``retry_after_seconds`` is ``None`` if only an administrator can end it.
    """

    code = "limited"
    #: The number of the limit.
    count: int

    def __init__(self, retry_after_seconds: int | None, count: int = 0) -> None:
        super().__init__(f"retry after {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds
        self.count = count


class CooldownActive(Limited):
    """The last code for this subject was sent too recently."""

    code = "cooldown_active"


class QuotaExceeded(Limited):
    """The subject, the client or the campaign has used up its quota of codes."""

    code = "quota_exceeded"


class DailyQuotaExceeded(QuotaExceeded):
    """The subject has used up its quota of a day."""

    #: The quota.
    daily: int

    def __init__(self, retry_after_seconds: int | None, count: int = 0) -> None:
        super().__init__(retry_after_seconds, count)
        self.daily = count


class SubjectLocked(Limited):
    """There were too many wrong guesses for this subject, over all its codes."""

    code = "subject_locked"


class TooManyRequests(Limited):
    """A rate limit was reached: too many requests from one address or one client."""

    code = "too_many_requests"


class CodeRefused(Refusal):
    """The submitted code was not accepted."""

    code = "code_refused"


class CodeWrong(CodeRefused):
    """It is not the current code of the subject, or there is no current code."""

    code = "code_wrong"
    #: How many more guesses the code allows.
    left: int
    #: ``wrong``, ``none``, ``used``, ``expired`` or ``shape``. It is for signals and the log, and is never
    #: shown to a client.
    reason: str

    def __init__(self, left: int = 0, reason: str = "wrong") -> None:
        super().__init__(reason)
        self.left = left
        self.reason = reason


class CodeUsed(CodeRefused):
    """The code was accepted before."""

    code = "code_used"


class CodeExpired(CodeRefused):
    """The code was right, but it has expired."""

    code = "code_expired"


class CodeExhausted(CodeRefused):
    """There were too many wrong guesses at this code."""

    code = "code_exhausted"


class SecretRefused(Refusal):
    """A PIN or a password was not accepted."""

    code = "secret_refused"
    #: The field of the request that held it.
    field: str

    def __init__(self, field: str = "") -> None:
        super().__init__(field)
        self.field = field


class SecretWrong(SecretRefused):
    """The PIN or the password is wrong."""

    code = "secret_wrong"
    #: How many more failures cause a block.
    left: int

    def __init__(self, field: str = "", left: int = 0) -> None:
        super().__init__(field)
        self.left = left


class SecretBlocked(SecretRefused):
    """There were too many failures. An unblock or a reset ends the block, or only an administrator can."""

    code = "secret_blocked"

    def __init__(self, field: str = "", retry_after_seconds: int | None = None) -> None:
        super().__init__(field)
        self.retry_after_seconds = retry_after_seconds


class SecretThrottled(SecretBlocked):
    """There were too many failures in a row. The block ends after ``retry_after_seconds``."""

    code = "secret_throttled"


class SecretNotSet(SecretRefused):
    """The customer has no PIN or password yet."""

    code = "secret_not_set"


class SecretAlreadySet(SecretRefused):
    """The customer already has a PIN or password."""

    code = "secret_already_set"


class SecretTooWeak(SecretRefused):
    """The new PIN or password breaks a rule."""

    code = "secret_too_weak"
    #: A stable name of the rule.
    reason: str

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field)
        self.reason = reason


class NotSent(Refusal):
    """No message was sent."""

    code = "not_sent"


class SendFailed(NotSent):
    """The message was certainly not sent. No quota was used up."""

    code = "send_failed"


class NoAddress(NotSent):
    """The customer has no address for the channel."""

    code = "no_address"
    #: The channel.
    channel: str

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel
