"""
The circuit of a sender: after some failures in a row, a sender rests, and then one message probes it.

A circuit is *closed* as long as its sender works. Failures in a row open it: the sender gets no messages, so
that no request waits for a provider that is down. After a rest it is *half-open*: one message is the probe.
If the probe is sent, the circuit closes. If it fails, the sender rests for twice as long, up to a maximum.

**What counts.** Only what tells something about the provider (:class:`Evidence`): a recipient who cannot be
reached is no failure of it. A success ends the count, so the circuit of a busy sender does not open because
one message in a thousand fails. Failures count for ``window_ms`` after the last one.

**Who probes.** A circuit is shared by all workers, and each probe has a nonce. While one is under way,
nobody else probes. A worker that is killed never reports its probe, so the probe is only a lease: when it is
over, the next message probes. What comes of a message that was handed over before the circuit opened, or
after the lease of its probe was over, changes nothing: it is older than what the circuit knows.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from flask_otpauth.core.instants import DAY, milliseconds
from flask_otpauth.core.record import frozen

#: How long the last failure and the last probe of a circuit are kept. No window and no rest is longer.
KEPT_MS = milliseconds(DAY)

_MOST_DOUBLINGS = 32


class Evidence(StrEnum):
    """What the outcome of a message tells about the provider."""

    #: The provider works.
    WORKS = "works"
    #: The provider failed, or did not answer in time.
    FAILS = "fails"
    #: Nothing: the message or its recipient was refused, perhaps before the provider was asked.
    NONE = "none"


class CircuitState(StrEnum):
    """The state of a circuit at one instant."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@frozen
class CircuitPolicy:
    """When a circuit opens, and for how long."""

    #: This many failures in a row open the circuit.
    limit: int = 5
    #: The count returns to zero this long after the last failure.
    window_ms: int = 5 * 60_000
    #: The length of the first rest. Each further one is twice as long.
    rest_ms: int = 30_000
    #: No rest is longer than this.
    longest_rest_ms: int = 10 * 60_000
    #: After this time without a result, a probe is given to another message. It is twice as long as the
    #: packaged senders take by default at most. What comes of a probe that takes longer is not noted.
    lease_ms: int = 3 * 60_000

    def rest_length(self, failures: int) -> int:
        """Return how long the sender rests after ``failures`` failures. Each failed probe is one of them."""
        doublings = min(failures - self.limit, _MOST_DOUBLINGS)
        return int(min(self.rest_ms << doublings, self.longest_rest_ms))


@frozen
class SendAttempt:
    """A message that is about to be handed to a sender."""

    #: The name of the sender, and of its circuit.
    name: str
    #: Unlike that of all other attempts.
    nonce: str
    policy: CircuitPolicy
    now_ms: int
    #: The message may be a probe before the end of the rest, because all senders rest.
    is_last_resort: bool = False


@frozen
class Circuit:
    """What is stored of a circuit. One that was never stored is closed and has no failures."""

    #: The failures in a row. When the circuit is open, only those of probes are added.
    failures: int = 0
    #: When the last failure was.
    failed_at: int = 0
    #: The nonce of the probe that is under way. Empty: there is none.
    probe: str = ""
    #: When the last probe began.
    probed_at: int = 0

    @property
    def needed_until(self) -> int:
        """Return the instant after which a purge deletes the circuit: by then, no app looks at it."""
        return max(self.failed_at, self.probed_at) + KEPT_MS

    def is_closed(self, policy: CircuitPolicy) -> bool:
        """Return whether all messages may be handed over."""
        return self.failures < policy.limit

    def rests_until(self, policy: CircuitPolicy, now_ms: int) -> int | None:
        """Return when the rest of the sender ends; ``None`` if it does not rest now."""
        if self.is_closed(policy):
            return None
        return _ends_at(self.failed_at, policy.rest_length(self.failures), now_ms)

    def is_probed(self, policy: CircuitPolicy, now_ms: int) -> bool:
        """Return whether a probe is under way, as far as anybody knows."""
        return bool(self.probe) and _ends_at(self.probed_at, policy.lease_ms, now_ms) is not None

    def state(self, policy: CircuitPolicy, now_ms: int) -> CircuitState:
        """Return the state. A circuit with a probe under way is half-open."""
        if self.is_closed(policy):
            return CircuitState.CLOSED
        rests = self.rests_until(policy, now_ms) is not None and not self.is_probed(policy, now_ms)
        return CircuitState.OPEN if rests else CircuitState.HALF_OPEN


@frozen
class Admission:
    """Whether a message may be handed to a sender."""

    is_admitted: bool
    #: The circuit after this step.
    circuit: Circuit


def judge_attempt(circuit: Circuit, attempt: SendAttempt) -> Admission:
    """
    Return whether the message may be handed to the sender, and the circuit after that.

    The circuit only changes if the message is the probe.
    """
    policy, now_ms = attempt.policy, attempt.now_ms
    if circuit.is_closed(policy):
        return Admission(True, circuit)
    rests = circuit.rests_until(policy, now_ms) is not None
    if circuit.is_probed(policy, now_ms) or (rests and not attempt.is_last_resort):
        return Admission(False, circuit)
    return Admission(True, replace(circuit, probe=attempt.nonce, probed_at=now_ms))


def with_outcome(circuit: Circuit, attempt: SendAttempt, evidence: Evidence, now_ms: int) -> Circuit:
    """Return the circuit after an attempt that was admitted has ended at ``now_ms``."""
    if circuit.is_closed(attempt.policy):
        return _with_message(circuit, attempt.policy, evidence, now_ms)
    if circuit.probe != attempt.nonce:
        return circuit
    if evidence is Evidence.WORKS:
        return Circuit()
    if evidence is Evidence.FAILS:
        return replace(circuit, failures=circuit.failures + 1, failed_at=now_ms, probe="")
    # The next message is the probe. A probe during the rest does not end the rest.
    return replace(circuit, probe="")


def _with_message(circuit: Circuit, policy: CircuitPolicy, evidence: Evidence, now_ms: int) -> Circuit:
    """Return a closed circuit after one more message."""
    if evidence is Evidence.NONE:
        return circuit
    if evidence is Evidence.WORKS:
        return Circuit()
    counts = _ends_at(circuit.failed_at, policy.window_ms, now_ms) is not None
    return Circuit(circuit.failures * counts + 1, now_ms)


def _ends_at(began_at: int, length_ms: int, now_ms: int) -> int | None:
    """
    Return when a period ends; ``None`` if it is over.

    If it began in the future, by a clock that is ahead, it counts as begun at this instant. It is over if it
    began further in the future than its length. So it lasts at most twice as long as its length, and a
    sender does not rest until it is as late as that clock said.
    """
    if abs(now_ms - began_at) >= length_ms:
        return None
    return min(began_at, now_ms) + length_ms
