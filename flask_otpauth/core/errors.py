"""
Everything that can go wrong, as one tree.

::

    OtpAuthError
    ├── ConfigurationError        start-up: every problem at once, each naming its key
    └── Refusal                   what a client may be told
        ├── InternalError         a bug; its details are in the log
        ├── Unavailable           a control cannot be exercised now: StorageUnavailable,
        │                         LimiterUnavailable, HashingBusy
        ├── BadRequest            MalformedRequest, MethodNotAllowed, ContentTooLarge,
        │                         UnsupportedMediaType, InvalidFields
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

A refusal has a stable ``code`` and carries its evidence as attributes. HTTP statuses and
wording are not here: they belong to the envelopes and to the flows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import MappingProxyType
from typing import Any, ClassVar, Self


class OtpAuthError(Exception):
    """The base of every error that this package raises on purpose."""


class ConfigurationError(OtpAuthError):
    """
    The configuration cannot work. Raised by ``init_app`` with every problem at once.

    ``problems`` holds one sentence for each, beginning with the key to set.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(("flask_otpauth cannot start:", *self.problems)))


class Refusal(OtpAuthError):
    """What a client may be told. ``retry_after_seconds`` is set if it ends by itself."""

    code: ClassVar[str] = "refused"
    retry_after_seconds: int | None = None
    #: What the answer shows beside its message (an operation of a flow may fill it in).
    data: Mapping[str, object] = MappingProxyType({})

    def showing(self, **data: object) -> Self:
        """This refusal, with ``data`` for the answer."""
        self.data = data
        return self

    def evidence(self) -> Mapping[str, Any]:
        """The facts that a flow's wording may name, such as ``left`` or ``seconds``."""
        return {**vars(self), "seconds": self.retry_after_seconds}


class InternalError(Refusal):
    """A bug. The log has the details, and an answer never has."""

    code = "internal_error"


class Unavailable(Refusal):
    """Something that a control depends on is down, so the request is refused (fail closed)."""

    code = "unavailable"
    retry_after_seconds = 5


class StorageUnavailable(Unavailable):
    """The store could not do an operation. Nothing was decided or lost."""


class LimiterUnavailable(Unavailable):
    """The store of the rate limits could not be reached."""


class HashingBusy(Unavailable):
    """No place for a memory-hard hash became free within the time that a request waits."""

    retry_after_seconds = 1


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
    evidence: Mapping[str, object] = dataclass_field(default_factory=dict)


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

    def __init__(self, challenge: Mapping[str, object]) -> None:
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


class Limited(Refusal):
    """
    A limit of ``count`` forbids it now. ``retry_after_seconds`` is ``None`` where only a
    person can end it.
    """

    code = "limited"

    def __init__(self, retry_after_seconds: int | None, count: int = 0) -> None:
        super().__init__(f"retry after {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds
        self.count = count


class CooldownActive(Limited):
    """The last code of this subject was sent too recently."""

    code = "cooldown_active"


class QuotaExceeded(Limited):
    """The subject, the client or the campaign has had as many codes as it may."""

    code = "quota_exceeded"


class DailyQuotaExceeded(QuotaExceeded):
    """The subject has had all its codes of the day; ``daily`` is how many."""

    def __init__(self, retry_after_seconds: int | None, count: int = 0) -> None:
        super().__init__(retry_after_seconds, count)
        self.daily = count


class SubjectLocked(Limited):
    """The guess budget of the subject is used up, over all its codes."""

    code = "subject_locked"


class TooManyRequests(Limited):
    """A rate limit was reached: too many requests from one address or one client."""

    code = "too_many_requests"


class CodeRefused(Refusal):
    """The submitted code was not accepted."""

    code = "code_refused"


class CodeWrong(CodeRefused):
    """
    Not the code, or none was requested, or it was superseded.

    ``left`` says how many guesses the code still takes; ``reason`` is for signals and the
    log and never for a client: ``wrong``, ``none``, ``used``, ``expired`` or ``shape``.
    """

    code = "code_wrong"

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
    """The allowed guesses at this code are used up."""

    code = "code_exhausted"


class SecretRefused(Refusal):
    """A PIN or a password was not accepted. ``field`` is where the request gave it."""

    code = "secret_refused"

    def __init__(self, field: str = "") -> None:
        super().__init__(field)
        self.field = field


class SecretWrong(SecretRefused):
    """The PIN or password is wrong. ``left`` more failures are allowed before the block."""

    code = "secret_wrong"

    def __init__(self, field: str = "", left: int = 0) -> None:
        super().__init__(field)
        self.left = left


class SecretBlocked(SecretRefused):
    """Too many failures; an unblock or a reset ends it, or the configured time, or only an administrator."""

    code = "secret_blocked"

    def __init__(self, field: str = "", retry_after_seconds: int | None = None) -> None:
        super().__init__(field)
        self.retry_after_seconds = retry_after_seconds


class SecretThrottled(SecretBlocked):
    """Too many failures in a row; it ends by itself after ``retry_after_seconds``."""

    code = "secret_throttled"


class SecretNotSet(SecretRefused):
    """The customer has no PIN or password yet."""

    code = "secret_not_set"


class SecretAlreadySet(SecretRefused):
    """The customer has a PIN or password already."""

    code = "secret_already_set"


class SecretTooWeak(SecretRefused):
    """The new PIN or password breaks a rule; ``reason`` is a stable word for which."""

    code = "secret_too_weak"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field)
        self.reason = reason


class NotSent(Refusal):
    """No message went out."""

    code = "not_sent"


class SendFailed(NotSent):
    """The message was definitely not handed over; nothing was used up."""

    code = "send_failed"


class NoAddress(NotSent):
    """The customer has no address for ``channel``."""

    code = "no_address"

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel
