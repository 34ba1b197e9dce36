"""Refusals because of limits, codes, PINs, passwords and senders."""

from __future__ import annotations

from flask_otpauth.core.errors.base import Refusal


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
    """The limit in front: too many requests of one address or one client."""

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
