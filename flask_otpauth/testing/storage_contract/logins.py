"""
Tests for codes that are sent to users, and for logins.

A login uses up the code and opens the session: both, or neither.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import cast

import pytest

from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sessions import Session
from flask_otpauth.engine.codes import issue_to_user
from flask_otpauth.engine.logins import log_in
from flask_otpauth.engine.sessions import session_of
from flask_otpauth.ports.directory import Directory, User, UserLookup
from flask_otpauth.ports.storage import LoginAttempt, LoginResult, Storage, UserIssue
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race
from flask_otpauth.testing.storage_contract.samples import COOLDOWN, DAY, NOON, Subject, fresh_name


@frozen
class Person:
    """A user."""

    id: str
    person_key: str = "mark"
    is_enabled: bool = True
    email: str | None = "user@example.com"
    phone: str | None = None
    member_id: str | None = None
    full_name: str = ""
    avatar_url: str | None = None
    password_hash: str | None = None
    email_verified: bool = True
    phone_verified: bool = False


@frozen
class LogIn:
    """A login, as one operation of a race."""

    attempt: LoginAttempt

    def __call__(self, storage: Storage) -> LoginResult:
        return log_in(storage, self.attempt)


def return_user(user: User | None) -> User | None:
    """Return ``user``. This is a function of a module, so that another process can call it."""
    return user


def new_session(now_ms: int = NOON) -> Session:
    """Return a session that begins at ``now_ms`` and has no user yet."""
    return Session(fresh_name("session"), "", now_ms, now_ms, now_ms + DAY)


def attempt_of(
    subject: Subject, user: User | None, code: str = "111111", *, closing_others: bool = True
) -> LoginAttempt:
    """Return a login with ``code``."""
    return LoginAttempt(subject.guess(code), lookup_of(user), new_session(), closing_others)


def lookup_of(user: User | None) -> UserLookup:
    """Return a look-up that finds ``user``. The storage must call it: it does not know the directory."""
    return UserLookup(cast("Directory", None), "email", "user@example.com", partial(return_user, user))


def request_of(subject: Subject, user: User | None, *, for_anyone: bool = True) -> UserIssue:
    """Return an issue of a code to ``user``."""
    issue = subject.issue("111111", send_limits=(COOLDOWN,))
    return UserIssue(issue, lookup_of(user), for_anyone)


class LoginContract(ContractBase):
    """Redeeming a code and opening a session in one step."""

    @pytest.fixture
    def person(self) -> Person:
        return Person(fresh_name("user"))

    @pytest.mark.parametrize(
        ("is_enabled", "for_anyone"), [(True, False), (False, True), (None, True), (None, False)]
    )
    def test_only_who_is_entitled_to_a_code_gets_one_and_all_meet_the_same_limits(
        self, storage: Storage, subject: Subject, person: Person, is_enabled: bool | None, for_anyone: bool
    ) -> None:
        """``is_enabled`` is ``None`` if nobody has the address."""
        user = None if is_enabled is None else replace(person, is_enabled=is_enabled)
        is_entitled = for_anyone if is_enabled is None else is_enabled

        first = issue_to_user(storage, request_of(subject, user, for_anyone=for_anyone))
        verdict = storage.challenges.redeem(subject.guess("111111"))
        second = issue_to_user(storage, request_of(subject, user, for_anyone=for_anyone))

        assert (first.result.block, first.is_withheld) == (None, not is_entitled)
        assert first.email == (user.email if user else None)
        assert verdict.state is (GuessState.ACCEPTED if is_entitled else GuessState.WRONG)
        assert second.result.block is not None
        assert second.result.block.kind == "cooldown"

    def test_a_right_code_opens_the_session_of_its_user(
        self, storage: Storage, subject: Subject, person: Person
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        attempt = attempt_of(subject, person)

        result = log_in(storage, attempt)

        assert (result.verdict.state, result.user, result.closed) == (GuessState.ACCEPTED, person, 0)
        assert result.session == session_of(person, attempt.session)
        assert storage.sessions.find(attempt.session.id) == result.session
        assert log_in(storage, attempt_of(subject, person)).verdict.state is GuessState.USED

    def test_a_wrong_code_is_counted_and_opens_nothing(
        self, storage: Storage, subject: Subject, person: Person
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        attempts = [attempt_of(subject, person, "222222") for _ in range(2)]

        results = [log_in(storage, attempt) for attempt in attempts]

        assert [(result.verdict.state, result.verdict.left) for result in results] == [
            (GuessState.WRONG, 4),
            (GuessState.WRONG, 3),
        ]
        assert [result.session for result in results] == [None, None]
        assert [storage.sessions.find(attempt.session.id) for attempt in attempts] == [None, None]

    @pytest.mark.parametrize("is_known", [True, False])
    def test_without_an_enabled_user_the_code_is_used_up_and_no_session_is_open(
        self, storage: Storage, subject: Subject, person: Person, is_known: bool
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        disabled = replace(person, is_enabled=False) if is_known else None
        attempt = attempt_of(subject, disabled)

        result = log_in(storage, attempt)

        assert (result.verdict.state, result.user, result.session) == (GuessState.ACCEPTED, disabled, None)
        assert storage.sessions.find(attempt.session.id) is None
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.USED

    def test_a_login_closes_the_users_other_sessions_if_it_is_told_to(
        self, storage: Storage, subject: Subject, person: Person
    ) -> None:
        attempts = [attempt_of(subject, person, closing_others=closing) for closing in (False, False, True)]
        closed = []
        for attempt in attempts:
            storage.challenges.issue(subject.issue("111111"))
            closed.append(log_in(storage, attempt).closed)

        assert closed == [0, 0, 2]
        assert list(storage.sessions.list_open(person.id, NOON)) == [session_of(person, attempts[-1].session)]

    def test_what_undoes_the_login_leaves_the_code_and_the_sessions(
        self, storage: Storage, subject: Subject, person: Person
    ) -> None:
        earlier = session_of(person, new_session())
        storage.sessions.open(earlier, closing_others=True)
        storage.challenges.issue(subject.issue("111111"))
        attempt = attempt_of(subject, person)

        def log_in_and_fail() -> None:
            log_in(storage, attempt)
            raise InterruptedError

        with suppress(InterruptedError):
            storage.atomically(log_in_and_fail)

        assert storage.sessions.find(attempt.session.id) is None
        assert storage.sessions.find(earlier.id) == earlier
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED

    def test_of_16_logins_with_one_code_one_opens_a_session(
        self, storage: Storage, subject: Subject, person: Person, race: Race
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        attempts = [attempt_of(subject, person) for _ in range(16)]

        results = race([LogIn(attempt) for attempt in attempts])

        [winner] = [result for result in results if result.session is not None]
        assert Counter(result.verdict.state for result in results) == {
            GuessState.ACCEPTED: 1,
            GuessState.USED: 15,
        }
        assert list(storage.sessions.list_open(person.id, NOON)) == [winner.session]
