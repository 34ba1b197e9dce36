"""
Storage speaks in operations, and each is one indivisible step.

Of racing callers, on threads or processes, every operation behaves as if they came one after
the other. An adapter's whole duty is that; the rules are in :mod:`flask_otpauth.core`. Put
yours through :class:`flask_otpauth.testing.StorageContract`.

Every method raises :exc:`~flask_otpauth.core.errors.StorageUnavailable` when the store is
down; nothing was decided then. Instants are epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from flask_otpauth.core.challenges import Act, Cap, Guess, GuessState, Issue, IssueResult, Verdict
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.instants import Block
from flask_otpauth.core.sessions import Refresh, Rotation, Session
from flask_otpauth.ports.directory import User, UserLookup, person_key_of

__all__ = [
    "Cap",
    "ChallengeStore",
    "ClientStore",
    "LoginAttempt",
    "LoginResult",
    "SecretStore",
    "SessionStore",
    "Storage",
    "log_in_by_steps",
    "session_of",
]


class ChallengeStore(Protocol):
    """Codes, and the logs that limit them."""

    def issue(self, issue: Issue) -> IssueResult:
        """Check cooldown, quotas, lock and cap, and replace the live code; or say what forbids it."""

    def peek(self, issue: Issue) -> Block | None:
        """What of cooldown, quotas and lock would forbid it now. A look, no promise."""

    def withdraw(self, issue: Issue) -> None:
        """Undo an issue: its quota is given back, its code dead, a newer code alive."""

    def redeem(self, guess: Guess) -> Verdict:
        """Judge the guess, count it, consume the code it opens; or say why it was not judged."""

    def count(self, act: Act) -> Block | None:
        """Count an act if its limits permit it. Return what forbids it."""

    def reference(self, key: bytes) -> str | None:
        """What the newest issue left with this row, ``None`` if there is no row."""

    def handed_over(self, issue: Issue) -> None:
        """Record that the message of an issue was handed over: asking for it again repeats it now."""

    def clear(self, limits_key: bytes, log: Literal["sends", "misses"]) -> bool:
        """Empty one log: ``sends`` frees the quotas, ``misses`` lifts the lock; whether it held anything."""


class SecretStore(Protocol):
    """PINs and passwords: memory-hard hashes with their failure counters."""

    def read(self, key: bytes) -> StoredSecret:
        """The secret as it is now; one that was never set has no hash."""

    def put(
        self, key: bytes, new_hash: str, *, replacing: str | Literal["any"] | None, cap: int | None = None
    ) -> bool:
        """
        Set the hash and forget the failures as :meth:`unblock` does, if the hash is still ``replacing``
        (``"any"``: whatever it is) and there were fewer than ``cap`` failures in a row.
        """

    def fail(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> tuple[bool, StoredSecret]:
        """Count a failure unless blocked or the hash is not ``judged`` any more: (counted, as it is now)."""

    def passed(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """Forget the failures, unless blocked or the hash is not ``judged`` any more."""

    def unblock(self, key: bytes) -> None:
        """Forget the failures that count towards a block, but not how many there were in a row."""

    def enable(self, key: bytes) -> None:
        """Forget every failure: what an administrator may do."""

    def delete(self, key: bytes) -> bool:
        """Forget the secret and its failures; whether there was anything."""


class SessionStore(Protocol):
    """Sessions of users."""

    def open(self, session: Session, *, closing_others: bool) -> int:
        """Add the session; close the user's others first if asked: how many were closed."""

    def rotate(self, refresh: Refresh) -> tuple[Rotation, Session | None]:
        """Spend a refresh token; a reused one closes the session. The session as it is now."""

    def find(self, session_id: str) -> Session | None:
        """The session, alive or not: one indexed read."""

    def list_open(self, user_id: str, now_ms: int) -> Sequence[Session]:
        """The sessions of a user whose tokens are accepted now, the newest first."""

    def close(self, session_id: str, now_ms: int) -> bool:
        """Close one session; whether it was alive."""

    def close_all(self, user_id: str, now_ms: int) -> int:
        """Close a user's sessions and let their token generation pass: how many were closed."""

    def delete_all(self, user_id: str) -> int:
        """Forget a user's sessions, alive or not: how many there were."""

    def generation(self, user_id: str) -> int:
        """The user's token generation: signed tokens of an earlier one are revoked."""


class ClientStore(Protocol):
    """Clients with their tokens, and campaigns. Look-ups are by key or digest, never scans."""

    def add(self, client: Client) -> None:
        """Keep a new client."""

    def get(self, client_id: str) -> Client | None:
        """The client of that id."""

    def by_secret(self, digests: Sequence[bytes], now_ms: int) -> tuple[Client, int] | None:
        """Whose secret, living now, has one of these digests; and the secret's generation."""

    def list(self) -> Sequence[Client]:
        """All clients, oldest first."""

    def set_blocked(self, client_id: str, blocked_at: int | None) -> bool:
        """Block or unblock; whether there is such a client."""

    def rotate_secret(self, client_id: str, digest: bytes, now_ms: int, previous_until: int | None) -> bool:
        """
        Replace the secret, the old one good until ``previous_until``, unless the one before it is
        good still; with ``None`` both end at once. Whether it was replaced.
        """

    def add_token(self, token: ClientToken, at_most: int) -> None:
        """Keep a token; the client's oldest give way so that at most ``at_most`` live."""

    def find_token(self, digests: Sequence[bytes]) -> ClientToken | None:
        """The token with one of these digests, expired or not."""

    def add_campaign(self, campaign: Campaign) -> None:
        """Keep a new campaign."""

    def get_campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign of that id."""

    def list_campaigns(self, client_id: str | None) -> Sequence[Campaign]:
        """A client's campaigns, oldest first; all with ``None``."""

    def set_paused(self, campaign_id: str, paused_at: int | None) -> bool:
        """Pause or resume; whether there is such a campaign."""


@dataclass(frozen=True)
class LoginAttempt:
    """A guess at a code that opens a session of a user."""

    guess: Guess
    #: Asks for the user, whom the storage may read in the same step.
    user: UserLookup
    #: The session to open, without its user.
    session: Session
    #: Whether to close the user's other sessions.
    closing_others: bool


@dataclass(frozen=True)
class LoginResult:
    """What became of a login."""

    verdict: Verdict
    #: The user who has the identifier, if the code was accepted.
    user: User | None = None
    #: The session that is open now: none if the code was not accepted, or no enabled user was found.
    session: Session | None = None
    #: How many other sessions of the user were closed.
    closed: int = 0
    #: Whether the user cannot have been disabled between the look-up and the end of the step. Otherwise
    #: the user must be looked up again.
    looked_again: bool = False


class Storage(Protocol):
    """Everything that is stored, and what must stand or fall together."""

    @property
    def challenges(self) -> ChallengeStore:
        """Codes, and the logs that limit them."""

    @property
    def secrets(self) -> SecretStore:
        """PINs and passwords."""

    @property
    def sessions(self) -> SessionStore:
        """Sessions of users."""

    @property
    def clients(self) -> ClientStore:
        """Clients, their tokens and their campaigns."""

    def transaction(self) -> AbstractContextManager[None]:
        """One transaction around several operations: an exception undoes them all."""

    def log_in(self, attempt: LoginAttempt) -> LoginResult:
        """
        Redeem a code and open the session of the user it is for, in one step. The session is open if the
        code was accepted and the user is enabled, and only then. The code is used up even if there is no
        such user.

        A storage that does not have the table of the users does this with :func:`log_in_by_steps`.
        """

    def create_all(self) -> None:
        """Create missing tables."""

    def purge(self, before_ms: int) -> int:
        """
        Delete rows that nothing has depended on since ``before_ms``: how many.

        Each row says itself until when limits look at it, so that the purge of one app frees no
        quota or lock of another.
        """


def session_of(user: User, session: Session) -> Session:
    """Return ``session`` as a session of ``user``."""
    return replace(session, user_id=str(user.id), person_key=person_key_of(user))


def log_in_by_steps(storage: Storage, attempt: LoginAttempt) -> LoginResult:
    """
    Do :meth:`Storage.log_in` with the other methods of ``storage``.

    The user is looked up before the transaction, because the directory may use the same database, and
    would wait for the end of the transaction.
    """
    user = attempt.user.find()
    # The same statements for an address without a user, so that a wrong code takes as long.
    with storage.transaction():
        verdict = storage.challenges.redeem(attempt.guess)
        if verdict.state is not GuessState.ACCEPTED:
            return LoginResult(verdict)
        if user is None or not user.is_enabled:
            return LoginResult(verdict, user)
        session = session_of(user, attempt.session)
        closed = storage.sessions.open(session, closing_others=attempt.closing_others)
    return LoginResult(verdict, user, session, closed)
