"""
What PostgreSQL can do in one statement: issue a code to the user who has an address, and log that user in.

A statement for an issue finds the user and issues the code. One for a login finds the user, redeems the code
and opens the session.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from flask_otpauth.adapters.sqlalchemy.challenges import (
    GuessShape,
    IssueShape,
    SqlChallengeStore,
    guess_shape,
    guess_values,
    is_one_step,
    issue_shape,
    issue_values,
    judging,
    renamed,
    verdict_of,
)
from flask_otpauth.adapters.sqlalchemy.database import Database, error_code
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.dialects.base import on_conflict, updating
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import EmailQuery, ModelDirectory
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.sessions import COLUMNS, SqlSessionStore
from flask_otpauth.adapters.sqlalchemy.statements import Row
from flask_otpauth.adapters.sqlalchemy.tables import Digest, Instant
from flask_otpauth.core.challenges import ChallengeRow, IssueResult, with_code, with_send, withheld_digest
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.service import service
from flask_otpauth.core.sessions import Session
from flask_otpauth.ports.directory import UserLookup
from flask_otpauth.ports.storage import LoginAttempt, LoginResult, UserIssue, UserIssueResult

_LOCK_NOT_AVAILABLE = "55P03"

_NOW_MS = bindparam("now_ms", type_=Instant)
_LATEST_MS = bindparam("latest_ms", type_=Instant)

#: The names of the parameters for an address. An address that can be written in several ways has more.
Names = tuple[str, ...]


@service
class PostgresqlLogins:
    """Issues codes to users and logs them in. Their table is in the database of the codes and sessions."""

    challenges: SqlChallengeStore
    sessions: SqlSessionStore

    def issue_to_user(self, request: UserIssue) -> UserIssueResult | None:
        """
        Issue a code with one statement. Return ``None`` if it did nothing, because this takes several.

        That is so if only Python can tell whether a row has the address, or if the limits and the code are
        not in one row. If a limit forbids the issue, the row is read to say why.
        """
        issue, users = request.issue, self._users_of(request.user)
        if users is None or not is_one_step(issue):
            return None
        address = users.parameters(request.user.identifier)
        statement = self._issuing(users, tuple(address), issue_shape(issue, "both"), request.for_anyone)
        values = {
            **address,
            **issue_values(issue, issue.limits_key, with_code(with_send(ChallengeRow(), issue), issue)),
            "withheld_digest": withheld_digest(issue.digest),
        }
        [(email, has_code, is_certain, is_issued)] = statement.rows(**values)
        if is_issued:
            return UserIssueResult(IssueResult(), email, is_withheld=not has_code)
        refusal = self.challenges.explain_issue(request.issue_if(has_code)) if is_certain else None
        return None if refusal is None else UserIssueResult(refusal, email, is_withheld=not has_code)

    def log_in(self, attempt: LoginAttempt) -> LoginResult | None:
        """
        Log in with one statement. Return ``None`` if it did nothing, because the login takes several.

        That is so if the code is right and there is no user who is enabled, or only Python can tell whether
        a row has the address, or another transaction is writing the row, or another login of the user has
        just opened the only session. An error would also end an open transaction, in which the several
        statements could not go on.

        A wrong guess is counted by a second statement, whether there is a user or not. So it does not show
        who has an account.
        """
        guess, users = attempt.guess, self._users_of(attempt.user)
        if users is None or guess.limits_key != guess.challenge_key or self._database.is_in_transaction:
            return None
        address = users.parameters(attempt.user.identifier)
        statement = self._logging_in(
            users, tuple(address), guess_shape(guess, is_right=True), attempt.closing_others
        )
        values = {**address, **guess_values(guess), **new_values(vars(attempt.session))}
        try:
            rows = statement.rows(row_key=guess.limits_key, **values)
        except IntegrityError:
            return None
        except StorageUnavailable as error:
            if error_code(error.__cause__) == _LOCK_NOT_AVAILABLE:
                return None
            raise
        if not rows:
            refusal = self.challenges.count_if_wrong(guess) or self.challenges.refusal(guess)
            return None if refusal is None else LoginResult(refusal)
        [(*columns, guesses, closed)] = rows
        user = users.user(columns)
        owner = {"user_id": str(user.id), "person_key": user.person_key or ""}
        session = Session(**{**vars(attempt.session), **owner})
        verdict = verdict_of(guess, guesses, guess.now_ms)
        return LoginResult(verdict, user, session, closed, looked_again=True)

    @property
    def _database(self) -> Database:
        return self.challenges.database

    def _users_of(self, lookup: UserLookup) -> EmailQuery | None:
        """Return the look-up of users, if their table is on the engine of the codes."""
        directory = lookup.directory
        if lookup.kind != "email" or not isinstance(directory, ModelDirectory):
            return None
        return directory.email_query if directory.is_in(self._database) else None

    @cached_property
    def _issuing(self) -> Callable[[EmailQuery, Names, IssueShape, bool], Prepared]:
        return cache(
            lambda users, address, shape, for_anyone: self._database.prepare(
                self._issue_statement(users, address, shape, for_anyone), writes=True
            )
        )

    def _issue_statement(
        self, users: EmailQuery, address: Names, shape: IssueShape, for_anyone: bool
    ) -> Select[Row]:
        """Issue the code, or a digest that no code has if nobody may get it. Both take the same time."""
        always = select(literal_column("1").label("n")).subquery("always")
        is_certain = or_(users.id.is_(None), users.is_certain)
        meant = select(
            users.email.label("email"),
            func.coalesce(users.is_enabled, true() if for_anyone else false()).label("has_code"),
            and_(is_certain, ~users.may_be_in_another(address)).label("is_certain"),
        )
        meant_cte = meant.select_from(always.outerjoin(users.table, users.has_key)).cte("meant")
        table, issuing = self.challenges.table, self.challenges.issuing(shape)
        withheld = bindparam("withheld_digest", type_=Digest)
        digest = case((meant_cte.c.has_code, issuing.row["digest"]), else_=withheld)
        row = {**issuing.row, "digest": digest}
        source = select(*row.values()).where(meant_cte.c.is_certain)
        insert_row = dialect_of("postgresql").insert(table).from_select(list(row), source)
        issued = on_conflict(insert_row, issuing).returning(table.c.key).cte("issued")
        return select(*meant_cte.c, exists(select(issued.c.key)))

    @cached_property
    def _logging_in(self) -> Callable[[EmailQuery, Names, GuessShape, bool], Prepared]:
        return cache(
            lambda users, address, shape, closing_others: self._database.prepare(
                self._login_statement(users, address, shape, closing_others), writes=True
            )
        )

    def _login_statement(
        self, users: EmailQuery, address: Names, shape: GuessShape, closing_others: bool
    ) -> Select[Row]:
        """
        Make each step of a login a part of one statement, which begins with the row of the user.

        The row is locked against a change until the commit (``FOR SHARE``). If the user is disabled at the
        same moment, either the row says so already, or the new session is closed with the others of the
        user. The statement does not wait for the lock, because a transaction of the host in this thread
        may have it.

        Each part that has fewer columns and functions saves time: PostgreSQL sets up all parts each time.
        """
        is_certain = and_(users.is_certain, users.id_text.is_not(None), ~users.may_be_in_another(address))
        may_log_in = and_(is_certain, users.is_enabled).label("may_log_in")
        user = select(*users.columns, users.id_text.label("id_text"), may_log_in)
        locked = user.where(users.has_key).with_for_update(read=True, nowait=True, of=users.table)
        found = locked.cte("found")
        # Short names: psycopg remembers how it reads a statement up to 4096 characters.
        challenge = renamed(self.challenges.table, "c")
        redeeming = updating(judging(challenge, shape)).where(found.c.may_log_in)
        redeemed = redeeming.returning(challenge.c.guesses, found.c.id_text, found.c.person_key)
        redeemed_cte = redeemed.cte("redeemed")
        closed = self._closing(redeemed_cte) if closing_others else select(literal_column("0").label("n"))
        ended = closed.cte("ended")
        columns = (*users.columns_in(found), redeemed_cte.c.guesses, ended.c.n)
        all_of_it = redeemed_cte.join(ended, true()).join(found, true())
        opened = self._opening(redeemed_cte, ended, closing_others)
        return select(*columns).select_from(all_of_it).add_cte(opened)

    def _closing(self, redeemed: CTE) -> Select[int]:
        """Close the other sessions of the user, in the order of their ids. Return how many were live."""
        session = renamed(self.sessions.table, "s")
        row = session.c
        others = (
            select(row.id)
            .where(row.user_id == select(redeemed.c.id_text).scalar_subquery(), row.closed_at.is_(None))
            .order_by(row.id)
            .with_for_update()
            .cte("others")
        )
        closing = update(session).where(row.id == others.c.id).values(closed_at=_NOW_MS, alone_for=null())
        closed = closing.returning(row.authenticated_at, row.ends_at).cte("closed")
        was_live = (closed.c.authenticated_at <= _LATEST_MS, closed.c.ends_at > _NOW_MS)
        return select(func.count().filter(*was_live).label("n")).select_from(closed)

    def _opening(self, redeemed: CTE, ended: CTE, closing_others: bool) -> CTE:
        """
        Open the session of the user whose code was redeemed.

        It is joined to the closed sessions, so that they have left the unique column before it enters.
        """
        table = self.sessions.table
        values: dict[str, ColumnElement[object]] = {
            name: new_value(table, name) for name in COLUMNS if name not in ("generation", "closed_at")
        }
        values |= {"user_id": redeemed.c.id_text, "person_key": redeemed.c.person_key}
        values["generation"] = literal_column("0")
        if closing_others:
            values["alone_for"] = redeemed.c.id_text
        row = select(*values.values()).select_from(redeemed.join(ended, true()))
        return insert(table).from_select(list(values), row).cte("opened")


def logins_of(challenges: SqlChallengeStore, sessions: SqlSessionStore) -> PostgresqlLogins | None:
    """Return what issues and logs in by one statement, or ``None`` if the database is not PostgreSQL."""
    is_postgresql = challenges.database.engine.dialect.name == "postgresql"
    return PostgresqlLogins(challenges, sessions) if is_postgresql else None
