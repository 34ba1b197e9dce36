"""A client (an application, a merchant, a customer of the voice service) and its campaigns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Client:
    """
    Who calls a server-to-server flow.

    ``secret_digest`` is the keyed digest of its secret; ``previous_digest`` that of the secret
    before it, good until ``previous_until`` (a rotation with an overlap). ``generation``
    counts the secrets: a token bought with one dies when that one does.
    """

    id: str
    name: str
    flows: tuple[str, ...]
    scope: str
    created_at: int
    secret_digest: bytes = field(repr=False)
    generation: int = 0
    previous_digest: bytes | None = field(default=None, repr=False)
    previous_until: int = 0
    blocked_at: int | None = None

    def accepts_generation(self, generation: int, now_ms: int) -> bool:
        """Whether the secret of that generation is alive now."""
        if generation == self.generation:
            return True
        return generation == self.generation - 1 and now_ms < self.previous_until


@dataclass(frozen=True)
class ClientToken:
    """An opaque access token that a client bought with its secret; only its digest is kept."""

    digest: bytes = field(repr=False)
    client_id: str
    generation: int
    issued_at: int
    expires_at: int


@dataclass(frozen=True)
class Campaign:
    """
    What a spoken call needs: the caller id, the language, how often the digits are repeated.

    ``daily_cap`` is the most calls of one UTC day (``None``: no cap).
    """

    id: str
    client_id: str
    name: str
    caller_id: str
    language: str
    created_at: int
    repeats: int = 2
    daily_cap: int | None = None
    paused_at: int | None = None
