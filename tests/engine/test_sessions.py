"""Sessions and account tokens without Flask, on a storage in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.adapters.tokens.jwt import JwtTokens, hmac_keys
from flask_otpauth.adapters.tokens.signed import SignedTokens
from flask_otpauth.core import errors
from flask_otpauth.core.instants import SKEW_MS, epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.engine.account_tokens import AccountTokens
from flask_otpauth.engine.sessions import SessionPolicy, Sessions
from flask_otpauth.ports.directory import Directory
from flask_otpauth.testing import MovableClock

NEW, OLD = b"n" * 32, b"o" * 32


def ring(*secrets: bytes) -> KeyRing:
    """Return keys of these secrets, the newest first. The subject key is always the same."""
    return KeyRing(secrets, b"s" * 32)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@dataclass
class Person:
    """A user with the attributes that sessions need."""

    id: int
    person_key: str | None = None
    is_enabled: bool = True


class People:
    """A directory with the users 7 and 8."""

    def __init__(self) -> None:
        self.by_id: dict[str, Any] = {"7": Person(7, "mark of 7"), "8": Person(8, "mark of 8")}

    def get(self, user_id: str) -> Any:
        return self.by_id.get(user_id)


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def seven(people: People) -> Any:
    return people.get("7")


@pytest.fixture
def heard() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def sessions(
    storage: MemoryStorage, clock: MovableClock, heard: list[tuple[str, dict[str, Any]]], people: People
) -> Sessions:
    keys = ring(NEW)
    signer = JwtTokens(hmac_keys(keys), "issuer", "audience")
    return Sessions(
        storage.sessions,
        signer,
        keys,
        SessionPolicy(),
        clock,
        lambda event, **facts: heard.append((event, facts)),
        cast(Directory, people),
    )


def test_a_login_tells_who_and_since_when(sessions: Sessions, clock: MovableClock, seven: Any) -> None:
    opening = sessions.open(seven)
    login = sessions.check(opening.tokens.access_token)

    assert (login.user, login.session_id) == (seven, opening.session.id)
    assert login.authenticated_at == clock()


def test_the_row_holds_no_token(sessions: Sessions, storage: MemoryStorage, seven: Any) -> None:
    opening = sessions.open(seven)

    stored = repr(storage.sessions.find(opening.session.id))

    assert opening.tokens.refresh_token not in stored
    assert opening.tokens.access_token not in stored


def test_nothing_shows_a_token(sessions: Sessions, seven: Any) -> None:
    opening = sessions.open(seven)

    assert opening.tokens.refresh_token not in repr(opening)
    assert opening.tokens.access_token not in repr(opening)


def test_an_opening_is_told_once_it_is_durable_and_not_before(
    sessions: Sessions, heard: list[tuple[str, dict[str, Any]]], seven: Any
) -> None:
    sessions.open(seven)
    opening = sessions.open(seven)
    before = list(heard)
    sessions.report_opening(opening)

    assert before == []
    assert heard == [
        ("session_opened", {"user_id": "7", "session_id": opening.session.id}),
        ("session_revoked", {"user_id": "7", "count": 1}),
    ]


def test_a_token_of_a_session_of_another_user_is_refused(
    sessions: Sessions, clock: MovableClock, seven: Any
) -> None:
    opening = sessions.open(seven)
    claims = {"sub": "8", "sid": opening.session.id}
    forged = sessions.signer.sign("access", claims, clock(), clock() + timedelta(hours=1))

    with pytest.raises(errors.CredentialsInvalid):
        sessions.check(forged)


def test_refresh_tokens_survive_a_rotation_of_secrets(sessions: Sessions, seven: Any) -> None:
    before = replace(sessions, keys=ring(OLD)).open(seven).tokens.refresh_token

    tokens, user = replace(sessions, keys=ring(NEW, OLD)).refresh(before)

    assert user is seven
    with pytest.raises(errors.RefreshTokenInvalid):
        replace(sessions, keys=ring(NEW)).refresh(before)
    assert replace(sessions, keys=ring(NEW)).refresh(tokens.refresh_token)


def test_reuse_is_told_with_whose_session_it_ends(
    sessions: Sessions, clock: MovableClock, heard: list[tuple[str, dict[str, Any]]], seven: Any
) -> None:
    opening = sessions.open(seven)
    sessions.refresh(opening.tokens.refresh_token)
    clock.tick(10)
    for _ in range(2):
        with pytest.raises(errors.RefreshTokenInvalid):
            sessions.refresh(opening.tokens.refresh_token)

    assert heard == [
        ("token_reused", {"user_id": "7", "session_id": opening.session.id}),
        ("session_revoked", {"user_id": "7", "count": 1}),
    ]


def test_a_fresh_login_is_younger_than_the_age(sessions: Sessions, clock: MovableClock, seven: Any) -> None:
    token = sessions.open(seven).tokens.access_token
    clock.tick_ms(4_999)
    young = sessions.check(token, timedelta(seconds=5))
    clock.tick_ms(1)

    assert young.user is seven
    with pytest.raises(errors.FreshLoginRequired) as refused:
        sessions.check(token, timedelta(seconds=5))
    assert refused.value.max_age_seconds == 5


def test_closing_all_tells_how_many_were_alive(
    sessions: Sessions, clock: MovableClock, seven: Any, people: People
) -> None:
    lenient = replace(sessions, policy=replace(sessions.policy, single_session=False))
    openings = [lenient.open(seven) for _ in range(3)]
    lenient.open(people.get("8"))
    lenient.close(lenient.check(openings[0].tokens.access_token))

    assert lenient.close_all("7") == 2
    assert lenient.close_all("7") == 0
    with pytest.raises(errors.CredentialsInvalid):
        lenient.check(openings[2].tokens.access_token)


# -- account tokens --------------------------------------------------------------------------


@pytest.fixture
def tokens(storage: MemoryStorage, clock: MovableClock, people: People) -> AccountTokens:
    directory = cast(Directory, people)
    return AccountTokens(SignedTokens(ring(NEW)), storage.sessions, directory, clock, timedelta(days=30))


def refused(tokens: AccountTokens, token: str) -> bool:
    """Return whether an account token is refused."""
    try:
        tokens.user(token)
    except errors.AccountTokenInvalid:
        return True
    return False


def test_an_account_token_names_its_user_to_the_end(
    tokens: AccountTokens, clock: MovableClock, seven: Any
) -> None:
    token = tokens.issue(seven)
    clock.tick_ms(30 * 86_400_000 - 1)

    assert tokens.user(token) is seven
    clock.tick_ms(1)
    assert refused(tokens, token)


def test_an_account_token_of_a_server_whose_clock_is_30_seconds_ahead_names_its_user(
    tokens: AccountTokens, clock: MovableClock, seven: Any
) -> None:
    token = tokens.issue(seven)
    clock.tick_ms(-SKEW_MS)

    assert tokens.user(token) is seven
    clock.tick_ms(-1)
    assert refused(tokens, token)


def test_an_account_token_is_signed_with_the_newest_secret(
    storage: MemoryStorage, clock: MovableClock, people: People, seven: Any
) -> None:
    both, newest = (
        AccountTokens(
            SignedTokens(ring(*secrets)), storage.sessions, cast(Directory, people), clock, timedelta(days=30)
        )
        for secrets in ((NEW, OLD), (NEW,))
    )

    assert newest.user(both.issue(seven)) is seven


def test_revoking_ends_all_account_tokens_of_that_user(
    tokens: AccountTokens, storage: MemoryStorage, clock: MovableClock, seven: Any
) -> None:
    token = tokens.issue(seven)
    storage.sessions.close_all("8", epoch_ms(clock()))
    after_another = refused(tokens, token)
    storage.sessions.close_all("7", epoch_ms(clock()))

    assert not after_another
    assert refused(tokens, token)
    assert not refused(tokens, tokens.issue(seven))


def test_a_disabled_user_and_nobody_are_refused(tokens: AccountTokens, people: People) -> None:
    token, nobodys = tokens.issue(people.get("7")), tokens.issue(people.get("8"))
    people.get("7").is_enabled = False
    del people.by_id["8"]

    assert refused(tokens, token)
    assert refused(tokens, nobodys)


@pytest.mark.parametrize("forged", ["", "x", "a.b", "é", "{}", "eyJzdWIiOiI3In0.x"])
def test_a_forged_account_token_is_refused(forged: str, tokens: AccountTokens, seven: Any) -> None:
    assert refused(tokens, forged)
    assert refused(tokens, tokens.issue(seven)[:-1])
    assert refused(tokens, tokens.issue(seven) + "x")


def test_a_signed_token_of_another_use_or_secret_is_refused(
    tokens: AccountTokens, clock: MovableClock
) -> None:
    claims, now = {"sub": "7", "gen": 0, "person": "mark of 7"}, clock()
    later = now + timedelta(days=1)

    assert refused(tokens, SignedTokens(ring(NEW)).sign("another use", claims, now, later))
    assert refused(tokens, SignedTokens(ring(OLD)).sign("account", claims, now, later))
    assert not refused(tokens, SignedTokens(ring(NEW)).sign("account", claims, now, later))
