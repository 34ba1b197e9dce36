"""Storage in this process's memory: for tests, demonstrations, and one process that may forget."""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask_otpauth.adapters.memory.challenges import MemoryChallengeStore
from flask_otpauth.adapters.memory.clients import MemoryClientStore
from flask_otpauth.adapters.memory.secrets import MemorySecretStore
from flask_otpauth.adapters.memory.sessions import MemorySessionStore
from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.ports.storage import ChallengeStore, ClientStore, SecretStore, SessionStore

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """
    A :class:`~flask_otpauth.ports.storage.Storage` of dictionaries behind one lock.

    Nothing survives the process, and two processes share nothing: limits would count in each.
    """

    challenges: ChallengeStore
    secrets: SecretStore
    sessions: SessionStore
    clients: ClientStore

    def __init__(self) -> None:
        self._memory = Memory()
        self._challenges = MemoryChallengeStore(self._memory)
        self._sessions = MemorySessionStore(self._memory)
        self._clients = MemoryClientStore(self._memory)
        self.challenges = self._challenges
        self.secrets = MemorySecretStore(self._memory)
        self.sessions = self._sessions
        self.clients = self._clients

    def transaction(self) -> AbstractContextManager[None]:
        """See the port. Other threads wait until it ends."""
        return self._memory.transaction()

    def create_all(self) -> None:
        """See the port. There is nothing to create."""

    def purge(self, before_ms: int) -> int:
        """See the port."""
        with self._memory.transaction():
            return sum(part.purge(before_ms) for part in (self._challenges, self._sessions, self._clients))
