"""Examines an app. ``flask otpauth doctor`` prints the result."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.core.record import frozen
from flask_otpauth.doctor.odds import Odds, odds
from flask_otpauth.doctor.standards import Finding, findings, sent_by_host
from flask_otpauth.doctor.warnings import warnings
from flask_otpauth.wiring import AppState


@frozen
class Examination:
    """The result."""

    #: A sentence for each warning.
    warnings: list[str]
    #: The odds of guessing a code, for each flow that judges guesses.
    odds: Mapping[str, Odds]
    deviations: list[Finding]


def examine(state: AppState, config: Mapping[str, object]) -> Examination:
    """Examine an app with the configuration ``config``."""
    by_flow = {name: state.by_flow[name] for name in state.mounts}
    examined = {**by_flow, **{sent_by_host(name): each for name, each in state.host_codes.items()}}
    policies = {name: settings.weakest_policy() for name, settings in examined.items()}
    chances = {name: odds(policy) for name, policy in policies.items() if policy is not None}
    return Examination(
        list(warnings(state, chances, config)),
        chances,
        list(findings(state.flows, by_flow, state.host_codes, state.shared)),
    )
