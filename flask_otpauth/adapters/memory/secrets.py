"""PINs and passwords."""

from __future__ import annotations

from typing import Literal

from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.service import service


@service
class MemorySecretStore:
    """A :class:`~flask_otpauth.ports.storage.SecretStore`."""

    memory: Memory

    def read(self, key: bytes) -> StoredSecret:
        """See the port."""
        with self.memory.lock:
            return self.memory.secrets.get(key, StoredSecret())

    def put(
        self, key: bytes, new_hash: str, *, replacing: str | Literal["any"] | None, cap: int | None = None
    ) -> bool:
        """See the port."""
        with self.memory.lock:
            secret = self.read(key)
            if secret.is_disabled(cap) or (replacing != "any" and secret.hash not in (None, replacing)):
                return False
            self.memory.secrets[key] = secret.replaced(new_hash)
            return True

    def fail(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> tuple[bool, StoredSecret]:
        """See the port."""
        with self.memory.lock:
            secret = self.read(key)
            if not secret.honors(judged, policy, now_ms):
                return False, secret
            self.memory.secrets[key] = secret.failed(policy, now_ms)
            return True, self.memory.secrets[key]

    def passed(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """See the port."""
        with self.memory.lock:
            secret = self.read(key)
            if not secret.honors(judged, policy, now_ms):
                return False
            self.enable(key)
            return True

    def unblock(self, key: bytes) -> None:
        """See the port."""
        with self.memory.lock:
            if key in self.memory.secrets:
                self.memory.secrets[key] = self.read(key).unblocked()

    def enable(self, key: bytes) -> None:
        """See the port."""
        with self.memory.lock:
            if key in self.memory.secrets:
                self.memory.secrets[key] = StoredSecret(self.read(key).hash)

    def delete(self, key: bytes) -> bool:
        """See the port."""
        with self.memory.lock:
            return self.memory.secrets.pop(key, None) is not None
