"""Which wire format a flow uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.envelope import Envelope
from flask_otpauth.web.flow import AnyFlow
from flask_otpauth.web.problem import ProblemEnvelope
from flask_otpauth.wiring.assembly import Assembly


def envelope_of(assembly: Assembly, name: str) -> Envelope:
    """Return the envelope that the settings of a flow name: that of any flow, or one of the host."""
    settings = assembly.by_flow[name]
    makers = packaged_envelopes(assembly.flows)
    bound = {name: (lambda make=make: make(settings)) for name, make in makers.items()}
    chosen = assembly.resolved(f"{name.upper()}_ENVELOPE", settings.envelope, bound, "success", "failure")
    return own_envelope(assembly.flows[name], settings) if chosen is None else chosen


def own_envelope(flow: AnyFlow, settings: FlowSettings) -> Envelope:
    """Return the envelope that comes with a flow."""
    make = next(iter(flow.envelopes.values()), ProblemEnvelope.from_settings)
    return make(settings)


def packaged_envelopes(flows: Mapping[str, AnyFlow]) -> dict[str, Callable[[FlowSettings], Envelope]]:
    """Return what makes each envelope, by name: those of the flows and their companions, and ``problem``."""
    found: dict[str, Callable[[FlowSettings], Envelope]] = {"problem": ProblemEnvelope.from_settings}
    for flow in flows.values():
        for each in flow.parts:
            found.update(each.envelopes)
    return found
