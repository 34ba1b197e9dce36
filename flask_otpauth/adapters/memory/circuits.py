"""The circuits of senders."""

from __future__ import annotations

from collections.abc import Iterator

from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.core.circuits import (
    Admission,
    Circuit,
    Evidence,
    SendAttempt,
    judge_attempt,
    with_outcome,
)
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch


@service
class MemoryCircuitStore:
    """A :class:`~flask_otpauth.ports.storage.CircuitStore`."""

    memory: Memory

    def read(self, name: str) -> Circuit:
        """See the port."""
        with self.memory.lock:
            return self.memory.circuits.get(name, Circuit())

    def admit(self, attempt: SendAttempt) -> Admission:
        """See the port."""
        with self.memory.lock:
            circuit = self.read(attempt.name)
            admission = judge_attempt(circuit, attempt)
            if admission.circuit != circuit:
                self.memory.circuits[attempt.name] = admission.circuit
            return admission

    def note(self, attempt: SendAttempt, evidence: Evidence, now_ms: int) -> tuple[Circuit, Circuit]:
        """See the port."""
        with self.memory.lock:
            before = self.read(attempt.name)
            after = with_outcome(before, attempt, evidence, now_ms)
            if after != before:
                self.memory.circuits[attempt.name] = after
            return before, after

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete circuits whose last failure and last probe were long before then."""
        return self.memory.purge("circuits", lambda circuit: circuit.needed_until < purge.before_ms, purge)
