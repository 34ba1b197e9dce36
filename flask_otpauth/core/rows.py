"""The row that a store keeps for a subject's limits and its challenge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChallengeRow:
    """
    One row: the limits of a subject, its challenge, or both.

    Instants are epoch milliseconds; ``digest`` is ``None`` where no code is live.
    ``clears_misses``: redeeming the code proves that somebody received it, and clears the log of
    misses. ``handed_over``: the message of the code was handed over, or may have been. ``held``:
    in some app the misses count until they are cleared, so the row must not be purged.
    ``needed_until``: from then on no limit of an app that wrote to the row looks at it.
    ``locked_until``: the end of a lock that some app met at ``locked_at`` (:mod:`.locks`).
    """

    sends: str = ""
    misses: str = ""
    nonce: str = ""
    digest: bytes | None = None
    issued_at: int = 0
    expires_at: int = 0
    guesses: int = 0
    consumed_at: int | None = None
    reference: str = ""
    clears_misses: bool = True
    handed_over: bool = False
    held: bool = False
    needed_until: int = 0
    locked_at: int = 0
    locked_until: int = 0
