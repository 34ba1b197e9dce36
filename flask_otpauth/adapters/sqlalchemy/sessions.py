"""Sessions, the token generations of their users, and codes and logins for users in the same SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache, cached_property, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    literal_column,
    null,
    or_,
    select,
    true,
)

from flask_otpauth.adapters.sqlalchemy.challenges import SqlChallengeStore
from flask_otpauth.adapters.sqlalchemy.database import MAX_TRIES, Database, retry_until_explained
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import (
    IdQuery,
    ModelDirectory,
    StoredUser,
    rows_if_taken,
)
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Deletion, Row, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Instant, Name, columns_of
from flask_otpauth.core import instants
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.service import service
from flask_otpauth.core.sessions import Refresh, Rotation, Session, judge_refresh
from flask_otpauth.ports.directory import Directory, User, UserLookup
from flask_otpauth.ports.storage import (
    LoginAttempt,
    LoginResult,
    Purge,
    PurgedBatch,
    UserIssue,
    UserIssueResult,
)

#: The columns of a session.
COLUMNS = tuple(field.name for field in fields(Session))

_ID = bindparam("session_id", type_=Name)
_USER = bindparam("session_user_id", type_=Name)
_NOW_MS = bindparam("now_ms", type_=Instant)
_LATEST_MS = bindparam("latest_ms", type_=Instant)
_CLOSED = {"closed_at": _NOW_MS, "alone_for": null()}


@service
class SqlSessionStore:
    """A :class:`~flask_otpauth.ports.storage.SessionStore` in two tables."""

    database: Database
    table: Table
    generations: Table

    def open(self, session: Session, *, closing_others: bool) -> int:
        """
        See the port. Two write statements if others are closed, else one.

        If several callers open the only session of a user at once, the later ones close the earlier:
        a user is in ``alone_for`` once, so they meet there even if neither saw the row of the other.
        """
        values = new_values(vars(session))
        if not closing_others:
            self._opening.count(**values)
            return 0
        return self.database.atomically(lambda: self._open_alone(session, values))

    def rotate(self, refresh: Refresh) -> tuple[Rotation, Session | None]:
        """See the port. One write statement if the token is the newest."""
        return retry_until_explained(lambda: self._rotate(refresh), lambda: self._explain(refresh))

    def find(self, session_id: str) -> Session | None:
        """See the port."""
        rows = self._finding.rows(session_id=session_id)
        return Session(*rows[0]) if rows else None

    def find_with_user(
        self, session_id: str, user_id: str, directory: Directory
    ) -> tuple[Session, User] | None:
        """See the port. It is one read by two keys if the users are in this database."""
        users = self._users_of(directory)
        key = None if users is None else users.parameters(user_id)
        if users is None or key is None:
            return None
        rows = rows_if_taken(partial(self._finding_with(users).rows, session_id=session_id, **key))
        if not rows:
            return None
        of_session, of_user = rows[0][: len(COLUMNS)], rows[0][len(COLUMNS) :]
        user = users.user(of_user, user_id)
        return None if user is None else (Session(*of_session), user)

    def list_open(self, user_id: str, now_ms: int) -> Sequence[Session]:
        """See the port."""
        latest_ms = now_ms + instants.AHEAD_MS
        rows = self._listing.rows(session_user_id=user_id, now_ms=now_ms, latest_ms=latest_ms)
        return [Session(*row) for row in rows]

    def close(self, session_id: str, now_ms: int) -> bool:
        """See the port."""
        return live_count(self._closing_one.rows(session_id=session_id, now_ms=now_ms), now_ms) > 0

    def close_all(self, user_id: str, now_ms: int) -> int:
        """See the port."""

        def close() -> int:
            self._revoking.count(session_user_id=user_id)
            return live_count(self._closing_all.rows(session_user_id=user_id, now_ms=now_ms), now_ms)

        return self.database.atomically(close)

    def delete_all(self, user_id: str) -> int:
        """See the port."""
        return self._deleting.count(session_user_id=user_id)

    def generation(self, user_id: str) -> int:
        """See the port."""
        rows = self._generation.rows(session_user_id=user_id)
        return int(rows[0][0]) if rows else 0

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete sessions that ended before."""
        row = self.table.c
        ended = or_(row.ends_at < purge.before_ms, row.closed_at < purge.before_ms)
        return purge_table(self.database, self.table, ended, purge)

    def _open_alone(self, session: Session, values: Mapping[str, object]) -> int:
        opened_at = session.rotated_at
        closing = self._closing_all.rows(session_user_id=session.user_id, now_ms=opened_at)
        closed = live_count(closing, opened_at)
        for _ in range(MAX_TRIES):
            # Inserts the only session of its user, or closes the one that came in between. The closed row
            # stays locked, so that no other comes in between a second time.
            [(session_id, *ends)] = self._opening_alone.rows(now_ms=opened_at, **values)
            if session_id == session.id:
                return closed
            closed += live_count([tuple(ends)], opened_at)
        raise StorageUnavailable("gave up because other requests kept opening sessions of this user")

    def _rotate(self, refresh: Refresh) -> tuple[Rotation, Session] | None:
        rows = self._rotating.rows(
            session_id=refresh.session_id,
            presented=refresh.generation,
            now_ms=refresh.now_ms,
            latest_ms=refresh.now_ms + instants.AHEAD_MS,
            unused_since=refresh.now_ms - refresh.token_ttl_ms,
        )
        return (Rotation.ROTATED, Session(*rows[0])) if rows else None

    def _explain(self, refresh: Refresh) -> tuple[Rotation, Session | None] | None:
        session = self.find(refresh.session_id)
        rotation = judge_refresh(session, refresh)
        if rotation is Rotation.ROTATED:
            return None
        if rotation is Rotation.REUSED:
            # Whatever happens to the row meanwhile, the token stays reused until the session ends.
            rotation = Rotation.REUSED if self.close(refresh.session_id, refresh.now_ms) else Rotation.DEAD
            session = self.find(refresh.session_id)
        return rotation, session

    def _users_of(self, directory: Directory) -> IdQuery | None:
        """Return the look-up of users, if their table is in this database."""
        if not isinstance(directory, ModelDirectory) or not directory.is_in(self.database):
            return None
        return directory.id_query

    # -- statements ---------------------------------------------------------------------------

    @cached_property
    def _opening(self) -> Prepared:
        values = {name: new_value(self.table, name) for name in COLUMNS}
        return self.database.prepare(self.table.insert().values(**values))

    @cached_property
    def _opening_alone(self) -> Statement:
        row, values = self.table.c, {name: new_value(self.table, name) for name in COLUMNS}
        new_row = {**values, "alone_for": values["user_id"]}
        returning = (row.id, row.authenticated_at, row.ends_at)
        return self.database.upsert(
            Upsert(self.table, new_row, ("alone_for",), lambda new: _CLOSED, returning=returning)
        )

    @cached_property
    def _finding(self) -> Prepared:
        return self.database.prepare(select(*columns_of(self.table, Session)).where(self.table.c.id == _ID))

    @cached_property
    def _finding_with(self) -> Callable[[IdQuery], Prepared]:
        return cache(lambda users: self.database.prepare(self._joined(users)))

    def _joined(self, users: IdQuery) -> Select[*Row]:
        """Join a session and a user. Each is one row, which is found by its own key."""
        both = self.table.join(users.table, users.condition)
        columns = (*columns_of(self.table, Session), *users.columns)
        return select(*columns).select_from(both).where(self.table.c.id == _ID)

    @cached_property
    def _listing(self) -> Prepared:
        row = self.table.c
        query = select(*columns_of(self.table, Session)).where(row.user_id == _USER, self._is_live)
        return self.database.prepare(query.order_by(row.authenticated_at.desc(), row.id))

    @cached_property
    def _closing_one(self) -> Statement:
        return self._closing(self.table.c.id == _ID)

    @cached_property
    def _closing_all(self) -> Statement:
        row = self.table.c
        return self._closing(true(), locked=self._in_order(row.user_id == _USER, row.closed_at.is_(None)))

    @cached_property
    def _deleting(self) -> Statement:
        return self.database.delete(Deletion(self.table, self._in_order(self.table.c.user_id == _USER)))

    @cached_property
    def _generation(self) -> Prepared:
        row = self.generations.c
        return self.database.prepare(select(row.generation).where(row.user_id == _USER))

    @cached_property
    def _revoking(self) -> Statement:
        """Start the next token generation of a user."""
        row = {"user_id": _USER, "generation": literal_column("1")}
        changes = {"generation": self.generations.c.generation + literal_column("1")}
        return self.database.upsert(Upsert(self.generations, row, ("user_id",), lambda new: changes))

    @cached_property
    def _rotating(self) -> Statement:
        row = self.table.c
        which = and_(
            row.id == _ID,
            row.generation == bindparam("presented", type_=row.generation.type),
            self._is_live,
            row.rotated_at > bindparam("unused_since", type_=Instant),
        )
        changes = {"generation": row.generation + literal_column("1"), "rotated_at": _NOW_MS}
        returning = tuple(columns_of(self.table, Session))
        return self.database.change(Change(self.table, which, changes, returning))

    def _closing(self, which: ColumnElement[bool], locked: Select[Row] | None = None) -> Statement:
        """Close those that are not closed. Return when each was opened, and its natural end."""
        row = self.table.c
        returning = (row.authenticated_at, row.ends_at)
        return self.database.change(
            Change(self.table, and_(which, row.closed_at.is_(None)), _CLOSED, returning, locked)
        )

    def _in_order(self, *which: ColumnElement[bool]) -> Select[Row]:
        """
        Return a query that locks sessions in the order of their ids.

        Otherwise two logins of one user at once could each wait for a session that the other has locked.
        """
        row = self.table.c
        return select(row.id).where(*which).order_by(row.id).with_for_update()

    @property
    def _is_live(self) -> ColumnElement[bool]:
        row = self.table.c
        return and_(row.closed_at.is_(None), row.ends_at > _NOW_MS, row.authenticated_at <= _LATEST_MS)


def live_count(closed: Iterable[Row], now_ms: int) -> int:
    """Return how many of the sessions that were closed were live, by their opening and their natural end."""
    latest = now_ms + instants.AHEAD_MS
    return sum(opened_at <= latest and ends_at > now_ms for opened_at, ends_at in closed)


@service
class SqlLogins:
    """
    Issues codes to users and logs them in. Their table is in the database of the codes and sessions.

    It is for a database in which nobody else can write while a transaction that has written is open.
    """

    challenges: SqlChallengeStore
    sessions: SqlSessionStore

    def issue_to_user(self, request: UserIssue) -> UserIssueResult | None:
        """
        Issue a code on the connection that has read the user. Return ``None`` if it did nothing.

        That is so if the directory must be asked, as for a login.
        """
        find = self._finder(request.user)
        if find is None:
            return None
        with self.challenges.database.one_connection():
            user = find()
            if user is not None and user.person_key is None:
                return None
            return request.issued_to(user, self.challenges.issue)

    def log_in(self, attempt: LoginAttempt) -> LoginResult | None:
        """
        Log in with one transaction. Return ``None`` if it did nothing, because the directory must be asked.

        That is so if the users are elsewhere or are read as objects, or if the directory must first give the
        user a person key.
        """
        find = self._finder(attempt.user)
        return None if find is None else self.challenges.database.attempt(lambda: self._log_in(attempt, find))

    def _log_in(self, attempt: LoginAttempt, find: Callable[[], StoredUser | None]) -> LoginResult | None:
        verdict = self.challenges.redeem(attempt.guess)
        if verdict.state is not GuessState.ACCEPTED:
            # Without a look at the user, so that a wrong code takes the same time if there is none.
            return LoginResult(verdict)
        user = find()
        if user is None or not user.is_enabled:
            return LoginResult(verdict, user)
        if user.person_key is None:
            return None
        owner = {"user_id": str(user.id), "person_key": user.person_key}
        session = Session(**{**vars(attempt.session), **owner})
        closed = self.sessions.open(session, closing_others=attempt.closing_others)
        return LoginResult(verdict, user, session, closed, looked_again=True)

    def _finder(self, lookup: UserLookup) -> Callable[[], StoredUser | None] | None:
        """Return what reads a user in this database, or ``None`` if the directory must be asked."""
        directory = lookup.directory
        if not isinstance(directory, ModelDirectory) or not directory.is_in(self.challenges.database):
            return None
        query = directory.query(lookup.kind)
        if query is None:
            return None
        return partial(self._find, directory, lookup, self._reading(query))

    def _find(self, directory: ModelDirectory, lookup: UserLookup, reading: Prepared) -> StoredUser | None:
        """Return the user with the identifier, or ``None`` if two users have it."""
        users = directory.found(
            lookup.kind,
            lookup.identifier,
            lambda given: [StoredUser(*row) for row in reading.rows(**given)],
        )
        return users[0] if len(users) == 1 else None

    @cached_property
    def _reading(self) -> Callable[[Select[*tuple[Any, ...]]], Prepared]:
        """Read users by an identifier. Until the commit, nobody else can disable them."""
        return cache(self.challenges.database.prepare)
