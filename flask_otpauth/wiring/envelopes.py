"""Which wire format a flow speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.envelope import Envelope
from flask_otpauth.web.flow import Flow
from flask_otpauth.web.problem import ProblemEnvelope
from flask_otpauth.wiring.assembly import Assembly


def envelope_of(assembly: Assembly, name: str) -> Any:
    """Return the envelope that the settings of a flow choose: any that a flow brings, or the host's."""
    settings = assembly.by_flow[name]
    makers = packaged_envelopes(assembly.flows)
    bound = {name: (lambda make=make: make(settings)) for name, make in makers.items()}
    return assembly.resolved(f"{name.upper()}_ENVELOPE", settings.envelope, bound, "success", "failure")


def own_envelope(flow: Flow[Any, Any], settings: FlowSettings) -> Envelope:
    """Return the envelope that a flow brings itself."""
    make = next(iter(flow.envelopes.values()), ProblemEnvelope.from_settings)
    return make(settings)


def packaged_envelopes(flows: Mapping[str, Flow[Any, Any]]) -> dict[str, Callable[[Any], Envelope]]:
    """Return what makes each envelope of the flows and their companions, by name; and ``problem``."""
    found: dict[str, Callable[[Any], Envelope]] = {"problem": ProblemEnvelope.from_settings}
    for flow in flows.values():
        for each in flow.parts:
            found.update(each.envelopes)
    return found
