"""The base classes, and the errors that no client caused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    data: Mapping[str, Any] = MappingProxyType({})

    def showing(self, **data: Any) -> Self:
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
    """The store behind the limits in front could not be asked."""


class HashingBusy(Unavailable):
    """No place for a memory-hard hash became free within the time that a request waits."""

    retry_after_seconds = 1
