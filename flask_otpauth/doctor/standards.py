"""Deviations of a configuration from NIST SP 800-63B-4 and OWASP ASVS 5.0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from flask_otpauth.core.record import frozen
from flask_otpauth.settings import FlowSettings, Shared
from flask_otpauth.web.deviations import OF_EVERY_FLOW, Deviation


class HasDeviations(Protocol):
    """A flow, as far as it is used here."""

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Every deviation that some configuration of it has."""


@frozen
class Finding:
    """A deviation that applies to a flow with its current settings."""

    flow: str
    finding: str
    clauses: str
    #: The setting that meets the clauses. Empty: there is none.
    fix: str


def findings(
    flows: Mapping[str, HasDeviations],
    settings: Mapping[str, FlowSettings],
    host_codes: Mapping[str, FlowSettings],
    shared: Shared,
) -> Iterator[Finding]:
    """
    Yield what applies to the registered flows, by the ``settings`` of each, and to the codes that the
    host's own views send by the settings of flows that are not registered (``host_codes``).
    """
    for name, own in settings.items():
        for each in _applying(flows[name], own, shared):
            yield _found(each, name, name)
    for name, own in host_codes.items():
        for each in _applying(flows[name], own, shared):
            if each.of_codes:
                yield _found(each, name, sent_by_host(name))


def declared_deviations(flows: Mapping[str, HasDeviations]) -> dict[Deviation, list[str]]:
    """Return every deviation that the flows declare, with the names of the flows."""
    found: dict[Deviation, list[str]] = {}
    for name, flow in flows.items():
        for each in _declared(flow):
            found.setdefault(each, []).append(name)
    return found


def sent_by_host(flow: str) -> str:
    """Return the name for codes that ``otpauth.codes`` sends by the settings of ``flow``."""
    return f"codes.send ({flow})"


def _declared(flow: HasDeviations) -> tuple[Deviation, ...]:
    return (*flow.deviations, *OF_EVERY_FLOW)


def _applying(flow: HasDeviations, settings: FlowSettings, shared: Shared) -> Iterator[Deviation]:
    return (each for each in _declared(flow) if each.applies(settings, shared))


def _found(deviation: Deviation, flow: str, shown: str) -> Finding:
    fix = deviation.fix.format(flow=flow.upper())
    return Finding(shown, deviation.finding, deviation.clauses, fix)
