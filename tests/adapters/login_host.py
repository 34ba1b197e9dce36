"""A host whose users, codes and sessions are in one database, and the logins of its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from flask_otpauth.adapters.sqlalchemy.directory.model import packaged_model
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.engine.logins import log_in
from flask_otpauth.ports.directory import NewUser, User, UserLookup
from flask_otpauth.ports.storage import LoginAttempt, LoginResult, UserIssue
from flask_otpauth.testing.storage_contract.logins import new_session
from flask_otpauth.testing.storage_contract.samples import BUDGET, QUOTA, Subject, fresh_name, one_row
from tests.adapters.databases import emptied


class Host:
    """Users, codes and sessions in one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.storage = SqlAlchemyStorage(engine)
        self.directory = ModelDirectory(packaged_model(self.storage.tables.metadata), engine)
        self.storage.create_all()
        self.directory.create_all()
        emptied(self.storage)

    def user(self) -> User:
        """A new user."""
        return self.directory.create(NewUser(email=f"{fresh_name('user')}@example.com"))

    def lookup(self, address: str) -> UserLookup:
        """Whoever has the address."""
        return UserLookup(self.directory, "email", address, partial(self.directory.find, "email", address))

    def request(self, subject: Subject, address: str, *, for_anyone: bool = True) -> UserIssue:
        """An issue to whoever has the address."""
        issue = subject.issue("111111", send_limits=(QUOTA,))
        return UserIssue(issue, self.lookup(address), for_anyone)

    def attempt(self, subject: Subject, address: str, code: str = "111111") -> LoginAttempt:
        """A login of whoever has the address."""
        guess = subject.guess(code, locks=(BUDGET,))
        return LoginAttempt(guess, self.lookup(address), new_session(), closing_others=True)

    def log_in(self, address: str, code: str = "111111") -> LoginResult:
        """Issue a code and log in with ``code``."""
        subject = one_row()
        self.storage.challenges.issue(subject.issue("111111"))
        return log_in(self.storage, self.attempt(subject, address, code))

    def statements(self, work: Callable[[], object]) -> list[str]:
        """The first word of each statement that ``work`` takes."""
        words: list[str] = []

        def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
            words.append(sql.split(maxsplit=1)[0])

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            work()
        finally:
            event.remove(self.engine, "before_cursor_execute", note)
        return words

    @contextmanager
    def without_errors(self) -> Iterator[None]:
        """The database refuses no statement, since its log would show the values."""
        errors: list[BaseException] = []

        def note(context: ExceptionContext) -> None:
            errors.append(context.original_exception)

        event.listen(self.engine, "handle_error", note)
        try:
            yield
        finally:
            event.remove(self.engine, "handle_error", note)
        assert errors == []


def address_of(user: User) -> str:
    assert user.email is not None
    return user.email
