"""PINs and passwords without a flow: the pepper, races with a change, the facts of a block."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.core import errors
from flask_otpauth.core.failures import FailurePolicy
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.passwords import normalize
from flask_otpauth.engine.secrets import SecretKind, UserSecrets
from flask_otpauth.engine.secrets import person as person_name
from flask_otpauth.testing import MovableClock

PIN = FailurePolicy(limit=3, window_ms=604_800_000)
PASSWORD = FailurePolicy(limit=10, block_ms=900_000, longest_block_ms=86_400_000)
NOT_THIS = "999999"


def person(id: int = 1, password_hash: str | None = None) -> Any:  # noqa: A002 - as users have it
    """A user with the attributes that secrets need."""
    return SimpleNamespace(id=id, password_hash=password_hash)


@dataclass
class RecordingHasher:
    """A hasher that records what it gets, and calls ``before_verifying`` before it verifies."""

    real: Argon2Hasher = field(default_factory=lambda: Argon2Hasher(cheap=True))
    given: list[str] = field(default_factory=list)
    verified: list[str | None] = field(default_factory=list)
    before_verifying: Callable[[], None] = lambda: None

    def hash(self, secret: str) -> str:
        self.given.append(secret)
        return self.real.hash(secret)

    def verify(self, hashed: str | None, secret: str) -> bool:
        self.given.append(secret)
        self.verified.append(hashed)
        self.before_verifying()
        return self.real.verify(hashed, secret)


@pytest.fixture
def heard() -> list[tuple[str, dict[str, Any]]]:
    """The events."""
    return []


@pytest.fixture
def hasher() -> RecordingHasher:
    return RecordingHasher()


@pytest.fixture
def make(
    hasher: RecordingHasher, otpauth_clock: MovableClock, heard: list[tuple[str, dict[str, Any]]]
) -> Callable[..., UserSecrets]:
    storage = MemoryStorage()

    def make(
        kind: str = "pin", policy: FailurePolicy = PIN, *, subject_key: bytes = b"s" * 32
    ) -> UserSecrets:
        ring = KeyRing((b"k" * 32,), subject_key)
        form = normalize if kind == "password" else str
        return UserSecrets(
            SecretKind(kind, policy, kind == "password", form),
            storage,
            hasher,
            ring,
            otpauth_clock,
            lambda event, **facts: heard.append((event, facts)),
        )

    return make


@pytest.fixture
def pins(make: Callable[..., UserSecrets]) -> UserSecrets:
    """Return PINs. The PIN of person 1 is 123456."""
    pins = make()
    set_to(pins, "123456")
    return pins


def set_to(secrets: UserSecrets, secret: str, whose: Any = None) -> str:
    """Set the secret of a person. Return its hash."""
    whose = whose or person()
    new_hash = secrets.make_hash(whose, secret)
    secrets.put(whose, new_hash)
    return new_hash


def refusal(secrets: UserSecrets, secret: str, whose: Any = None) -> Any:
    """Check a secret. Return its refusal."""
    with pytest.raises(errors.SecretRefused) as caught:
        secrets.check(whose or person(), secret, "pin")
    return caught.value


def test_what_is_hashed_is_a_keyed_digest_and_never_the_secret(
    pins: UserSecrets, hasher: RecordingHasher
) -> None:
    pins.check(person(), "123456", "pin")
    refusal(pins, NOT_THIS)

    assert len(hasher.given) == 3
    assert all(len(base64.b64decode(given)) == 32 for given in hasher.given)
    assert hasher.given[0] == hasher.given[1] != hasher.given[2]


def test_a_stolen_hash_is_worth_nothing_without_the_key(
    pins: UserSecrets, make: Callable[..., UserSecrets], hasher: RecordingHasher
) -> None:
    stolen = pins.storage.secrets.read(pins.keys.row_key("pin", person_name(person()))).hash

    assert not hasher.real.verify(stolen, "123456")
    other = make(subject_key=b"t" * 32)
    other.put(person(), stolen or "")
    assert isinstance(refusal(other, "123456"), errors.SecretWrong)


def test_a_hash_is_worth_nothing_for_another_person_or_kind(
    pins: UserSecrets, make: Callable[..., UserSecrets]
) -> None:
    stolen = set_to(pins, "123456")
    passwords, thief = make("password", PASSWORD), person(id=2)
    pins.put(thief, stolen)
    passwords.put(thief, stolen)

    assert isinstance(refusal(pins, "123456", thief), errors.SecretWrong)
    assert isinstance(refusal(passwords, "123456", thief), errors.SecretWrong)


def test_a_check_answers_with_the_hash_that_it_judged(pins: UserSecrets) -> None:
    new_hash = set_to(pins, "654321")

    assert pins.check(person(), "654321", "pin") == new_hash


def test_a_secret_that_was_changed_meanwhile_is_judged_anew(
    pins: UserSecrets, hasher: RecordingHasher
) -> None:
    def change() -> None:
        hasher.before_verifying = lambda: None
        set_to(pins, "654321")

    hasher.before_verifying = change
    outdated = refusal(pins, "123456")
    hasher.before_verifying = change
    set_to(pins, "123456")

    assert (type(outdated), outdated.left) == (errors.SecretWrong, 2)
    assert pins.check(person(), "654321", "pin")


def test_a_right_secret_does_not_pass_a_block_that_came_meanwhile(
    pins: UserSecrets, hasher: RecordingHasher
) -> None:
    def block() -> None:
        hasher.before_verifying = lambda: None
        for _ in range(3):
            refusal(pins, NOT_THIS)

    hasher.before_verifying = block

    assert type(refusal(pins, "123456")) is errors.SecretBlocked


def test_a_secret_that_changes_all_the_time_is_a_store_that_cannot_be_used(
    pins: UserSecrets, hasher: RecordingHasher
) -> None:
    real = hasher.real.hash
    changes = iter(range(1_000))
    hasher.before_verifying = lambda: pins.put(person(), real(f"{next(changes)}"))

    with pytest.raises(errors.StorageUnavailable):
        pins.check(person(), "123456", "pin")

    assert next(changes) == 10


def test_a_blocked_secret_is_not_judged_and_costs_the_same(
    pins: UserSecrets, hasher: RecordingHasher
) -> None:
    for _ in range(3):
        refusal(pins, NOT_THIS)
    hasher.verified.clear()

    for secret in ("123456", NOT_THIS):
        assert type(refusal(pins, secret)) is errors.SecretBlocked

    assert hasher.verified == [None, None]


def test_where_none_is_set_a_dummy_is_verified(pins: UserSecrets, hasher: RecordingHasher) -> None:
    assert type(refusal(pins, "123456", person(id=3))) is errors.SecretNotSet
    assert hasher.verified == [None]


def test_the_last_failure_of_a_throttle_still_reads_as_wrong(make: Callable[..., UserSecrets]) -> None:
    passwords = make("password", PASSWORD)
    set_to(passwords, "a password")

    refusals = [refusal(passwords, NOT_THIS) for _ in range(11)]

    assert [type(each) for each in refusals] == [errors.SecretWrong] * 10 + [errors.SecretThrottled]
    assert refusals[-1].retry_after_seconds == 900


def test_a_block_says_when_it_ends_only_where_it_ends(
    make: Callable[..., UserSecrets], otpauth_clock: MovableClock
) -> None:
    ending = make(policy=FailurePolicy(limit=3, window_ms=604_800_000, block_ms=60_000))
    lasting = make("other")
    for secrets in (ending, lasting):
        set_to(secrets, "123456")
        for _ in range(3):
            refusal(secrets, NOT_THIS)
    otpauth_clock.tick_ms(1)

    waits = [refusal(secrets, "123456").retry_after_seconds for secrets in (ending, lasting)]
    blocks = [secrets.block(person(), "pin") for secrets in (ending, lasting)]

    assert waits == [60, None]
    assert [block and block.retry_after_seconds for block in blocks] == [60, None]


def test_failures_in_a_row_are_capped_over_windows_and_unblocks(
    make: Callable[..., UserSecrets], otpauth_clock: MovableClock
) -> None:
    pins = make(policy=FailurePolicy(limit=3, window_ms=604_800_000, cap=5))
    set_to(pins, "123456")
    lefts = [refusal(pins, NOT_THIS).left for _ in range(2)]
    otpauth_clock.tick(days=8)
    lefts += [refusal(pins, NOT_THIS).left for _ in range(2)]
    capped = refusal(pins, NOT_THIS)
    pins.unblock(person())
    still = refusal(pins, "123456")
    pins.enable(person())

    assert lefts == [2, 1, 2, 1]
    assert (type(capped), type(still)) == (errors.SecretBlocked, errors.SecretBlocked)
    assert still.retry_after_seconds is None
    assert pins.check(person(), "123456", "pin")


def test_a_refusal_is_told_without_the_secret(
    pins: UserSecrets, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    refusals = [refusal(pins, NOT_THIS) for _ in range(3)]

    facts = {"kind": "pin", "user_id": "1"}
    assert heard == [("secret_refused", {**facts, "blocked": blocked}) for blocked in (False, False, True)]
    assert NOT_THIS not in f"{heard}{refusals!r}{[str(each) for each in refusals]}"


def test_a_hash_that_the_host_brought_along_is_for_passwords_alone(make: Callable[..., UserSecrets]) -> None:
    guest = person(password_hash=Argon2Hasher(cheap=True).hash("a password"))
    passwords, pins = make("password", PASSWORD), make()

    assert (passwords.is_set(guest), pins.is_set(guest)) == (True, False)
    assert passwords.check(guest, "a password", "password") == guest.password_hash
    set_to(passwords, "another one", guest)
    assert isinstance(refusal(passwords, "a password", guest), errors.SecretWrong)
    assert passwords.check(guest, "another one", "password")


#: Passwords as users type them. NFKC changes each of them.
CHANGED_BY_NFKC = [
    "ﬁnal ﬁsh 9 violet",
    "cafe\u0301 Harbour 31",
    "① plum Tractor ２９",
    "\u212bngstrom 77 moss",
]


@pytest.mark.parametrize("typed", CHANGED_BY_NFKC)
def test_a_hash_that_the_host_brought_along_is_verified_as_it_was_typed_and_in_its_normal_form(
    typed: str, make: Callable[..., UserSecrets]
) -> None:
    passwords, hasher = make("password", PASSWORD), Argon2Hasher(cheap=True)
    as_typed = person(1, password_hash=hasher.hash(typed))
    as_normal = person(2, password_hash=hasher.hash(normalize(typed)))

    assert normalize(typed) != typed
    assert passwords.check(as_typed, typed, "password") == as_typed.password_hash
    assert passwords.check(as_normal, typed, "password") == as_normal.password_hash
    assert passwords.check(as_normal, normalize(typed), "password") == as_normal.password_hash
    assert isinstance(refusal(passwords, typed + "x", as_typed), errors.SecretWrong)
    assert isinstance(refusal(passwords, normalize(typed), as_typed), errors.SecretWrong)


@pytest.mark.parametrize("typed", ["plain ascii 9 violet", *CHANGED_BY_NFKC])
def test_how_often_is_hashed_depends_on_what_was_typed_alone(
    typed: str, make: Callable[..., UserSecrets], hasher: RecordingHasher
) -> None:
    passwords, real = make("password", PASSWORD), Argon2Hasher(cheap=True)
    nobody, own = person(1), person(2)
    set_to(passwords, typed, own)
    brought = [
        person(n, password_hash=real.hash(each)) for n, each in ((3, typed), (4, normalize(typed)), (5, "no"))
    ]

    counts = []
    for somebody in (nobody, own, *brought):
        hasher.verified.clear()
        with suppress(errors.SecretRefused, errors.SecretNotSet):
            passwords.check(somebody, typed, "password")
        counts.append(len(hasher.verified))

    assert counts == [1 if normalize(typed) == typed else 2] * 5


def test_a_new_password_is_found_however_it_is_typed(make: Callable[..., UserSecrets]) -> None:
    passwords = make("password", PASSWORD)
    set_to(passwords, "cafe\u0301 Harbour 31")

    for typed in ("cafe\u0301 Harbour 31", "caf\u00e9 Harbour 31"):
        assert passwords.check(person(), typed, "password")
