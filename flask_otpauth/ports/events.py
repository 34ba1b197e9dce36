"""What happened, told to whoever listens (signals, log). Facts never hold a secret."""

from __future__ import annotations

from typing import Protocol


class Events(Protocol):
    """Told after the fact is durable."""

    def __call__(self, event: str, **facts: object) -> None:
        """``event`` is a name of :mod:`flask_otpauth.signals`; ``facts`` go to the listeners."""
