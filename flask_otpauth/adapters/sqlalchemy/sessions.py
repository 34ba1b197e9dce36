"""Sessions, and the token generations of their users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, or_, select, update

from flask_otpauth.adapters.sqlalchemy.database import MAX_TRIES, Database, Values, retry_until_explained
from flask_otpauth.adapters.sqlalchemy.tables import columns_of
from flask_otpauth.core import instants
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.sessions import Refresh, Rotation, Session, judge_refresh


@dataclass(frozen=True)
class SqlSessionStore:
    """A :class:`~flask_otpauth.ports.storage.SessionStore` in two tables."""

    database: Database
    table: Table
    generations: Table

    def open(self, session: Session, *, closing_others: bool) -> int:
        """
        See the port. Two write statements where others are closed, else one.

        Of callers that race to open the only session, the later ones close the earlier: a user
        stands once in ``alone_for``, so they meet there even where neither saw the other's row.
        """
        with self.database.transaction():
            if not closing_others:
                self.database.write(self.database.insert(self.table).values(**vars(session)))
                return 0
            opened_at = session.rotated_at
            closed = _alive(self._close(self.table.c.user_id == session.user_id, opened_at), opened_at)
            for _ in range(MAX_TRIES):
                other = self._insert_or_close(session)
                if other is None:
                    return closed
                closed += _alive([other], opened_at)
        raise StorageUnavailable("gave up because other requests kept opening sessions of this user")

    def rotate(self, refresh: Refresh) -> tuple[Rotation, Session | None]:
        """See the port. One write statement where the token is the newest."""
        with self.database.transaction():
            return retry_until_explained(lambda: self._rotated(refresh), lambda: self._not_rotated(refresh))

    def find(self, session_id: str) -> Session | None:
        """See the port."""
        query = select(*columns_of(self.table, Session)).where(self.table.c.id == session_id)
        rows = self.database.read(query)
        return Session(**rows[0]) if rows else None

    def list_open(self, user_id: str, now_ms: int) -> Sequence[Session]:
        """See the port."""
        row = self.table.c
        query = select(*columns_of(self.table, Session)).where(
            row.user_id == user_id,
            row.closed_at.is_(None),
            row.ends_at > now_ms,
            row.authenticated_at <= now_ms + instants.AHEAD_MS,
        )
        rows = self.database.read(query.order_by(row.authenticated_at.desc(), row.id))
        return [Session(**each) for each in rows]

    def close(self, session_id: str, now_ms: int) -> bool:
        """See the port."""
        with self.database.transaction():
            return bool(_alive(self._close(self.table.c.id == session_id, now_ms), now_ms))

    def close_all(self, user_id: str, now_ms: int) -> int:
        """See the port."""
        generation = self.generations.c.generation
        insert = self.database.insert(self.generations).values(user_id=user_id, generation=1)
        upsert = insert.on_conflict_do_update(index_elements=["user_id"], set_={"generation": generation + 1})
        with self.database.transaction():
            self.database.write(upsert)
            return _alive(self._close(self.table.c.user_id == user_id, now_ms), now_ms)

    def delete_all(self, user_id: str) -> int:
        """See the port."""
        with self.database.transaction():
            return self.database.write(self.table.delete().where(self.table.c.user_id == user_id))

    def generation(self, user_id: str) -> int:
        """See the port."""
        query = select(self.generations.c.generation).where(self.generations.c.user_id == user_id)
        rows = self.database.read(query)
        return int(rows[0]["generation"]) if rows else 0

    def purge(self, before_ms: int) -> int:
        """Delete sessions that ended before."""
        row = self.table.c
        ended = or_(row.ends_at < before_ms, row.closed_at < before_ms)
        return self.database.purge(self.table, ended)

    def _close(self, which: ColumnElement[bool], now_ms: int) -> list[Values]:
        """Close those that nobody closed; each with its natural end."""
        row = self.table.c
        closing = update(self.table).where(which, row.closed_at.is_(None))
        return self.database.returning(
            closing.values(closed_at=now_ms, alone_for=None).returning(row.authenticated_at, row.ends_at)
        )

    def _insert_or_close(self, session: Session) -> Values | None:
        """
        Insert the only session of its user, or close the one that came in between and return it.

        The closed row stays locked, so that nobody else comes in between a second time.
        """
        row = self.table.c
        insert = self.database.insert(self.table).values(**vars(session), alone_for=session.user_id)
        upsert = insert.on_conflict_do_update(
            index_elements=["alone_for"], set_={"closed_at": session.rotated_at, "alone_for": None}
        )
        written = self.database.returning(upsert.returning(row.id, row.authenticated_at, row.ends_at))[0]
        return None if written["id"] == session.id else written

    def _rotated(self, refresh: Refresh) -> tuple[Rotation, Session] | None:
        row = self.table.c
        rotating = update(self.table).where(
            and_(
                row.id == refresh.session_id,
                row.generation == refresh.generation,
                row.closed_at.is_(None),
                row.ends_at > refresh.now_ms,
                row.authenticated_at <= refresh.now_ms + instants.AHEAD_MS,
                row.rotated_at > refresh.now_ms - refresh.token_ttl_ms,
            )
        )
        rows = self.database.returning(
            rotating.values(generation=row.generation + 1, rotated_at=refresh.now_ms).returning(
                *columns_of(self.table, Session)
            )
        )
        return (Rotation.ROTATED, Session(**rows[0])) if rows else None

    def _not_rotated(self, refresh: Refresh) -> tuple[Rotation, Session | None] | None:
        session = self.find(refresh.session_id)
        rotation = judge_refresh(session, refresh)
        if rotation is Rotation.ROTATED:
            return None
        if rotation is Rotation.REUSED:
            # What was reused stays reused, whatever happens to the row meanwhile, but for its end.
            rotation = Rotation.REUSED if self.close(refresh.session_id, refresh.now_ms) else Rotation.DEAD
            session = self.find(refresh.session_id)
        return rotation, session


def _alive(closed: list[Values], now_ms: int) -> int:
    latest = now_ms + instants.AHEAD_MS
    return sum(row["authenticated_at"] <= latest and row["ends_at"] > now_ms for row in closed)
