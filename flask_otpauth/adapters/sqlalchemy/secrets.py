"""PINs and passwords. An operation that counts locks the row first. Then the rules run in Python."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Boolean, ColumnElement, Integer, Table, and_, bindparam, or_, select

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.statements import Change, Changes, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Digest, columns_of
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.service import service

_KEY = bindparam("row_key", type_=Digest)
_COLUMNS = tuple(field.name for field in fields(StoredSecret))
#: No secret has so many failures in a row.
_NO_CAP = 2**31 - 1


@service
class SqlSecretStore:
    """A :class:`~flask_otpauth.ports.storage.SecretStore` in one table."""

    database: Database
    table: Table

    def read(self, key: bytes) -> StoredSecret:
        """See the port."""
        rows = self._reading.rows(row_key=key)
        return StoredSecret(*rows[0]) if rows else StoredSecret()

    def put(
        self, key: bytes, new_hash: str, *, replacing: str | Literal["any"] | None, cap: int | None = None
    ) -> bool:
        """See the port."""
        values = {"is_any": replacing == "any", "replaced": replacing, "cap": _NO_CAP if cap is None else cap}
        written = self._setting.count(row_key=key, **values, **new_values(vars(StoredSecret(new_hash))))
        return written > 0

    def fail(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> tuple[bool, StoredSecret]:
        """See the port. It takes two write statements, or one if nothing is counted."""

        def fail() -> tuple[bool, StoredSecret]:
            secret = self._lock(key)
            if not secret.honors(judged, policy, now_ms):
                return False, secret
            after = secret.failed(policy, now_ms)
            self._rewriting.count(row_key=key, **new_values(vars(after)))
            return True, after

        return self.database.atomically(fail)

    def passed(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """See the port. It takes one read if there is no failure to forget."""
        secret = self.read(key)
        if not secret.in_a_row:
            return secret.honors(judged, policy, now_ms)

        def passed() -> bool:
            secret = self._lock(key)
            honors = secret.honors(judged, policy, now_ms)
            if honors:
                self._rewriting.count(row_key=key, **new_values(vars(StoredSecret(secret.hash))))
            return honors

        return self.database.atomically(passed)

    def unblock(self, key: bytes) -> None:
        """See the port."""
        self._unblocking.count(row_key=key)

    def enable(self, key: bytes) -> None:
        """See the port."""
        self._enabling.count(row_key=key)

    def delete(self, key: bytes) -> bool:
        """See the port."""
        return self._deleting.count(row_key=key) > 0

    def _lock(self, key: bytes) -> StoredSecret:
        """Lock the row until the transaction ends. Return its secret. Add a row if there is none."""
        return StoredSecret(*self._locking.rows(row_key=key, **new_values(vars(StoredSecret())))[0])

    @cached_property
    def _reading(self) -> Prepared:
        return self.database.prepare(
            select(*columns_of(self.table, StoredSecret)).where(self.table.c.key == _KEY)
        )

    @cached_property
    def _setting(self) -> Statement:
        row = self.table.c
        is_replaced = or_(
            bindparam("is_any", type_=Boolean()),
            row.hash.is_(None),
            row.hash == bindparam("replaced", type_=row.hash.type),
        )
        may = and_(is_replaced, row.in_a_row < bindparam("cap", type_=Integer()))
        written = ("hash", "failures", "failed_at")
        return self.database.upsert(
            Upsert(
                self.table, self._new_row, ("key",), lambda new: {name: new[name] for name in written}, may
            )
        )

    @cached_property
    def _locking(self) -> Statement:
        # An update locks the row, even if it changes no value.
        unchanged, columns = {"failures": self.table.c.failures}, tuple(columns_of(self.table, StoredSecret))
        return self.database.upsert(
            Upsert(self.table, self._new_row, ("key",), lambda new: unchanged, returning=columns)
        )

    @cached_property
    def _rewriting(self) -> Statement:
        return self._updating({name: new_value(self.table, name) for name in _COLUMNS})

    @cached_property
    def _unblocking(self) -> Statement:
        return self._updating({"failures": 0, "failed_at": 0})

    @cached_property
    def _enabling(self) -> Statement:
        return self._updating({"failures": 0, "failed_at": 0, "in_a_row": 0})

    @cached_property
    def _deleting(self) -> Prepared:
        return self.database.prepare(self.table.delete().where(self.table.c.key == _KEY))

    @property
    def _new_row(self) -> dict[str, ColumnElement[Any]]:
        return {"key": _KEY, **{name: new_value(self.table, name) for name in _COLUMNS}}

    def _updating(self, changes: Changes) -> Statement:
        return self.database.change(Change(self.table, self.table.c.key == _KEY, changes))
