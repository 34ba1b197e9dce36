"""A login in one transaction, with one look at the user: all tables are in one database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import event, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.engine.logins import log_in
from flask_otpauth.engine.sessions import session_of
from flask_otpauth.ports.directory import NewUser, UserLookup
from flask_otpauth.ports.storage import LoginAttempt, LoginResult
from flask_otpauth.testing.storage_contract.logins import new_session
from flask_otpauth.testing.storage_contract.samples import NOON, Subject, one_row, two_rows
from tests.adapters.databases import sqlite_engine
from tests.adapters.login_host import Host, address_of


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    engine = sqlite_engine(tmp_path / "host.sqlite")
    yield Host(engine)
    engine.dispose()


def result_of(host: Host, attempt: LoginAttempt) -> LoginResult:
    """The outcome of a login of the storage, which does it in its one transaction."""
    result = host.storage.log_in(attempt)
    assert result is not None
    return result


@pytest.mark.parametrize("subject", [one_row(), two_rows()])
def test_a_login_looks_at_the_user_once_while_it_has_the_lock(host: Host, subject: Subject) -> None:
    user, results = host.user(), list[LoginResult]()
    earlier = host.log_in(address_of(user))
    host.storage.challenges.issue(subject.issue("111111"))
    attempt = host.attempt(subject, address_of(user))

    words = host.statements(lambda: results.append(result_of(host, attempt)))

    [result] = results
    assert (words[0], words.count("SELECT")) == ("BEGIN", 1)
    assert (result.verdict.state, result.closed, result.looked_again) == (GuessState.ACCEPTED, 1, True)
    assert result.user == user
    assert result.session == session_of(user, attempt.session)
    assert list(host.storage.sessions.list_open(str(user.id), NOON)) == [result.session]
    assert earlier.session is not None


@pytest.mark.parametrize("is_known", [True, False])
def test_a_wrong_code_takes_one_statement_whether_there_is_a_user_or_not(host: Host, is_known: bool) -> None:
    address = address_of(host.user()) if is_known else "nobody@example.com"
    subject, results = one_row(), list[LoginResult]()
    host.storage.challenges.issue(subject.issue("111111"))
    attempt = host.attempt(subject, address, "222222")

    words = host.statements(lambda: results.append(result_of(host, attempt)))

    assert words == ["BEGIN", "UPDATE"]
    assert [(result.verdict.state, result.verdict.left) for result in results] == [(GuessState.WRONG, 4)]


def test_without_an_enabled_user_the_code_is_used_up_and_no_session_is_open(host: Host) -> None:
    user = host.user()
    host.directory.set_enabled(str(user.id), False)

    disabled, unknown = host.log_in(address_of(user)), host.log_in("nobody@example.com")

    assert [result.verdict.state for result in (disabled, unknown)] == [GuessState.ACCEPTED] * 2
    assert [result.session for result in (disabled, unknown)] == [None, None]
    assert (disabled.user is not None, unknown.user) == (True, None)
    assert not host.storage.sessions.list_open(str(user.id), NOON)


def test_nobody_is_meant_by_an_address_that_two_users_have(host: Host) -> None:
    address = address_of(host.user())
    with host.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO otpauth_users (email, person_key) VALUES (:email, 'other')"),
            {"email": address.upper()},
        )

    result = host.log_in(address)

    assert (result.verdict.state, result.user, result.session) == (GuessState.ACCEPTED, None, None)


def test_an_address_that_was_changed_by_sql_means_its_user_no_longer(host: Host) -> None:
    user = host.user()
    with host.engine.begin() as connection:
        connection.execute(
            text("UPDATE otpauth_users SET email = :email WHERE id = :id"),
            {"email": f"new-{address_of(user)}", "id": user.id},
        )

    result = host.log_in(address_of(user))

    assert (result.verdict.state, result.user, result.session) == (GuessState.ACCEPTED, None, None)


def test_a_user_who_needs_a_person_key_gets_one_from_the_directory_and_is_logged_in(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    with host.engine.begin() as connection:
        connection.execute(text("UPDATE otpauth_users SET person_key = NULL"))
    attempt = host.attempt(subject, address_of(user))

    assert host.storage.log_in(attempt) is None
    result = log_in(host.storage, attempt)

    assert (result.verdict.state, result.looked_again) == (GuessState.ACCEPTED, False)
    assert result.session is not None
    assert result.session.person_key


def test_a_user_who_has_a_phone_number_is_logged_in_too(host: Host) -> None:
    number, subject = "+84912345678", one_row()
    user = host.directory.create(NewUser(phone=number))
    host.storage.challenges.issue(subject.issue("111111"))
    lookup = UserLookup(host.directory, "phone", number, partial(host.directory.find, "phone", number))

    result = result_of(host, LoginAttempt(subject.guess("111111"), lookup, new_session(), True))

    assert (result.user, result.looked_again) == (user, True)


def test_users_that_are_read_as_objects_or_are_elsewhere_are_found_by_the_directory(
    host: Host, tmp_path: Path
) -> None:
    user, subject = host.user(), one_row()
    attempt = host.attempt(subject, address_of(user))
    engine = sqlite_engine(tmp_path / "codes.sqlite")
    elsewhere = SqlAlchemyStorage(engine)
    event.listen(host.directory.model, "load", lambda *_: None)

    assert [storage.log_in(attempt) for storage in (host.storage, elsewhere)] == [None, None]
    engine.dispose()


def test_a_session_that_cannot_be_opened_leaves_the_code(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    with host.engine.begin() as connection:
        fails = "CREATE TRIGGER fails BEFORE INSERT ON otpauth_sessions BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.execute(text(fails))

    with pytest.raises(Exception, match="no"):
        host.storage.log_in(host.attempt(subject, address_of(user)))

    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED


def test_of_16_logins_at_once_one_opens_a_session(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    attempts = [host.attempt(subject, address_of(user)) for _ in range(16)]

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(partial(result_of, host), attempts))

    [session] = [result.session for result in results if result.session is not None]
    assert Counter(result.verdict.state for result in results) == {
        GuessState.ACCEPTED: 1,
        GuessState.USED: 15,
    }
    assert list(host.storage.sessions.list_open(str(user.id), NOON)) == [session]


def test_a_user_who_is_disabled_at_the_same_moment_has_no_session_in_the_end(host: Host) -> None:
    for _ in range(10):
        user, subject, barrier = host.user(), one_row(), Barrier(2)
        host.storage.challenges.issue(subject.issue("111111"))
        attempt = host.attempt(subject, address_of(user))

        def disable(user_id: str = str(user.id), barrier: Barrier = barrier) -> None:
            barrier.wait(60)
            host.directory.set_enabled(user_id, False)
            host.storage.sessions.close_all(user_id, NOON)

        with ThreadPoolExecutor(1) as thread:
            disabling = thread.submit(disable)
            barrier.wait(60)
            result_of(host, attempt)
            disabling.result(60)

        assert not host.storage.sessions.list_open(str(user.id), NOON)
