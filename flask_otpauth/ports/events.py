"""What happened, for signals and the log. The facts never hold a secret."""

from __future__ import annotations

from typing import Protocol


class Events(Protocol):
    """Reports an event after it is committed."""

    def __call__(self, event: str, **facts: object) -> None:
        """Report ``event``, a name of :mod:`flask_otpauth.signals`, with ``facts`` for the listeners."""
