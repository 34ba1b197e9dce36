"""Where a flow deviates from the standards (NIST SP 800-63B-4, OWASP ASVS 5.0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_otpauth.core.record import frozen
from flask_otpauth.settings import FlowSettings, Shared

#: Whether a deviation holds for the settings of a flow and the shared ones.
Applies = Callable[[Any, Shared], bool]


def _always(settings: FlowSettings, shared: Shared) -> bool:
    return True


@frozen
class Deviation:
    """A requirement of the standards that a flow does not meet, or not with all settings."""

    #: What the flow does, in a sentence.
    finding: str
    #: The clauses that require something else.
    clauses: str
    #: The setting that meets the clauses, with ``{flow}`` for the flow's prefix. Empty if none does.
    fix: str = ""
    #: For which settings the deviation holds.
    applies: Applies = _always
    #: Whether it is about codes in general, and so also about those of the host's own views.
    of_codes: bool = False


#: These two are checked for every flow.
OF_EVERY_FLOW = (
    Deviation(
        "A code has fewer than six digits.",
        "NIST §3.1.3.2; ASVS 6.5.4",
        "OTPAUTH_{flow}_CODE_LENGTH = 6",
        lambda settings, shared: settings.code_length < 6,
        of_codes=True,
    ),
    Deviation(
        "Consecutive failures are never capped, even over days and weeks.",
        "NIST §3.2.2",
        "OTPAUTH_{flow}_FAILURE_CAP = 100",
        lambda settings, shared: settings.failure_cap is None and settings.weakest_policy() is not None,
        of_codes=True,
    ),
)

#: For flows whose codes go over the telephone network.
TELEPHONE = Deviation(
    "The telephone network is a restricted channel: tell users about its risks, offer an alternative, "
    "and watch for changed SIM cards and ported numbers.",
    "NIST §3.1.3.3, §3.2.9; ASVS 6.6.1",
    of_codes=True,
)

#: For flows whose clients are apps of users, not servers.
NOT_BOUND_TO_THE_BROWSER = Deviation(
    "A code is bound to its address and purpose, not to the browser that requested it.",
    "ASVS 6.6.2",
    of_codes=True,
)

#: For flows that must not reveal who has an account.
TIME_TELLS_DISABLED_ACCOUNTS = Deviation(
    "The response waits until the message is sent, and a disabled account gets no message: the "
    "response time reveals which accounts are disabled.",
    "ASVS 6.3.8",
    "OTPAUTH_DELIVERY = 'thread'",
    lambda settings, shared: shared.delivery == "inline",
)
