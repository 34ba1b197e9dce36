"""The row that a store keeps for a subject's limits and its challenge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """
    One row: the logs of a subject's limits, a subject's challenge, or both at once.

    Instants are epoch milliseconds; ``digest`` is ``None`` where no code is live.
    ``clears_misses``: redeeming the code proves something and clears the log of misses.
    ``handed_over``: its message was handed over, or may have been. ``held``: some app counts the
    misses until a person clears them, so that no purge may take the row; ``needed_until``: when
    the limits of each app that wrote to it have ceased to look at it. ``locked_until``: the end of
    a lock that some app met at ``locked_at``; it holds in apps that would allow more as well.
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
