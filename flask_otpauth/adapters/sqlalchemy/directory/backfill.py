"""Writes the e-mail keys of rows that are older than the column, or that SQL or a bulk update wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_otpauth.adapters.sqlalchemy.directory.model import doubtful, key_of
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import UNSEEN, ModelDirectory, has_email
from flask_otpauth.core.errors import StorageUnavailable


@dataclass
class Backfilled:
    """The result so far. The rows in ``collisions`` and ``no_address`` are not changed."""

    seen: int = 0
    written: int = 0
    #: For each address that several rows share, the ids of these rows.
    collisions: dict[str, list[object]] = field(default_factory=dict)
    #: The ids of rows whose ``email`` is not an address.
    no_address: list[object] = field(default_factory=list)


class _Row(NamedTuple):
    """The columns of one user."""

    id: object
    email: str | None
    email_key: str | None


def backfill(directory: ModelDirectory, batch_size: int, dry_run: bool) -> Iterator[Backfilled]:
    """
    Write each key that is missing or of another address, with one transaction for each batch.

    Yield the same result object after every batch. Rows that have their key are not written again.

    :raises StorageUnavailable: if another process wrote one of the keys meanwhile. Run it again.
    """
    result, last = Backfilled(), None
    while True:
        try:
            with directory.session(not dry_run) as session:
                rows = _batch(session, directory, last, batch_size)
                if rows:
                    _work(session, directory, rows, result, dry_run)
        except IntegrityError:
            raise StorageUnavailable("a user was changed at the same time: run the command again") from None
        if not rows:
            return
        last = rows[-1]
        yield result


def overdue(directory: ModelDirectory) -> int:
    """Return how many users have an e-mail and no key, or the key of another address."""
    model = directory.model
    with directory.session(False) as session:
        missing = select(func.count()).where(model.email.is_not(None), model.email_key.is_(None))
        stale = select(model.email, model.email_key).where(
            doubtful(model.email, model.email_key), model.email_key.is_not(None)
        )
        wrong = [email for email, key in session.execute(stale) if key_of(email) != key]
        return len(wrong) + int(session.scalar(missing) or 0)


def _batch(session: Session, directory: ModelDirectory, last: _Row | None, size: int) -> Sequence[_Row]:
    key, model = directory.mapper.primary_key[0], directory.model
    query = select(key, model.email, model.email_key).order_by(key).limit(size)
    rows = session.execute(query if last is None else query.where(key > last.id))
    return [_Row(*row) for row in rows]


def _work(
    session: Session, directory: ModelDirectory, rows: Sequence[_Row], result: Backfilled, dry_run: bool
) -> None:
    result.seen += len(rows)
    result.no_address += [row.id for row in rows if row.email and key_of(row.email) is None]
    wrong = {row.id: key_of(row.email) for row in rows if key_of(row.email) != row.email_key}
    shared = _shared(session, directory, sorted({key for key in wrong.values() if key}))
    result.collisions.update(shared)
    writing = {row: key for row, key in wrong.items() if key not in shared}
    result.written += len(writing)
    if not dry_run:
        _write(session, directory, writing)


def _shared(session: Session, directory: ModelDirectory, keys: Sequence[str]) -> dict[str, list[object]]:
    """Return those of ``keys`` that several rows share, each with the ids of these rows."""
    model, identity = directory.model, directory.mapper.primary_key[0]
    query = select(identity, model.email).where(has_email(model, keys, session.get_bind().dialect.name))
    having: dict[str, list[object]] = {key: [] for key in keys}
    for row_id, email in session.execute(query.order_by(identity)):
        having.get(key_of(email) or "", []).append(row_id)
    return {key: rows for key, rows in having.items() if len(rows) > 1}


def _write(session: Session, directory: ModelDirectory, keys: Mapping[object, str | None]) -> None:
    model, column = directory.model, directory.mapper.primary_key[0]
    for row, key in keys.items():
        if key is not None:
            # A row that has the key has another address, or there would be a collision.
            free = update(model).where(model.email_key == key, column != row).values(email_key=None)
            session.execute(free, execution_options=UNSEEN)
        changed = update(model).where(column == row).values(email_key=key)
        session.execute(changed, execution_options=UNSEEN)
