"""Tests for sessions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast

import pytest

from flask_otpauth.core.sessions import Refresh, Rotation, Session
from flask_otpauth.ports.directory import Directory
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import (
    DAY,
    NOON,
    SECOND,
    fresh_name,
    purged,
)

TOKEN_TTL = 30 * DAY
GRACE = 10 * SECOND
MAX_AGE = 180 * DAY
#: A directory that the storage does not know. It must not be called.
UNKNOWN = cast("Directory", None)


def session_of(user_id: str, now_ms: int = NOON) -> Session:
    """Return a session that begins at ``now_ms``."""
    return Session(fresh_name("session"), user_id, now_ms, now_ms, now_ms + MAX_AGE, person_key="mark")


def refresh(session: Session, generation: int, now_ms: int = NOON) -> Refresh:
    """Return the refresh token with this generation of ``session``, as it is presented at ``now_ms``."""
    return Refresh(session.id, generation, now_ms, TOKEN_TTL, GRACE)


class SessionContract(ContractBase):
    """Opening, refreshing and closing sessions."""

    @pytest.fixture
    def user(self) -> str:
        return fresh_name("user")

    @pytest.fixture
    def session(self, storage: Storage, user: str) -> Session:
        session = session_of(user)
        storage.sessions.open(session, closing_others=False)
        return session

    # -- list --------------------------------------------------------------------------------

    def test_open_sessions_of_a_user_are_listed_newest_first(self, storage: Storage, user: str) -> None:
        first, second, closed, ahead = (
            session_of(user, instant) for instant in (NOON, NOON + SECOND, NOON, NOON + 2 * DAY)
        )
        for each in (first, second, closed, ahead, session_of(fresh_name("user"))):
            storage.sessions.open(each, closing_others=False)
        storage.sessions.close(closed.id, NOON)

        assert list(storage.sessions.list_open(user, NOON + SECOND)) == [second, first]
        assert list(storage.sessions.list_open(user, NOON + MAX_AGE)) == [ahead, second]
        assert list(storage.sessions.list_open(fresh_name("user"), NOON)) == []

    # -- find with its user -------------------------------------------------------------------

    def test_a_user_of_an_unknown_directory_is_not_found_with_a_session(
        self, storage: Storage, session: Session
    ) -> None:
        find_with_user = storage.sessions.find_with_user

        assert find_with_user is None or find_with_user(session.id, session.user_id, UNKNOWN) is None

    # -- open and close -----------------------------------------------------------------------

    def test_an_open_session_is_found_as_it_was_opened(self, storage: Storage, session: Session) -> None:
        assert storage.sessions.find(session.id) == session
        assert storage.sessions.find(fresh_name("session")) is None

    def test_a_session_may_stand_beside_others(self, storage: Storage, session: Session) -> None:
        closed = storage.sessions.open(session_of(session.user_id), closing_others=False)

        assert closed == 0
        assert storage.sessions.find(session.id) == session

    def test_opening_the_only_session_closes_every_other_of_the_user_alone(
        self, storage: Storage, session: Session
    ) -> None:
        stranger = session_of(fresh_name("user"))
        second, third, fourth = (session_of(session.user_id, NOON + n) for n in (1, 2, 3))
        storage.sessions.open(stranger, closing_others=True)

        counts = [
            storage.sessions.open(second, closing_others=True),
            storage.sessions.open(third, closing_others=False),
            storage.sessions.open(fourth, closing_others=True),
        ]

        assert counts == [1, 0, 2]
        assert storage.sessions.find(session.id) == replace(session, closed_at=NOON + 1)
        assert storage.sessions.find(second.id) == replace(second, closed_at=NOON + 3)
        assert storage.sessions.find(third.id) == replace(third, closed_at=NOON + 3)
        assert storage.sessions.find(fourth.id) == fourth
        assert storage.sessions.find(stranger.id) == stranger

    def test_a_session_that_has_ended_is_not_counted_as_closed(
        self, storage: Storage, session: Session
    ) -> None:
        later = session_of(session.user_id, NOON + MAX_AGE)

        assert storage.sessions.open(later, closing_others=True) == 0

    def test_a_session_that_a_clock_years_ahead_opened_is_not_counted_as_closed(
        self, storage: Storage, user: str
    ) -> None:
        storage.sessions.open(session_of(user, NOON + 4_000 * DAY), closing_others=False)

        assert storage.sessions.close_all(user, NOON) == 0

    def test_a_session_is_closed_once(self, storage: Storage, session: Session) -> None:
        closed = [storage.sessions.close(session.id, NOON + n) for n in (1, 2)]

        assert closed == [True, False]
        assert storage.sessions.find(session.id) == replace(session, closed_at=NOON + 1)

    def test_a_session_that_has_ended_or_never_was_is_not_closed(
        self, storage: Storage, session: Session
    ) -> None:
        assert not storage.sessions.close(session.id, NOON + MAX_AGE)
        assert not storage.sessions.close(fresh_name("session"), NOON)

    def test_closing_all_sessions_revokes_the_tokens_of_their_generation(
        self, storage: Storage, session: Session
    ) -> None:
        storage.sessions.open(session_of(session.user_id), closing_others=False)
        before = storage.sessions.generation(session.user_id)

        counts = [storage.sessions.close_all(session.user_id, NOON) for _ in range(2)]

        assert counts == [2, 0]
        assert before == 0
        assert storage.sessions.generation(session.user_id) == 2

    def test_deleting_all_sessions_takes_those_of_the_user_alone_and_no_generation(
        self, storage: Storage, session: Session
    ) -> None:
        closed, stranger = session_of(session.user_id), session_of(fresh_name("user"))
        for each in (closed, stranger):
            storage.sessions.open(each, closing_others=False)
        storage.sessions.close(closed.id, NOON)
        storage.sessions.close_all(session.user_id, NOON)

        counts = [storage.sessions.delete_all(session.user_id) for _ in range(2)]

        assert counts == [2, 0]
        assert [storage.sessions.find(each.id) for each in (session, closed)] == [None, None]
        assert storage.sessions.find(stranger.id) == stranger
        assert storage.sessions.generation(session.user_id) == 1

    def test_purging_takes_sessions_that_ended(self, storage: Storage, session: Session) -> None:
        closed = session_of(session.user_id)
        storage.sessions.open(closed, closing_others=False)
        storage.sessions.close(closed.id, NOON)

        assert purged(storage, NOON) == 0
        assert purged(storage, NOON + 1) == 1
        assert storage.sessions.find(session.id) == session
        assert purged(storage, session.ends_at + 1) == 1

    # -- rotate -------------------------------------------------------------------------------

    def test_the_newest_token_rotates(self, storage: Storage, session: Session) -> None:
        rotation = storage.sessions.rotate(refresh(session, 0, NOON + 1))

        after = replace(session, generation=1, rotated_at=NOON + 1)
        assert rotation == (Rotation.ROTATED, after)
        assert storage.sessions.find(session.id) == after

    def test_a_token_lives_until_the_very_millisecond(self, storage: Storage, session: Session) -> None:
        over, _ = storage.sessions.rotate(refresh(session, 0, NOON + TOKEN_TTL))
        in_time, _ = storage.sessions.rotate(refresh(session, 0, NOON + TOKEN_TTL - 1))

        assert (over, in_time) == (Rotation.DEAD, Rotation.ROTATED)

    def test_a_session_lives_until_the_very_millisecond(self, storage: Storage, user: str) -> None:
        session = replace(session_of(user), ends_at=NOON + DAY)
        storage.sessions.open(session, closing_others=False)

        over, _ = storage.sessions.rotate(refresh(session, 0, NOON + DAY))
        in_time, _ = storage.sessions.rotate(refresh(session, 0, NOON + DAY - 1))

        assert (over, in_time) == (Rotation.DEAD, Rotation.ROTATED)

    def test_a_spent_token_gets_the_same_successor_within_the_grace(
        self, storage: Storage, session: Session
    ) -> None:
        _, first = storage.sessions.rotate(refresh(session, 0))

        again = storage.sessions.rotate(refresh(session, 0, NOON + GRACE - 1))

        assert again == (Rotation.REPEATED, first)

    def test_a_spent_token_after_the_grace_was_copied_and_ends_the_session(
        self, storage: Storage, session: Session
    ) -> None:
        storage.sessions.rotate(refresh(session, 0))

        reused, after = storage.sessions.rotate(refresh(session, 0, NOON + GRACE))
        dead, _ = storage.sessions.rotate(refresh(session, 1, NOON + GRACE))

        assert (reused, dead) == (Rotation.REUSED, Rotation.DEAD)
        assert after == replace(session, generation=1, closed_at=NOON + GRACE)

    def test_a_token_whose_successor_was_spent_was_copied(self, storage: Storage, session: Session) -> None:
        storage.sessions.rotate(refresh(session, 0))
        storage.sessions.rotate(refresh(session, 1))

        rotation, _ = storage.sessions.rotate(refresh(session, 0))

        assert rotation is Rotation.REUSED

    def test_no_token_of_a_closed_or_unknown_session_lives(self, storage: Storage, session: Session) -> None:
        storage.sessions.close(session.id, NOON)

        closed, _ = storage.sessions.rotate(refresh(session, 0))
        unknown = storage.sessions.rotate(refresh(session_of("nobody"), 0))

        assert closed is Rotation.DEAD
        assert unknown == (Rotation.DEAD, None)

    # -- races --------------------------------------------------------------------------------

    def test_of_50_refreshes_with_one_token_one_rotates_and_the_rest_repeat_it(
        self, storage: Storage, session: Session, race: Race
    ) -> None:
        answers = race([call("sessions.rotate", refresh(session, 0)) for _ in range(50)])

        assert Counter(rotation for rotation, _ in answers) == {Rotation.ROTATED: 1, Rotation.REPEATED: 49}
        assert {found.generation for _, found in answers} == {1}
        assert storage.sessions.find(session.id) == replace(session, generation=1)

    def test_of_30_reuses_one_ends_the_session(self, storage: Storage, session: Session, race: Race) -> None:
        storage.sessions.rotate(refresh(session, 0))

        answers = race([call("sessions.rotate", refresh(session, 0, NOON + GRACE)) for _ in range(30)])

        assert Counter(rotation for rotation, _ in answers) == {Rotation.REUSED: 1, Rotation.DEAD: 29}

    def test_of_30_only_sessions_one_lives(self, storage: Storage, session: Session, race: Race) -> None:
        opened = [session_of(session.user_id) for _ in range(30)]

        counts = race([call("sessions.open", each, closing_others=True) for each in opened])

        found = [storage.sessions.find(each.id) for each in (session, *opened)]
        assert sum(each is not None and each.closed_at is None for each in found) == 1
        assert sum(counts) == 30

    def test_a_session_that_is_closed_at_once_by_30_is_closed_once(
        self, storage: Storage, session: Session, race: Race
    ) -> None:
        closed = race([call("sessions.close", session.id, NOON) for _ in range(30)])

        assert sum(closed) == 1

    def test_each_closing_of_all_lets_a_generation_pass(
        self, storage: Storage, session: Session, race: Race
    ) -> None:
        counts = race([call("sessions.close_all", session.user_id, NOON) for _ in range(30)])

        assert sum(counts) == 1
        assert storage.sessions.generation(session.user_id) == 30
