"""
The protocols of a storage, their values, and the rules for a storage of your own.

A rule is a function. ``judge_…`` takes rows and returns a verdict. ``with_…``, ``without_…`` and ``rotated``
take a row and return the changed row. The rules for secrets are methods of :class:`StoredSecret`.
"""

from __future__ import annotations

from flask_otpauth.adapters.memory import MemoryStorage
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.adapters.sqlalchemy.tables import TableNames
from flask_otpauth.core.challenges import (
    Act,
    Cap,
    ChallengeRow,
    Guess,
    GuessState,
    Issue,
    IssueResult,
    Verdict,
    block_of,
    judge_guess,
    judge_issue,
    with_act,
    with_code,
    with_guess,
    with_lock,
    with_miss,
    with_send,
    without_issue,
    without_misses,
)
from flask_otpauth.core.circuits import (
    Admission,
    Circuit,
    CircuitPolicy,
    CircuitState,
    Evidence,
    SendAttempt,
    judge_attempt,
    with_outcome,
)
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.failures import FailurePolicy, StoredSecret
from flask_otpauth.core.instants import Block, Limit
from flask_otpauth.core.sessions import (
    Refresh,
    Rotation,
    Session,
    judge_refresh,
    rotated,
)
from flask_otpauth.ports.directory import UserLookup
from flask_otpauth.ports.storage import (
    ChallengeStore,
    CircuitStore,
    ClientStore,
    FindWithUser,
    IssueToUser,
    LogIn,
    LoginAttempt,
    LoginResult,
    Purge,
    PurgedBatch,
    SecretStore,
    SessionStore,
    Storage,
    UserIssue,
    UserIssueResult,
)

__all__ = [
    "Act",
    "Admission",
    "Block",
    "Campaign",
    "Cap",
    "ChallengeRow",
    "ChallengeStore",
    "Circuit",
    "CircuitPolicy",
    "CircuitState",
    "CircuitStore",
    "Client",
    "ClientStore",
    "ClientToken",
    "Evidence",
    "FailurePolicy",
    "FindWithUser",
    "Guess",
    "GuessState",
    "Issue",
    "IssueResult",
    "IssueToUser",
    "Limit",
    "LogIn",
    "LoginAttempt",
    "LoginResult",
    "MemoryStorage",
    "Purge",
    "PurgedBatch",
    "Refresh",
    "Rotation",
    "SecretStore",
    "SendAttempt",
    "Session",
    "SessionStore",
    "SqlAlchemyStorage",
    "Storage",
    "StoredSecret",
    "TableNames",
    "UserIssue",
    "UserIssueResult",
    "UserLookup",
    "Verdict",
    "block_of",
    "judge_attempt",
    "judge_guess",
    "judge_issue",
    "judge_refresh",
    "rotated",
    "with_act",
    "with_code",
    "with_guess",
    "with_lock",
    "with_miss",
    "with_outcome",
    "with_send",
    "without_issue",
    "without_misses",
]
