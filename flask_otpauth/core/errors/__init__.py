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

from flask_otpauth.core.errors.base import (
    ConfigurationError,
    HashingBusy,
    InternalError,
    LimiterUnavailable,
    OtpAuthError,
    Refusal,
    StorageUnavailable,
    Unavailable,
)
from flask_otpauth.core.errors.challenges import (
    CodeExhausted,
    CodeExpired,
    CodeRefused,
    CodeUsed,
    CodeWrong,
    CooldownActive,
    DailyQuotaExceeded,
    Limited,
    NoAddress,
    NotSent,
    QuotaExceeded,
    SecretAlreadySet,
    SecretBlocked,
    SecretNotSet,
    SecretRefused,
    SecretThrottled,
    SecretTooWeak,
    SecretWrong,
    SendFailed,
    SubjectLocked,
    TooManyRequests,
)
from flask_otpauth.core.errors.requests import (
    AccountTokenInvalid,
    BadRequest,
    CampaignNotFound,
    CampaignPaused,
    CaptchaRequired,
    ClientBlocked,
    ClientNotAllowed,
    ContentTooLarge,
    CredentialsInvalid,
    CredentialsMissing,
    Fault,
    FreshLoginRequired,
    InvalidFields,
    MalformedRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OrderNotFound,
    RefreshTokenInvalid,
    TemplateNotFound,
    UnsupportedMediaType,
    UserMismatch,
    UserNotFound,
)

__all__ = [
    "AccountTokenInvalid",
    "BadRequest",
    "CampaignNotFound",
    "CampaignPaused",
    "CaptchaRequired",
    "ClientBlocked",
    "ClientNotAllowed",
    "CodeExhausted",
    "CodeExpired",
    "CodeRefused",
    "CodeUsed",
    "CodeWrong",
    "ConfigurationError",
    "ContentTooLarge",
    "CooldownActive",
    "CredentialsInvalid",
    "CredentialsMissing",
    "DailyQuotaExceeded",
    "Fault",
    "FreshLoginRequired",
    "HashingBusy",
    "InternalError",
    "InvalidFields",
    "Limited",
    "LimiterUnavailable",
    "MalformedRequest",
    "MethodNotAllowed",
    "NoAddress",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "NotSent",
    "OrderNotFound",
    "OtpAuthError",
    "QuotaExceeded",
    "RefreshTokenInvalid",
    "Refusal",
    "SecretAlreadySet",
    "SecretBlocked",
    "SecretNotSet",
    "SecretRefused",
    "SecretThrottled",
    "SecretTooWeak",
    "SecretWrong",
    "SendFailed",
    "StorageUnavailable",
    "SubjectLocked",
    "TemplateNotFound",
    "TooManyRequests",
    "Unavailable",
    "UnsupportedMediaType",
    "UserMismatch",
    "UserNotFound",
]
