"""Writes the e-mail keys of rows that are older than the column, or that SQL or a bulk update wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_otpauth.adapters.sqlalchemy.directory.model import doubtful, key_of
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import UNSEEN, ModelDirectory, has_email
from flask_otpauth.core.errors import StorageUnavailable


@dataclass
class Backfilled:
    """
    The result so far. ``collisions``: for each address that several rows share, the ids of these
    rows; ``no_address``: the ids of rows whose ``email`` is not an address. These rows are not changed.
    """

    seen: int = 0
    written: int = 0
    collisions: dict[str, list[Any]] = field(default_factory=dict)
    no_address: list[Any] = field(default_factory=list)


def backfill(directory: ModelDirectory, batch_size: int, dry_run: bool) -> Iterator[Backfilled]:
    """
    Write each key that is missing or of another address, with one transaction for each batch.

    Yields the same result object after every batch. Rows that have their key are not written again.

    :raises StorageUnavailable: if another process wrote one of the keys meanwhile; run it again.
    """
    result, last = Backfilled(), None
    while True:
        try:
            with directory.session(not dry_run) as session:
                rows = _batch(session, directory.model, last, batch_size)
                if rows:
                    _work(session, directory.model, rows, result, dry_run)
        except IntegrityError:
            raise StorageUnavailable("a user was changed at the same time: run the command again") from None
        if not rows:
            return
        last = rows[-1].key
        yield result


def overdue(directory: ModelDirectory) -> int:
    """How many users have an e-mail and no key, or the key of another address."""
    model = directory.model
    with directory.session(False) as session:
        missing = select(func.count()).where(model.email.is_not(None), model.email_key.is_(None))
        stale = select(model.email, model.email_key).where(
            doubtful(model.email, model.email_key), model.email_key.is_not(None)
        )
        wrong = [email for email, key in session.execute(stale) if key_of(email) != key]
        return len(wrong) + int(session.scalar(missing) or 0)


def _batch(session: Session, model: type[Any], last: Any, size: int) -> Sequence[Any]:
    key = model.__mapper__.primary_key[0]
    query = select(key.label("key"), model.email, model.email_key).order_by(key).limit(size)
    return session.execute(query if last is None else query.where(key > last)).all()


def _work(session: Session, model: type[Any], rows: Sequence[Any], result: Backfilled, dry_run: bool) -> None:
    result.seen += len(rows)
    result.no_address += [row.key for row in rows if row.email and key_of(row.email) is None]
    wrong = {row.key: key_of(row.email) for row in rows if key_of(row.email) != row.email_key}
    shared = _shared(session, model, sorted({key for key in wrong.values() if key}))
    result.collisions.update(shared)
    writing = {row: key for row, key in wrong.items() if key not in shared}
    result.written += len(writing)
    if not dry_run:
        _write(session, model, writing)


def _shared(session: Session, model: type[Any], keys: list[str]) -> dict[str, list[Any]]:
    """The ``keys`` that several rows share, each with the ids of these rows."""
    identity = model.__mapper__.primary_key[0].label("key")
    query = select(identity, model.email).where(has_email(model, keys, session.get_bind().dialect.name))
    having: dict[str, list[Any]] = {key: [] for key in keys}
    for row in session.execute(query):
        having.get(key_of(row.email) or "", []).append(row.key)
    return {key: sorted(rows) for key, rows in having.items() if len(rows) > 1}


def _write(session: Session, model: type[Any], keys: dict[Any, str | None]) -> None:
    column = model.__mapper__.primary_key[0]
    for row, key in keys.items():
        if key is not None:
            # Whoever holds it has another address, or there would be a collision.
            free = update(model).where(model.email_key == key, column != row).values(email_key=None)
            session.execute(free, execution_options=UNSEEN)
        changed = update(model).where(column == row).values(email_key=key)
        session.execute(changed, execution_options=UNSEEN)
