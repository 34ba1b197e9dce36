"""A retry of a request that is still under way: it waits a little for the first one to end."""

from __future__ import annotations

from time import sleep

from flask_otpauth.core.challenges import Issue, IssueResult
from flask_otpauth.core.limits import Block
from flask_otpauth.ports.storage import ChallengeStore

#: The pauses before a retry looks again whether the first message was handed over: two seconds in
#: all. They grow, since each look is a write that is undone.
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)


def issued(store: ChallengeStore, issue: Issue) -> IssueResult:
    """
    Issue; if the same issue is still under way, wait for up to two seconds until it has ended.

    The sending that is under way may still fail, so a retry must not be answered with success
    yet. If it does not end, or its process was killed, the client is told to retry in a second.
    """
    result = store.issue(issue)
    for pause_seconds in _PAUSES_SECONDS:
        if not result.under_way:
            return result
        sleep(pause_seconds)
        result = store.issue(issue)
    return IssueResult(Block("cooldown", issue.now_ms + 1_000, 1)) if result.under_way else result
