"""A storage in the memory of one process, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Iterator

from flask_otpauth.adapters.memory.challenges import MemoryChallengeStore
from flask_otpauth.adapters.memory.circuits import MemoryCircuitStore
from flask_otpauth.adapters.memory.clients import MemoryClientStore
from flask_otpauth.adapters.memory.deliveries import MemoryDeliveryStore
from flask_otpauth.adapters.memory.idempotency import MemoryIdempotencyStore
from flask_otpauth.adapters.memory.secrets import MemorySecretStore
from flask_otpauth.adapters.memory.sessions import MemorySessionStore
from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.ports.storage import Purge, PurgedBatch

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """
    A :class:`~flask_otpauth.ports.storage.Storage` that keeps its rows in dictionaries, with one lock.

    Everything is lost when the process ends. Processes share nothing, so each would count limits for itself.
    """

    #: See the port. The users are not in this memory.
    issue_to_user = None
    log_in = None

    def __init__(self) -> None:
        self._memory = Memory()
        self.challenges = MemoryChallengeStore(self._memory)
        self.secrets = MemorySecretStore(self._memory)
        self.sessions = MemorySessionStore(self._memory)
        self.clients = MemoryClientStore(self._memory)
        self.circuits = MemoryCircuitStore(self._memory)
        self.deliveries = MemoryDeliveryStore(self._memory)
        self.idempotency = MemoryIdempotencyStore(self._memory)
        #: See the port.
        self.atomically = self._memory.atomically

    def create_all(self) -> None:
        """See the port. There is nothing to create."""

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """See the port."""
        parts = (
            self.challenges,
            self.sessions,
            self.clients,
            self.circuits,
            self.deliveries,
            self.idempotency,
        )
        for part in parts:
            yield from part.purge(purge)
