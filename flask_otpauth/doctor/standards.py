"""Where a configuration does otherwise than NIST SP 800-63B-4 and OWASP ASVS 5.0 ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask_otpauth.settings import FlowSettings, Shared
from flask_otpauth.web.deviations import OF_EVERY_FLOW, Deviation
from flask_otpauth.web.flow import Flow


@dataclass(frozen=True)
class Finding:
    """A deviation that holds for a flow, as it is configured."""

    flow: str
    finding: str
    clauses: str
    #: The setting that meets the clauses; empty if none does.
    fix: str


def findings(
    flows: Mapping[str, Flow[Any, Any]],
    settings: Mapping[str, FlowSettings],
    host_codes: Mapping[str, FlowSettings],
    shared: Shared,
) -> Iterator[Finding]:
    """
    Yield what holds for the registered flows, by the ``settings`` of each, and for the codes that the
    host's own views send by the settings of flows that are not registered (``host_codes``).
    """
    for name, own in settings.items():
        for each in _holding(flows[name], own, shared):
            yield _found(each, name, name)
    for name, own in host_codes.items():
        for each in _holding(flows[name], own, shared):
            if each.of_codes:
                yield _found(each, name, sent_by_host(name))


def declared_deviations(flows: Mapping[str, Flow[Any, Any]]) -> dict[Deviation, list[str]]:
    """Return every deviation that the flows declare, with the names of the flows."""
    found: dict[Deviation, list[str]] = {}
    for name, flow in flows.items():
        for each in _declared(flow):
            found.setdefault(each, []).append(name)
    return found


def sent_by_host(flow: str) -> str:
    """Return what codes are called that ``otpauth.codes`` sends by the settings of ``flow``."""
    return f"codes.send ({flow})"


def _declared(flow: Flow[Any, Any]) -> tuple[Deviation, ...]:
    return (*flow.deviations, *OF_EVERY_FLOW)


def _holding(flow: Flow[Any, Any], settings: FlowSettings, shared: Shared) -> Iterator[Deviation]:
    return (each for each in _declared(flow) if each.applies(settings, shared))


def _found(deviation: Deviation, flow: str, shown: str) -> Finding:
    fix = deviation.fix.format(flow=flow.upper())
    return Finding(shown, deviation.finding, deviation.clauses, fix)
