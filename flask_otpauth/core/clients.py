"""Clients of server-to-server flows, their tokens and their campaigns."""

from __future__ import annotations

from dataclasses import field

from flask_otpauth.core.record import frozen


@frozen
class Client:
    """A client of server-to-server flows: an application, a merchant, a customer of the voice service."""

    id: str
    name: str
    #: The names of the flows that it may use.
    flows: tuple[str, ...]
    #: ``member`` or ``admin``.
    scope: str
    created_at: int
    #: The keyed digest of its secret.
    secret_digest: bytes = field(repr=False)
    #: The number of its secret. A token is valid as long as the secret that it was bought with.
    generation: int = 0
    #: The keyed digest of the secret before it, which is valid until ``previous_until``.
    previous_digest: bytes | None = field(default=None, repr=False)
    previous_until: int = 0
    blocked_at: int | None = None

    def accepts_generation(self, generation: int, now_ms: int) -> bool:
        """Return whether the secret of that generation is valid now."""
        if generation == self.generation:
            return True
        return generation == self.generation - 1 and now_ms < self.previous_until


@frozen
class ClientToken:
    """An opaque access token that a client bought with its secret. Only its digest is stored."""

    digest: bytes = field(repr=False)
    client_id: str
    generation: int
    issued_at: int
    expires_at: int


@frozen
class Campaign:
    """What the calls of a client are like."""

    id: str
    client_id: str
    name: str
    #: The number that calls come from.
    caller_id: str
    #: The language that is spoken.
    language: str
    created_at: int
    #: How often the digits are read.
    repeats: int = 2
    #: The maximum of calls in one UTC day; ``None``: no maximum.
    daily_cap: int | None = None
    paused_at: int | None = None
