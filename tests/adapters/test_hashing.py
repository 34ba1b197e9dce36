from __future__ import annotations

import threading
from collections.abc import Iterator

import argon2
import pytest
from werkzeug.security import generate_password_hash

from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.core.errors import HashingBusy

PATIENCE = 30.0


@pytest.fixture
def hasher() -> Argon2Hasher:
    return Argon2Hasher(cheap=True)


def test_a_hash_is_argon2id_with_the_documented_cost() -> None:
    hashed = Argon2Hasher().hash("a secret")

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_secret_opens_its_hash_and_no_other_does(hasher: Argon2Hasher) -> None:
    hashed = hasher.hash("a secret")

    assert hasher.verify(hashed, "a secret")
    assert not hasher.verify(hashed, "a secreT")
    assert not hasher.verify(hashed, "")


def test_equal_secrets_have_different_hashes(hasher: Argon2Hasher) -> None:
    assert hasher.hash("123456") != hasher.hash("123456")


def test_a_hash_of_another_cost_is_verified_by_its_own_parameters(hasher: Argon2Hasher) -> None:
    assert Argon2Hasher().verify(hasher.hash("a secret"), "a secret")


@pytest.mark.parametrize("secret", ["", "a\x00b", "a" * 72, "a" * 1_000_000, "🔑" * 128, " trailing "])
def test_every_character_of_a_secret_counts(hasher: Argon2Hasher, secret: str) -> None:
    hashed = hasher.hash(secret)

    assert hasher.verify(hashed, secret)
    assert not hasher.verify(hashed, secret + "x")
    assert not hasher.verify(hashed, secret + "\x00")


@pytest.mark.parametrize("method", ["scrypt:1024:8:1", "pbkdf2:sha256:1000"])
def test_a_hash_that_the_host_brought_along_is_verified(hasher: Argon2Hasher, method: str) -> None:
    hashed = generate_password_hash("a secret", method=method)

    assert hasher.verify(hashed, "a secret")
    assert not hasher.verify(hashed, "another")


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "a secret",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$damaged",
        "$argon2id$v=19$m=8,t=1,p=1$ünïcode",
        "$2b$12$abcdefghijklmnopqrstuv",
        "scrypt:",
        "scrypt:0:0:0$salt$digest",
        "pbkdf2:md6:1000$salt$digest",
        "pbkdf2:sha256:many$salt$digest",
        "plain$$a secret",
    ],
)
def test_a_damaged_or_foreign_hash_opens_nothing(hasher: Argon2Hasher, hashed: str) -> None:
    assert not hasher.verify(hashed, "a secret")


@pytest.mark.parametrize("secret", ["", "a secret"])
def test_without_a_hash_a_dummy_of_the_same_cost_is_verified_and_fails(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    computed: list[str] = []
    real = argon2.PasswordHasher.verify

    def recording(self: argon2.PasswordHasher, hashed: str, given: str) -> bool:
        try:
            return real(self, hashed, given)
        except argon2.exceptions.VerifyMismatchError:  # and not "this is no hash", which takes no time
            computed.append(hashed)
            raise

    monkeypatch.setattr(argon2.PasswordHasher, "verify", recording)
    hasher = Argon2Hasher()

    assert not hasher.verify(None, secret)
    assert [hashed.rsplit("$", 2)[0] for hashed in computed] == ["$argon2id$v=19$m=19456,t=2,p=1"]


class Blocking:
    """Replaces the hashing of argon2 by a function that waits, and counts the calls at the same time."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, secret: str) -> str:
        self.entered.release()
        assert self.go_on.wait(PATIENCE)
        return "hash"


@pytest.fixture
def blocking() -> Iterator[Blocking]:
    blocking = Blocking()
    yield blocking
    blocking.go_on.set()


def hashing(
    hasher: Argon2Hasher, blocking: Blocking, monkeypatch: pytest.MonkeyPatch, count: int
) -> list[threading.Thread]:
    monkeypatch.setattr(argon2.PasswordHasher, "hash", lambda self, secret: blocking(secret))
    threads = [threading.Thread(target=hasher.hash, args=("a secret",)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_no_more_hashes_run_at_a_time_than_allowed(
    blocking: Blocking, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = Argon2Hasher(concurrency=2, wait_seconds=PATIENCE, cheap=True)

    threads = hashing(hasher, blocking, monkeypatch, count=4)

    assert [blocking.entered.acquire(timeout=PATIENCE) for _ in range(2)] == [True, True]
    assert not blocking.entered.acquire(blocking=False)
    blocking.go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert [blocking.entered.acquire(blocking=False) for _ in range(3)] == [True, True, False]


def test_who_finds_no_place_in_time_is_told_so(blocking: Blocking, monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Argon2Hasher(concurrency=1, wait_seconds=0.01, cheap=True)
    (thread,) = hashing(hasher, blocking, monkeypatch, count=1)
    assert blocking.entered.acquire(timeout=PATIENCE)

    with pytest.raises(HashingBusy):
        hasher.hash("a secret")
    with pytest.raises(HashingBusy):
        hasher.verify(None, "a secret")

    blocking.go_on.set()
    thread.join(PATIENCE)
    assert hasher.hash("a secret") == "hash"


def test_a_place_is_given_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Argon2Hasher(concurrency=1, wait_seconds=0.01, cheap=True)

    def failing(self: argon2.PasswordHasher, secret: str) -> str:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(argon2.PasswordHasher, "hash", failing)
        with pytest.raises(MemoryError):
            hasher.hash("a secret")

    assert hasher.verify(hasher.hash("a secret"), "a secret")
