"""A code for a user, and a login, each in one statement on PostgreSQL: all tables are in one database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import CHAR, MetaData, String, create_engine, make_url, text
from sqlalchemy.orm import Mapped, declarative_base, mapped_column

from flask_otpauth.adapters.sqlalchemy.directory.model import UserMixin, packaged_model
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.core.challenges import Cap, GuessState
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.instants import AHEAD_MS
from flask_otpauth.engine.codes import issue_to_user
from flask_otpauth.engine.logins import log_in
from flask_otpauth.engine.sessions import session_of
from flask_otpauth.ports.directory import NewUser, User, UserLookup
from flask_otpauth.ports.storage import LoginResult, UserIssue, UserIssueResult
from flask_otpauth.testing.storage_contract.logins import new_session
from flask_otpauth.testing.storage_contract.samples import (
    COOLDOWN,
    MINUTE,
    NOON,
    QUOTA,
    Subject,
    cap_of,
    one_row,
    two_rows,
)
from tests.adapters.databases import sqlite_engine, wait_for_a_waiter
from tests.adapters.login_host import Host, address_of

ROUNDS = 30
PATIENCE = 60


@pytest.fixture
def host(postgresql_url: str) -> Iterator[Host]:
    engine = create_engine(postgresql_url, pool_size=10)
    yield Host(engine)
    engine.dispose()


@pytest.fixture
def impatient_host(postgresql_url: str) -> Iterator[Host]:
    """A host whose statements fail if they wait for long."""
    url = make_url(postgresql_url)
    options = f"{url.query['options']} -cstatement_timeout=10s"
    engine = create_engine(url.update_query_dict({"options": options}))
    yield Host(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("case", "for_anyone", "state"),
    [
        ("enabled", False, GuessState.ACCEPTED),
        ("disabled", True, GuessState.WRONG),
        ("unknown", True, GuessState.ACCEPTED),
        ("unknown", False, GuessState.WRONG),
    ],
)
def test_a_code_is_issued_by_one_statement_and_only_to_who_is_entitled_to_it(
    host: Host, case: str, for_anyone: bool, state: GuessState
) -> None:
    user = None if case == "unknown" else host.user()
    address = "nobody@example.com" if user is None else address_of(user)
    if case == "disabled":
        host.directory.set_enabled(str(user.id if user else ""), False)
    subject, results = one_row(), list[UserIssueResult]()

    request = host.request(subject, address, for_anyone=for_anyone)
    words = host.statements(lambda: results.append(issue_to_user(host.storage, request)))

    assert words == ["WITH"]
    [issued] = results
    assert issued.result.block is None
    assert issued.email == (address if user else None)
    assert issued.is_withheld == (state is GuessState.WRONG)
    assert host.storage.challenges.redeem(subject.guess("111111")).state is state


def test_an_issue_that_a_limit_forbids_is_explained_by_one_read(host: Host) -> None:
    user, subject = host.user(), one_row()
    results: list[UserIssueResult] = []

    for _ in range(QUOTA.count):
        assert issue_to_user(host.storage, host.request(subject, address_of(user))).result.block is None
    refused = host.request(subject, address_of(user))
    words = host.statements(lambda: results.append(issue_to_user(host.storage, refused)))

    assert words == ["WITH", "SELECT"]
    [issued] = results
    assert issued.result.block is not None
    assert (issued.result.block.kind, issued.email) == ("quota", user.email)


def test_a_code_for_an_address_of_which_only_python_can_tell_whose_it_is_takes_several_statements(
    host: Host,
) -> None:
    subject = one_row()
    with host.engine.begin() as connection:
        # The sign of the unit Kelvin, which is a k in the canonical form of an address.
        connection.execute(
            text("INSERT INTO otpauth_users (email, person_key) VALUES (:email, 'other')"),
            {"email": "\u212aelvin@example.com"},
        )

    issued = issue_to_user(host.storage, host.request(subject, "kelvin@example.com", for_anyone=False))

    assert issued.email == "\u212aelvin@example.com"
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED


def test_a_code_for_an_address_that_two_users_have_is_issued_to_nobody(host: Host) -> None:
    address, subject = address_of(host.user()), one_row()
    with host.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO otpauth_users (email, person_key) VALUES (:email, 'other')"),
            {"email": address.upper()},
        )

    issued = issue_to_user(host.storage, host.request(subject, address, for_anyone=False))

    assert (issued.result.block, issued.email, issued.is_withheld) == (None, None, True)
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.WRONG


def test_a_code_for_an_address_that_was_changed_by_sql_is_issued_to_nobody(host: Host) -> None:
    user, subject = host.user(), one_row()
    with host.engine.begin() as connection:
        connection.execute(
            text("UPDATE otpauth_users SET email = :email WHERE id = :id"),
            {"email": f"new-{address_of(user)}", "id": user.id},
        )
    requests = [host.request(subject, address_of(user), for_anyone=False) for _ in range(QUOTA.count + 1)]

    results = [issue_to_user(host.storage, request) for request in requests]

    assert [issued.result.issued for issued in results] == [*[True] * QUOTA.count, False]
    assert {issued.email for issued in results} == {None}
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.WRONG


def test_a_row_that_has_the_address_only_for_the_database_takes_no_code_from_its_user(host: Host) -> None:
    subject = one_row()
    user = host.directory.create(NewUser(email="\u00e9@example.com"))
    with host.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO otpauth_users (email, person_key) VALUES (:email, 'other')"),
            {"email": "\u00c9@example.com"},
        )

    issued = issue_to_user(host.storage, host.request(subject, address_of(user), for_anyone=False))

    assert (issued.email, issued.is_withheld) == (user.email, False)
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED


def test_a_row_without_a_person_key_gets_one_before_a_code_is_issued_to_it(host: Host) -> None:
    user, subject = host.user(), one_row()
    with host.engine.begin() as connection:
        connection.execute(text("UPDATE otpauth_users SET person_key = NULL"))

    issued = issue_to_user(host.storage, host.request(subject, address_of(user)))

    assert issued.email == user.email
    found = host.directory.find("email", address_of(user))
    assert found is not None
    assert found.person_key


@pytest.mark.parametrize(("subject", "cap"), [(two_rows(), None), (one_row(), cap_of(QUOTA.count))])
def test_an_issue_of_several_rows_takes_several_statements(
    host: Host, subject: Subject, cap: Cap | None
) -> None:
    user = host.user()
    request = host.request(subject, address_of(user))
    request = replace(request, issue=replace(request.issue, cap=cap))

    issued = issue_to_user(host.storage, request)

    assert (issued.result.issued, issued.email) == (True, user.email)
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
    if cap is not None:
        last = one_row().issue(cap=replace(cap, count=2))
        assert [host.storage.challenges.issue(last).issued for _ in range(2)] == [True, False]


def test_a_code_is_issued_to_whoever_has_a_phone_number(host: Host) -> None:
    number, subject = "+84912345678", one_row()
    user = host.directory.create(NewUser(phone=number))
    lookup = UserLookup(host.directory, "phone", number, partial(host.directory.find, "phone", number))
    request = UserIssue(subject.issue("111111"), lookup, for_anyone=False)

    issued = issue_to_user(host.storage, request)

    assert (issued.email, issued.is_withheld) == (user.email, False)
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED


def test_a_request_of_a_disabled_user_is_recognized_when_it_is_repeated(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.directory.set_enabled(str(user.id), False)
    issue = subject.issue(send_limits=(COOLDOWN,), repeat_within_ms=MINUTE)
    request = UserIssue(issue, host.lookup(address_of(user)), for_anyone=True)

    first, second = (issue_to_user(host.storage, request).result for _ in range(2))

    assert first.issued
    assert (second.block, second.under_way) == (None, True)


def test_inside_a_transaction_an_issue_is_a_part_of_it(host: Host) -> None:
    user, subject = host.user(), one_row()

    with suppress(InterruptedError), host.storage.database.transaction():
        issued = issue_to_user(host.storage, host.request(subject, address_of(user)))
        raise InterruptedError

    assert (issued.result.issued, issued.email) == (True, user.email)
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.NONE


def test_of_16_requests_at_once_as_many_are_issued_as_the_quota_allows(host: Host) -> None:
    user, subject = host.user(), one_row()
    requests = [host.request(subject, address_of(user)) for _ in range(16)]

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(partial(issue_to_user, host.storage), requests))

    assert sum(issued.result.block is None for issued in results) == QUOTA.count
    assert {issued.email for issued in results} == {user.email}


def test_a_login_is_one_statement_and_tells_whose_it_is(host: Host) -> None:
    user = host.user()
    results: list[LoginResult] = []

    earlier = host.log_in(address_of(user))
    subject = one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    attempt = host.attempt(subject, address_of(user))
    words = host.statements(lambda: results.append(log_in(host.storage, attempt)))

    [result] = results
    assert words == ["WITH"]
    assert (result.verdict.state, result.closed, result.looked_again) == (GuessState.ACCEPTED, 1, True)
    assert result.user == host.directory.find("email", address_of(user))
    assert result.session == session_of(user, attempt.session)
    assert list(host.storage.sessions.list_open(str(user.id), NOON)) == [result.session]
    assert earlier.session is not None
    assert host.storage.sessions.find(earlier.session.id) != earlier.session


def test_a_code_does_not_log_in_for_a_subject_that_only_shares_its_limits(host: Host) -> None:
    user, subject = host.user(), one_row()
    sibling = subject.sibling()
    host.storage.challenges.issue(subject.issue("111111"))

    without = log_in(host.storage, host.attempt(sibling, address_of(user)))
    host.storage.challenges.issue(sibling.issue("222222"))
    right = log_in(host.storage, host.attempt(sibling, address_of(user), "222222"))

    assert (without.verdict.state, without.session) == (GuessState.NONE, None)
    assert (right.verdict.state, right.user) == (GuessState.ACCEPTED, user)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_wrong_code_is_two_statements_whether_there_is_a_user_or_not(host: Host, is_known: bool) -> None:
    address = address_of(host.user()) if is_known else "nobody@example.com"
    subject = one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    results: list[LoginResult] = []

    words = host.statements(
        lambda: results.append(log_in(host.storage, host.attempt(subject, address, "222222")))
    )

    assert words == ["WITH", "UPDATE"]
    assert [(result.verdict.state, result.verdict.left) for result in results] == [(GuessState.WRONG, 4)]


def test_without_an_enabled_user_the_code_is_used_up_and_no_session_is_open(host: Host) -> None:
    user = host.user()
    host.directory.set_enabled(str(user.id), False)

    disabled, unknown = host.log_in(address_of(user)), host.log_in("nobody@example.com")

    assert [result.verdict.state for result in (disabled, unknown)] == [GuessState.ACCEPTED] * 2
    assert [result.session for result in (disabled, unknown)] == [None, None]
    assert disabled.user is not None
    assert unknown.user is None


def test_nobody_is_meant_by_an_address_that_two_users_have(host: Host) -> None:
    address = address_of(host.user())
    with host.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO otpauth_users (email, person_key) VALUES (:email, 'other')"),
            {"email": address.upper()},
        )

    result = host.log_in(address)

    assert (result.verdict.state, result.user, result.session) == (GuessState.ACCEPTED, None, None)


def test_without_a_unique_index_of_the_key_nobody_is_meant_by_a_key_that_two_users_have(host: Host) -> None:
    key_column = mapped_column(String(254))
    attributes = {"__tablename__": "keyed", "id": mapped_column(primary_key=True), "email_key": key_column}
    hints = {"__annotations__": {"id": Mapped[int]}}
    host.directory = ModelDirectory(
        type("Keyed", (UserMixin, declarative_base()), {**attributes, **hints}), host.engine
    )
    host.directory.create_all()
    address = address_of(host.user())
    with host.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO keyed (email, email_key, person_key) VALUES (:email, :email, 'other')"),
            {"email": address},
        )

    issued = issue_to_user(host.storage, host.request(one_row(), address, for_anyone=False))
    result = host.log_in(address)

    assert (issued.email, issued.is_withheld) == (None, True)
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
    assert not host.storage.sessions.list_open(str(user.id), NOON)


def test_a_wrong_code_opens_and_closes_no_session(host: Host) -> None:
    user = host.user()

    first = host.log_in(address_of(user), "222222")
    opened = host.storage.sessions.list_open(str(user.id), NOON)
    session = host.log_in(address_of(user)).session
    second = host.log_in(address_of(user), "222222")

    assert [each.verdict.state for each in (first, second)] == [GuessState.WRONG] * 2
    assert (list(opened), first.session, second.session) == ([], None, None)
    assert list(host.storage.sessions.list_open(str(user.id), NOON)) == [session]


def test_a_session_that_was_over_or_is_from_the_far_future_is_not_counted_as_closed(host: Host) -> None:
    user, ended, ahead = host.user(), new_session(), new_session(NOON + AHEAD_MS)
    ends_at = NOON + 10 * AHEAD_MS
    for session in (
        replace(ended, ends_at=NOON),
        replace(ahead, id="counted", ends_at=ends_at),
        replace(ahead, authenticated_at=NOON + AHEAD_MS + 1, ends_at=ends_at),
    ):
        host.storage.sessions.open(session_of(user, session), closing_others=False)

    result = host.log_in(address_of(user))

    assert (result.looked_again, result.closed) == (True, 1)


def test_a_login_closes_no_session_of_another_user(host: Host) -> None:
    ann, ben = host.user(), host.user()
    session = host.log_in(address_of(ben)).session

    closed = [host.log_in(address_of(ann)).closed for _ in range(2)]

    assert closed == [0, 1]
    assert list(host.storage.sessions.list_open(str(ben.id), NOON)) == [session]


def test_logins_that_close_no_others_are_one_statement_each(host: Host) -> None:
    user, subjects = host.user(), [one_row(), one_row()]
    for subject in subjects:
        host.storage.challenges.issue(subject.issue("111111"))
    attempts = [
        replace(host.attempt(subject, address_of(user)), closing_others=False) for subject in subjects
    ]

    results = [log_in(host.storage, attempt) for attempt in attempts]

    assert [(result.looked_again, result.closed) for result in results] == [(True, 0)] * 2
    assert len(host.storage.sessions.list_open(str(user.id), NOON)) == 2


def test_a_session_that_another_request_closes_meanwhile_is_closed_once(host: Host) -> None:
    user = host.user()
    session = session_of(user, new_session())
    host.storage.sessions.open(session, closing_others=False)

    with ThreadPoolExecutor(1) as pool, host.engine.connect() as other:
        other.execute(text("UPDATE otpauth_sessions SET closed_at = :now"), {"now": NOON - 1})
        login = pool.submit(host.log_in, address_of(user))
        wait_for_a_waiter(host.engine, other)
        other.commit()

        assert login.result(PATIENCE).closed == 0
    assert host.storage.sessions.find(session.id) == replace(session, closed_at=NOON - 1)


def test_a_login_whose_outcome_is_unknown_is_not_tried_again(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    host.engine.dispose()
    with host.engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    administrator = create_engine(host.engine.url)
    with administrator.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    administrator.dispose()

    with pytest.raises(StorageUnavailable):
        log_in(host.storage, host.attempt(subject, address_of(user)))

    assert not host.storage.sessions.list_open(str(user.id), NOON)


def test_a_login_locks_the_sessions_that_it_closes_in_the_order_of_their_ids(host: Host) -> None:
    user = host.user()
    for session_id in ("b", "a"):
        session = session_of(user, replace(new_session(), id=session_id))
        host.storage.sessions.open(session, closing_others=False)
    locking = "SELECT id FROM otpauth_sessions WHERE id = :id FOR UPDATE"

    with ThreadPoolExecutor(1) as pool, host.engine.connect() as other:
        other.execute(text(locking), {"id": "a"})
        login = pool.submit(host.log_in, address_of(user))
        wait_for_a_waiter(host.engine, other)
        other.execute(text(f"{locking} NOWAIT"), {"id": "b"})
        other.rollback()

        assert login.result(PATIENCE).closed == 2


def test_a_used_code_and_a_locked_subject_are_refused_with_one_read(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    log_in(host.storage, host.attempt(subject, address_of(user)))
    results: list[LoginResult] = []

    again = host.attempt(subject, address_of(user))
    words = host.statements(lambda: results.append(log_in(host.storage, again)))

    assert words == ["WITH", "UPDATE", "SELECT"]
    assert [result.verdict.state for result in results] == [GuessState.USED]


def test_a_login_does_not_wait_for_the_hosts_open_transaction_on_the_row_of_the_user(
    impatient_host: Host,
) -> None:
    user = impatient_host.user()

    with impatient_host.engine.connect() as connection:
        connection.execute(text("UPDATE otpauth_users SET full_name = 'A' WHERE id = :id"), {"id": user.id})
        result = impatient_host.log_in(address_of(user))
        connection.rollback()

    assert result.session is not None
    # The steps do not lock the row, so the caller looks at the user again.
    assert not result.looked_again


def test_a_login_is_one_statement_while_others_only_read_the_row_of_the_user(host: Host) -> None:
    user = host.user()

    with host.engine.connect() as connection:
        # As a login does, and PostgreSQL itself for a foreign key.
        connection.execute(text("SELECT 1 FROM otpauth_users WHERE id = :id FOR SHARE"), {"id": user.id})
        result = host.log_in(address_of(user))

    assert result.looked_again


def test_a_row_without_a_person_key_gets_one_and_is_logged_in(host: Host) -> None:
    user = host.user()
    with host.engine.begin() as connection:
        connection.execute(text("UPDATE otpauth_users SET person_key = NULL"))

    with host.without_errors():
        result = host.log_in(address_of(user))

    assert result.session is not None
    assert result.session.person_key
    assert result.user == host.directory.find("email", address_of(user))


def test_a_user_whose_id_has_a_text_that_only_python_knows_is_logged_in(host: Host) -> None:
    id_column = mapped_column(CHAR(8), primary_key=True, default="ann")
    model = type("Padded", (UserMixin, declarative_base()), {"__tablename__": "padded", "id": id_column})
    host.directory = ModelDirectory(model, host.engine)
    host.directory.create_all()
    user = host.user()

    with host.without_errors():
        result = host.log_in(address_of(user))

    assert result.session is not None
    assert (result.user, result.session.user_id) == (user, str(user.id))


def test_inside_a_transaction_a_login_is_a_part_of_it(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))

    with suppress(InterruptedError), host.storage.database.transaction():
        log_in(host.storage, host.attempt(subject, address_of(user)))
        raise InterruptedError

    assert host.log_in(address_of(user)).closed == 0
    assert host.storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED


def test_inside_a_transaction_a_row_that_the_host_is_writing_does_no_harm(host: Host) -> None:
    user = host.user()

    with host.engine.connect() as connection:
        connection.execute(text("UPDATE otpauth_users SET full_name = 'A' WHERE id = :id"), {"id": user.id})
        with host.storage.database.transaction():
            result = host.log_in(address_of(user))
        connection.rollback()

    assert list(host.storage.sessions.list_open(str(user.id), NOON)) == [result.session]


def test_a_directory_in_another_database_says_who_has_the_address(host: Host, tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "users.sqlite")
    directory = ModelDirectory(packaged_model(MetaData()), engine)
    directory.create_all()
    address = address_of(host.user())
    host.directory = directory
    user = directory.create(NewUser(email=address))

    result = host.log_in(address)
    engine.dispose()

    assert result.session is not None
    assert (result.user, result.session.person_key) == (user, user.person_key)


def test_of_16_logins_with_one_code_one_opens_a_session(host: Host) -> None:
    user, subject = host.user(), one_row()
    host.storage.challenges.issue(subject.issue("111111"))
    attempts = [host.attempt(subject, address_of(user)) for _ in range(16)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(partial(log_in, host.storage), attempts))

    states = Counter(result.verdict.state for result in results)
    assert states == {GuessState.ACCEPTED: 1, GuessState.USED: 15}
    assert sum(result.session is not None for result in results) == 1


def test_logins_with_different_codes_at_once_leave_one_session(host: Host) -> None:
    user = host.user()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: host.log_in(address_of(user)), range(40)))

    assert all(result.session is not None for result in results)
    assert len(host.storage.sessions.list_open(str(user.id), NOON)) == 1
    assert sum(result.closed for result in results) == len(results) - 1


def test_a_user_who_is_disabled_at_the_same_moment_has_no_session_in_the_end(host: Host) -> None:
    for _ in range(ROUNDS):
        user, subject = host.user(), one_row()
        host.storage.challenges.issue(subject.issue("111111"))
        attempt, barrier = host.attempt(subject, address_of(user)), threading.Barrier(2)

        def disable(user: User = user, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(PATIENCE)
            host.directory.set_enabled(str(user.id), False)
            host.storage.sessions.close_all(str(user.id), NOON)

        with ThreadPoolExecutor(1) as pool:
            disabling = pool.submit(disable)
            barrier.wait(PATIENCE)
            result = log_in(host.storage, attempt)
            disabling.result(PATIENCE)

        # What took steps is looked at again by the caller; a session of one statement must be closed by now.
        if result.looked_again:
            assert not host.storage.sessions.list_open(str(user.id), NOON)
