"""PINs and passwords. A write locks the row first; the rules then run in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Table, and_, or_, select, true, update

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.tables import columns_of
from flask_otpauth.core.failures import FailurePolicy, StoredSecret


@dataclass(frozen=True)
class SqlSecretStore:
    """A :class:`~flask_otpauth.ports.storage.SecretStore` in one table."""

    database: Database
    table: Table

    def read(self, key: bytes) -> StoredSecret:
        """See the port."""
        query = select(*columns_of(self.table, StoredSecret)).where(self.table.c.key == key)
        rows = self.database.read(query)
        return StoredSecret(**rows[0]) if rows else StoredSecret()

    def put(
        self, key: bytes, new_hash: str, *, replacing: str | Literal["any"] | None, cap: int | None = None
    ) -> bool:
        """See the port. A hash that a host brought along is not stored: it matches where none is."""
        stored, enabled = self.table.c.hash, true() if cap is None else self.table.c.in_a_row < cap
        condition = {
            "any": true(),
            None: stored.is_(None),
        }.get(replacing, or_(stored.is_(None), stored == replacing))
        insert = self.database.insert(self.table).values(key=key, **vars(StoredSecret(new_hash)))
        upsert = insert.on_conflict_do_update(
            index_elements=["key"],
            set_={"hash": new_hash, "failures": 0, "failed_at": 0},
            where=and_(condition, enabled),
        )
        with self.database.transaction():
            return bool(self.database.returning(upsert.returning(self.table.c.failures)))

    def fail(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> tuple[bool, StoredSecret]:
        """See the port. Two write statements."""
        with self.database.transaction():
            secret = self._locked(key)
            if not secret.honours(judged, policy, now_ms):
                return False, secret
            after = secret.failed(policy, now_ms)
            self._write(key, after)
            return True, after

    def passed(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """See the port. Where there is no failure to forget, one read."""
        secret = self.read(key)
        if not secret.in_a_row:
            return secret.honours(judged, policy, now_ms)
        with self.database.transaction():
            secret = self._locked(key)
            passed = secret.honours(judged, policy, now_ms)
            if passed:
                self._write(key, StoredSecret(secret.hash))
            return passed

    def unblock(self, key: bytes) -> None:
        """See the port."""
        self._forget(key, failures=0, failed_at=0)

    def enable(self, key: bytes) -> None:
        """See the port."""
        self._forget(key, failures=0, failed_at=0, in_a_row=0)

    def delete(self, key: bytes) -> bool:
        """See the port."""
        with self.database.transaction():
            return bool(self.database.write(self.table.delete().where(self.table.c.key == key)))

    def _forget(self, key: bytes, **zeros: int) -> None:
        with self.database.transaction():
            self.database.write(update(self.table).where(self.table.c.key == key).values(**zeros))

    def _locked(self, key: bytes) -> StoredSecret:
        """The secret as it is now and stays until the commit; a row is made where there is none."""
        insert = self.database.insert(self.table).values(key=key, **vars(StoredSecret()))
        touch = insert.on_conflict_do_update(
            index_elements=["key"], set_={"failures": self.table.c.failures}
        ).returning(*columns_of(self.table, StoredSecret))
        return StoredSecret(**self.database.returning(touch)[0])

    def _write(self, key: bytes, secret: StoredSecret) -> None:
        self.database.write(update(self.table).where(self.table.c.key == key).values(**vars(secret)))
