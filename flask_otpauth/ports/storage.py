"""
What a storage must do: protocols whose methods are operations on what is stored.

**Atomic.** Each method is one atomic step. If several threads or processes call methods at the same time,
the results, and what is stored afterwards, are the same as if they had called one after the other.

**No rules.** The rules are functions in :mod:`flask_otpauth.core`: a method reads its rows, calls a rule, and
writes what the rule returns. A storage only makes this one step. The test class
:class:`flask_otpauth.testing.StorageContract` tests that it does.

**Instants** are epoch milliseconds. The caller passes the current instant, so a storage needs no clock.

**Outages.** If the store is down, each method raises
:exc:`~flask_otpauth.core.errors.StorageUnavailable`. The request is then refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, Protocol, TypeAlias, TypeVar

from flask_otpauth.core.challenges import Act, Cap, Guess, Issue, IssueResult, Verdict, withheld_digest
from flask_otpauth.core.circuits import Admission, Circuit, Evidence, SendAttempt
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.idempotency import RequestAttempt, RequestResult
from flask_otpauth.core.instants import Block
from flask_otpauth.core.record import frozen, record
from flask_otpauth.core.sessions import Refresh, Rotation, Session
from flask_otpauth.ports.directory import Directory, User, UserLookup

T = TypeVar("T")

__all__ = [
    "Cap",
    "ChallengeStore",
    "CircuitStore",
    "ClientStore",
    "DeliveryStore",
    "FindWithUser",
    "IdempotencyStore",
    "IssueToUser",
    "LogIn",
    "LoginAttempt",
    "LoginResult",
    "Purge",
    "PurgedBatch",
    "SecretStore",
    "SessionStore",
    "Storage",
    "UserIssue",
    "UserIssueResult",
]


class ChallengeStore(Protocol):
    """
    Codes, and the logs that limit them.

    A code has a challenge row, and its subject has a limits row. If both keys are equal, they are one row
    (:mod:`flask_otpauth.core.challenges`).
    """

    def issue(self, issue: Issue) -> IssueResult:
        """
        Issue a code if nothing forbids it.

        In one step: judge the limits row, the challenge row and the counter of the cap, as
        :func:`~flask_otpauth.core.challenges.judge_issue` does. If the code may be issued, add the send to
        the log, replace the code before it, and count it under the cap. Otherwise, the code, the log and the
        counter stay as they are, and a lock that forbids the issue is noted in the limits row
        (:func:`~flask_otpauth.core.challenges.with_lock`).

        Return whether the code was issued, or why not: it repeats the issue before it, or a limit blocks it.
        """

    def peek(self, issue: Issue) -> Block | None:
        """
        Return what a cooldown, a quota or a lock forbids now; ``None`` if they forbid nothing.

        Change nothing. The cap is not looked at. A later :meth:`issue` may be refused even if this returned
        ``None``, because other requests can come in between.
        """

    def withdraw(self, issue: Issue) -> None:
        """
        Undo an issue. Its quota, cooldown and cap are as before, and its code is invalid.

        A newer code stays valid. The code before it does not become valid again. Withdrawing an issue twice,
        or one that was never issued, changes nothing.
        """

    def redeem(self, guess: Guess) -> Verdict:
        """
        Judge a guess, and count it or use up the code.

        In one step: judge both rows as :func:`~flask_otpauth.core.challenges.judge_guess` does. If the guess
        is right, use up the code, and clear the misses of the subject if the code says so. If it is wrong,
        count it for the code, and add it to the misses of the subject. If it cannot be judged, because the
        code is not valid or the subject is locked, count nothing. A lock is noted in the limits row
        (:func:`~flask_otpauth.core.challenges.with_lock`).

        Return the verdict.
        """

    def count(self, act: Act) -> Block | None:
        """
        Count an act if its limits allow it.

        Return ``None`` if it was counted. Otherwise return what forbids it, and change nothing.
        """

    def reference(self, key: bytes) -> str | None:
        """
        Return the text that the newest issue stored with this row; ``None`` if there is no row.

        A withdrawn issue counts too.
        """

    def handed_over(self, issue: Issue) -> None:
        """
        Note that the message of ``issue`` was handed over to its provider.

        From now on, a request that repeats this issue is told that it is done, and not that it is under way.
        If there is a newer issue, change nothing.
        """

    def clear(self, limits_key: bytes, log: Literal["sends", "misses"]) -> bool:
        """
        Empty one log of a limits row. Return whether anything was removed.

        ``"sends"`` ends cooldowns and quotas. ``"misses"`` ends the lock, also if another app noted it.
        """


class SecretStore(Protocol):
    """
    PINs and passwords: memory-hard hashes, and the failures of each.

    ``judged`` is the hash that the caller has verified an entered secret against. If no hash is stored, that
    is a hash of the host, and its failures are counted too
    (:meth:`~flask_otpauth.core.failures.StoredSecret.honors`).
    """

    def read(self, key: bytes) -> StoredSecret:
        """Return the secret as it is now. If it was never set, it has no hash."""

    def put(
        self, key: bytes, new_hash: str, *, replacing: str | Literal["any"] | None, cap: int | None = None
    ) -> bool:
        """
        Set the hash if the stored hash is still the one to replace.

        ``replacing`` says which hash that is:

        - a hash: this one. If no hash is stored, it may be a hash of the host, so the new one is set too.
        - ``None``: none. The new hash is set only if no hash is stored.
        - ``"any"``: every hash, and none.

        If there is a ``cap``, and there were ``cap`` failures in a row, the hash is not set.

        In the same step, forget the failures that count towards a block. The failures in a row stay.

        Return whether the hash was set. If not, nothing has changed.
        """

    def fail(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> tuple[bool, StoredSecret]:
        """
        Count a failure, unless the secret is blocked now or its hash is no longer ``judged``.

        Return whether the failure was counted, and the secret as it is after this step.
        """

    def passed(self, key: bytes, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """
        Forget all failures after a success, unless the secret is blocked now or its hash is no longer
        ``judged``.

        Return whether the success is accepted. If not, nothing has changed.
        """

    def unblock(self, key: bytes) -> None:
        """Forget the failures that count towards a block. The failures in a row stay."""

    def enable(self, key: bytes) -> None:
        """Forget all failures, also those in a row. No block is left."""

    def delete(self, key: bytes) -> bool:
        """Delete the hash and the failures. Return whether there were any."""


#: Finds a session and a user in one read. The arguments are the id of the session, the id of the user, and
#: the directory that has the user. ``None`` means that one of the two was not found, or that one read cannot
#: tell.
FindWithUser: TypeAlias = Callable[[str, str, Directory], tuple[Session, User] | None]


class SessionStore(Protocol):
    """
    Sessions of users, and the token generation of each user.

    A session is open if its tokens are accepted (:meth:`~flask_otpauth.core.sessions.Session.is_live`).
    Methods that return how many sessions were closed count only those that were open.
    """

    def open(self, session: Session, *, closing_others: bool) -> int:
        """
        Add a session. With ``closing_others``, close all other sessions of its user in the same step.

        They are closed at ``session.rotated_at``. If several callers do this for one user at the same time,
        exactly one session is open afterwards.

        Return how many sessions were closed.
        """

    def rotate(self, refresh: Refresh) -> tuple[Rotation, Session | None]:
        """
        Judge a refresh token as :func:`~flask_otpauth.core.sessions.judge_refresh` does.

        In one step: if the outcome is ``ROTATED``, give the session its next token. If it is ``REUSED``,
        close the session. Otherwise, change nothing.

        Return the outcome, and the session as it is after this step; ``None`` if there is no such session.
        """

    def find(self, session_id: str) -> Session | None:
        """
        Return the session with this id, open or not; ``None`` if there is none.

        Unless :attr:`find_with_user` finds the session, this is called in each request with an access token.
        So it must be one read by key.
        """

    @property
    def find_with_user(self) -> FindWithUser | None:
        """
        Finds a session and a user together. ``None`` if the storage has no tables of users.

        Without it, or if it returns ``None``, the session is found by :meth:`find`, and then the user by the
        directory.
        """

    def list_open(self, user_id: str, now_ms: int) -> Sequence[Session]:
        """Return the open sessions of a user, newest first."""

    def close(self, session_id: str, now_ms: int) -> bool:
        """Close a session. Return whether it was open."""

    def close_all(self, user_id: str, now_ms: int) -> int:
        """
        Close all sessions of a user, and add 1 to the user's token generation, in one step.

        Return how many sessions were closed.
        """

    def delete_all(self, user_id: str) -> int:
        """
        Delete all sessions of a user, open or not. Return how many there were.

        The token generation stays.
        """

    def generation(self, user_id: str) -> int:
        """
        Return the token generation of a user, which is 0 at first.

        Signed tokens of an earlier generation are revoked.
        """


class ClientStore(Protocol):
    """Clients with their tokens, and campaigns. Look-ups are by key or digest and read no whole table."""

    def add(self, client: Client) -> None:
        """Add a client. Its id is new."""

    def get(self, client_id: str) -> Client | None:
        """Return the client with this id."""

    def by_secret(self, digests: Sequence[bytes], now_ms: int) -> tuple[Client, int] | None:
        """
        Return the client with a secret that is valid now and has one of these digests.

        Also return the generation of that secret: the client's own, or one less for its previous secret.
        Return ``None`` if there is no such client. A blocked client is returned too.
        """

    def list(self) -> Sequence[Client]:
        """Return all clients, oldest first."""

    def set_blocked(self, client_id: str, blocked_at: int | None) -> bool:
        """Block a client, or unblock it with ``None``. Return whether there is such a client."""

    def rotate_secret(self, client_id: str, digest: bytes, now_ms: int, previous_until: int | None) -> bool:
        """
        Replace the secret of a client, and add 1 to its generation.

        The old secret stays valid until ``previous_until``. A client has at most one previous secret: if it
        already has one that is valid at ``now_ms``, change nothing. If ``previous_until`` is ``None``, the
        secret is always replaced, and all earlier secrets are invalid at once, whatever the clock says.

        Return whether the secret was replaced. If there is no such client, it was not.
        """

    def add_token(self, token: ClientToken, at_most: int) -> None:
        """
        Add a token, and delete the oldest tokens of its client, so that at most ``at_most`` are valid.

        In one step, so that many callers at the same time do not exceed the maximum. Tokens that have
        expired when the new one is issued do not count. The new token is never deleted.
        """

    def find_token(self, digests: Sequence[bytes]) -> ClientToken | None:
        """Return the token with one of these digests, expired or not; ``None`` if there is none."""

    def add_campaign(self, campaign: Campaign) -> None:
        """Add a campaign. Its id is new."""

    def get_campaign(self, campaign_id: str) -> Campaign | None:
        """Return the campaign with this id."""

    def list_campaigns(self, client_id: str | None) -> Sequence[Campaign]:
        """Return the campaigns of a client, oldest first. With ``None``, return those of all clients."""

    def set_paused(self, campaign_id: str, paused_at: int | None) -> bool:
        """Pause a campaign, or resume it with ``None``. Return whether there is such a campaign."""


class CircuitStore(Protocol):
    """
    The circuits of senders, by the name of the sender (:mod:`flask_otpauth.core.circuits`).

    They are asked for only where there are several senders to choose from.
    """

    def read(self, name: str) -> Circuit:
        """Return a circuit as it is now. One that was never stored is closed."""

    def admit(self, attempt: SendAttempt) -> Admission:
        """
        Judge whether a message may be handed to a sender.

        In one step: judge the circuit as :func:`~flask_otpauth.core.circuits.judge_attempt` does, and store
        it if it has changed. So of many callers exactly one is the probe.

        If the circuit is closed, this is one read by key, and nothing is written.
        """

    def note(self, attempt: SendAttempt, evidence: Evidence, now_ms: int) -> tuple[Circuit, Circuit]:
        """
        Note what came of an attempt that was admitted.

        In one step: change the circuit as :func:`~flask_otpauth.core.circuits.with_outcome` does. The caller
        does not call this if it would not change the circuit that was admitted.

        Return the circuit before and after this step. So exactly one of many callers is told that the
        circuit was opened or closed.
        """


class DeliveryStore(Protocol):
    """
    Messages that are kept until they are handed over, and what became of them.

    The rules are in :mod:`flask_otpauth.core.deliveries`. A method that changes a row reads it, calls a rule,
    and writes what the rule returns, in one step. If the rule returns ``None``, or there is no such row,
    nothing changes.
    """

    def add(self, row: DeliveryRow) -> None:
        """
        Add a row. Its id is new.

        Inside :meth:`Storage.atomically`, it is added together with the issue of its code, or not at all.
        """

    def find(self, delivery_id: str) -> DeliveryRow | None:
        """Return the row with this id; ``None`` if there is none."""

    def find_sent(self, sender: str, provider_id: str) -> DeliveryRow | None:
        """
        Return the row that this sender handed over, by the id that the provider gave the message.

        Only as much of the id is compared as a row keeps
        (:func:`~flask_otpauth.core.deliveries.kept_provider_id`).
        """

    def due(self, now_ms: int, limit: int) -> Sequence[str]:
        """
        Return the ids of at most ``limit`` rows that may be claimed now, those that are due longest first.

        Others may claim them before the caller does.
        """

    def claim(self, delivery_id: str, now_ms: int, lease_ms: int) -> DeliveryRow | None:
        """
        Claim a row (:func:`~flask_otpauth.core.deliveries.claimed`). Of many callers, exactly one gets it.

        Return it as it is after this step. Return ``None`` if it was not claimed: there is no such row, it is
        not due, somebody has it or had it, or its code is not awaited. In the last case, it is canceled.
        """

    def begin(self, claim: DeliveryRow) -> bool:
        """
        Note that the message may have been sent (:func:`~flask_otpauth.core.deliveries.begun`).

        ``claim`` is what :meth:`claim` has returned. Return whether the caller may now hand the message over.
        If not, its lease was over, and somebody else has claimed the row.
        """

    def settle(self, claim: DeliveryRow, report: DeliveryReport, *, failed: bool) -> bool:
        """
        Note the outcome of a hand-over (:func:`~flask_otpauth.core.deliveries.settled`).

        ``claim`` is what :meth:`claim` has returned, or a row that was added as handed over. ``failed`` says
        that the message was certainly not sent. Return whether the row has changed.
        """

    def withdraw(self, delivery_id: str) -> bool:
        """
        Note that the message will not be sent (:func:`~flask_otpauth.core.deliveries.withdrawn`).

        Return whether that is so. If not, somebody has claimed the row.
        """

    def hasten(self, delivery_id: str, due_at: int) -> bool:
        """
        Let a row be due earlier (:func:`~flask_otpauth.core.deliveries.hastened`).

        Return whether it has changed.
        """

    def report(self, delivery_id: str, report: DeliveryReport) -> bool:
        """
        Note a report of the provider (:func:`~flask_otpauth.core.deliveries.reported`).

        Return whether it told something new. If there is no such row, it did not.
        """


class IdempotencyStore(Protocol):
    """
    Idempotency keys, each with the answer of the request that was done.

    The rules are in :mod:`flask_otpauth.core.idempotency`.

    It is used only by requests with the header ``Idempotency-Key``.
    """

    def begin(self, attempt: RequestAttempt) -> RequestResult:
        """
        Begin a request, unless it repeats another one or its key was used for another one.

        In one step: judge the row of the key as :func:`~flask_otpauth.core.idempotency.judge_request` does.
        If the attempt begins, write the row that :func:`~flask_otpauth.core.idempotency.request_row` returns.
        Otherwise, change nothing.

        Of several callers at the same time, one begins. Return what the attempt is.
        """

    def finish(self, attempt: RequestAttempt, answer: str) -> None:
        """
        Keep the answer of an attempt that has begun.

        If its lease has ended, and another attempt has begun with the key, change nothing.
        """

    def free(self, attempt: RequestAttempt) -> None:
        """
        Forget the key of an attempt that has begun: nothing was done.

        If its lease has ended, and another attempt has begun with the key, change nothing.
        """


@record
class UserIssue:
    """A code to issue for an identifier, whether a user has it or not."""

    #: The issue of a code that is sent.
    issue: Issue
    #: Finds the user who has the identifier. A storage that has the table of the users may read the user in
    #: the same step instead.
    user: UserLookup
    #: Whether the code is sent if no user has the identifier. A disabled user never gets one.
    for_anyone: bool

    def is_withheld(self, user: User | None) -> bool:
        """Return whether the code is not sent if this is the user who has the identifier."""
        return not (self.for_anyone if user is None else user.is_enabled)

    def issue_if(self, has_code: bool) -> Issue:
        """
        Return the issue of a code that is sent or not.

        If the code is not sent, the limits are the same, and no guess is right.
        """
        return self.issue if has_code else replace(self.issue, digest=withheld_digest(self.issue.digest))

    def issued_to(self, user: User | None, store: Callable[[Issue], IssueResult]) -> UserIssueResult:
        """Issue the code to the user who has the identifier, by the operation of a store."""
        is_withheld = self.is_withheld(user)
        result = store(self.issue_if(not is_withheld))
        return UserIssueResult(result, user.email if user else None, is_withheld=is_withheld)


@record
class UserIssueResult:
    """The outcome of an issue for an identifier."""

    result: IssueResult
    #: The e-mail address of the user who has the identifier, as the user wrote it. ``None`` if there is none.
    email: str | None
    #: Whether the code is not sent, because nobody may get it.
    is_withheld: bool


#: Finds the user who has an identifier, and issues a code for it, in one step. ``None`` means that nothing
#: was done. Without such a step, or after ``None``, this is done by two operations.
IssueToUser: TypeAlias = Callable[[UserIssue], UserIssueResult | None]


@record
class LoginAttempt:
    """A guess at a code, and the session to open if the code is accepted."""

    guess: Guess
    #: Finds the user whom the code is for. A storage that has the table of the users may read the user in
    #: the same step instead.
    user: UserLookup
    #: The session to open, without its user.
    session: Session
    #: Whether to close the user's other sessions.
    closing_others: bool


@record
class LoginResult:
    """The outcome of a login."""

    verdict: Verdict
    #: The user who has the identifier, enabled or not. ``None`` if the code was not accepted or no user was
    #: found.
    user: User | None = None
    #: The session that was opened. ``None`` if the code was not accepted or no enabled user was found.
    session: Session | None = None
    #: How many other sessions of the user were closed.
    closed: int = 0
    #: Whether the user was read in the step itself, so that the user cannot have been disabled since then.
    #: If not, the caller looks the user up again.
    looked_again: bool = False


#: Redeems a code and opens the session of the user whom the code is for, in one step. The session is opened
#: only if the code is accepted and the user is enabled. ``None`` means that nothing was done. Without such a
#: step, or after ``None``, the login is done by the other operations in one transaction.
LogIn: TypeAlias = Callable[[LoginAttempt], LoginResult | None]


@frozen
class Purge:
    """Which rows to delete, and how many of them in one transaction."""

    #: Rows that nothing has depended on since this instant are deleted.
    before_ms: int
    #: The largest number of rows in one transaction.
    batch: int
    #: Whether the rows are only counted.
    dry_run: bool = False


@frozen
class PurgedBatch:
    """The outcome of one transaction of a purge."""

    #: How many rows were examined.
    checked: int = 0
    #: How many of them were deleted. In a dry run, how many would be.
    deleted: int = 0


class Storage(Protocol):
    """The stores, and the operations over several of them."""

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

    @property
    def circuits(self) -> CircuitStore:
        """The circuits of senders."""

    @property
    def deliveries(self) -> DeliveryStore:
        """Messages on their way."""

    @property
    def idempotency(self) -> IdempotencyStore:
        """Idempotency keys."""

    def atomically(self, work: Callable[[], T]) -> T:
        """
        Return what ``work`` returns. All that this thread does in the storage meanwhile is one transaction.

        It is all written if ``work`` returns, and nothing if it raises an exception. An operation sees what
        the operations before it wrote. Inside another transaction, it is a part of that one.

        If the database undoes the transaction because it was in the way of others, the storage may call
        ``work`` again. So ``work`` has no other effects.
        """

    @property
    def issue_to_user(self) -> IssueToUser | None:
        """An issue for an identifier in one step of the storage. ``None`` if the storage has none."""

    @property
    def log_in(self) -> LogIn | None:
        """A login in one step of the storage. ``None`` if the storage has none."""

    def create_all(self) -> None:
        """Create the tables that are missing. Leave those that exist as they are."""

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """
        Delete rows that nothing has depended on since ``purge.before_ms``, in batches.

        These are codes with their limits, counters of caps, sessions, client tokens, circuits, deliveries
        and idempotency keys. Apps with different limits may share a row. So the row itself says until when
        a limit looks at it (``ChallengeRow.needed_until``) and whether it must be kept (``held``). The purge
        of one app ends no quota and no lock of another.

        Each step of the iterator is one short transaction, in which no other operation waits for long. So
        the purge can be ended after any step: what was deleted stays deleted. Rows that another operation
        is writing may be left to the next purge.
        """
