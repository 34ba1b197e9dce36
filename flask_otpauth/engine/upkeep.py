"""What an administrator does: lifting locks, deleting what is of no use any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.engine.people import person
from flask_otpauth.engine.secrets import Secrets
from flask_otpauth.engine.subject_keys import leave_mark
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import User
from flask_otpauth.ports.storage import Storage

#: What kind of subject limits are about.
SubjectKind: TypeAlias = Literal["email", "phone", "user"]


@dataclass(frozen=True)
class Upkeep:
    """
    ``scopes``: what the limits of each kind of subject count under, over all flows;
    ``tables`` make those tables that are missing.
    """

    storage: Storage
    keys: KeyRing
    users: Users
    clock: Clock
    scopes: Mapping[SubjectKind, tuple[str, ...]]
    secrets: tuple[Secrets, ...]
    tables: tuple[Callable[[], None], ...]

    def create_all(self) -> None:
        """Create the tables that are missing, and leave the mark of the key of their rows."""
        for create in self.tables:
            create()
        leave_mark(self.storage, self.keys, epoch_ms(self.clock()))

    def unlock(self, subject: str) -> int:
        """
        Lift the lock of an address or a user: how many guess budgets are free again.

        Whatever ``subject`` can mean is unlocked: the address itself, and the user it belongs
        to, whose PIN and password are enabled again.
        """
        user = self.users.find(subject)
        keys = {
            self.keys.row_key(scope, "", value)
            for kind, value in self._meanings(subject, user)
            for scope in self.scopes.get(kind, ())
        }
        for key in keys:
            self.storage.challenges.clear(key, "misses")
        if user is not None:
            for secret in self.secrets:
                secret.enable(user)
        return len(keys)

    def purge(self, days: int) -> int:
        """
        Delete rows that nothing has depended on for ``days`` days: how many. A quota or a lock
        depends on its row for as long as it looks back, in whichever app.
        """
        return self.storage.purge(epoch_ms(self.clock() - timedelta(days=days)))

    def _meanings(self, subject: str, user: User | None) -> Iterator[tuple[SubjectKind, str]]:
        for kind, address in self.users.readings(subject):
            if kind in ("email", "phone"):
                yield kind, address
        if user is not None:
            yield "user", person(user)
