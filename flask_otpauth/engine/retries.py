"""A retry of something that is under way: it waits a little for what it repeats."""

from __future__ import annotations

from time import sleep

from flask_otpauth.core.challenges import Issue, IssueResult
from flask_otpauth.core.limits import Block
from flask_otpauth.ports.storage import ChallengeStore

#: How long a retry waits before each look whether what it repeats was handed over: two seconds in
#: all. The pauses grow, since each look is a write that is undone.
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)


def issued(store: ChallengeStore, issue: Issue) -> IssueResult:
    """
    What became of the issue.

    Nobody is told that a message was sent whose sending may fail yet. If that does not end, or
    its process was killed, the retry is told to ask again in a second.
    """
    result = store.issue(issue)
    for pause_seconds in _PAUSES_SECONDS:
        if not result.under_way:
            return result
        sleep(pause_seconds)
        result = store.issue(issue)
    return IssueResult(Block("cooldown", issue.now_ms + 1_000, 1)) if result.under_way else result
