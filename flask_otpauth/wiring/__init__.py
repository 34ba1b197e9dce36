"""The one place where adapters meet ports: an app's configuration in, its :class:`State` out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_limiter import Limiter

from flask_otpauth.adapters.access_log import mask_codes
from flask_otpauth.adapters.front import LimiterFront
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.engine.services import Services
from flask_otpauth.envelopes import PACKAGED
from flask_otpauth.flows import FLOWS
from flask_otpauth.flows.blueprint import Mount
from flask_otpauth.settings import Shared
from flask_otpauth.wiring import databases, keys, limits, paths
from flask_otpauth.wiring.services import services
from flask_otpauth.wiring.setup import Setup

logger = logging.getLogger("flask_otpauth")


@dataclass(frozen=True)
class State:
    """
    What one app has of this package: ``app.extensions["otpauth"]``.

    ``are_stores_new``: the stores begin and end with the process. ``postponed``: problems with which
    a command may start, but a process that serves may not.
    """

    shared: Shared
    by_flow: Mapping[str, Any]
    services: Services
    front: LimiterFront
    mounts: Mapping[str, Mount]
    are_stores_new: bool
    postponed: tuple[str, ...]

    @property
    def host_codes(self) -> Mapping[str, Any]:
        """The settings by which ``otpauth.codes`` alone sends, by the flow that is not registered."""
        routes = self.services.codes.post.routes
        return {
            name: settings
            for name, settings in self.by_flow.items()
            if name not in self.mounts and not routes.keys().isdisjoint(settings.host_channels)
        }


def wire(app: Flask, limiter: Limiter | None, db: Any) -> State:
    """
    Everything that ``app`` needs, chosen by its configuration.

    :raises ConfigurationError: with every problem that was found.
    """
    setup = Setup.of(app, limiter, db)
    stores = databases.stores(setup)
    ring = keys.key_ring(setup, stores)
    wired = services(setup, ring, stores)
    front = limits.front(setup, ring)
    setup.problems += paths.problems(setup, wired)
    envelopes = {name: _envelope(setup, name) for name in setup.flows}
    if setup.problems:
        raise ConfigurationError(setup.problems)
    for each in setup.postponed:
        logger.warning("this app cannot serve: %s", each)
    if "flashcall" in envelopes and setup.by_flow["flashcall"].mask_logs:
        mask_codes(setup.by_flow["flashcall"].url_prefix)
    mounts = {
        name: Mount(FLOWS[name], setup.by_flow[name], wired, envelope, front)
        for name, envelope in envelopes.items()
    }
    return State(setup.shared, setup.by_flow, wired, front, mounts, stores.are_new, tuple(setup.postponed))


def _envelope(setup: Setup, flow: str) -> Any:
    chosen = setup.by_flow[flow]
    packaged = {name: (lambda make=make: make(chosen)) for name, make in PACKAGED.items()}
    return setup.resolved(f"{flow.upper()}_ENVELOPE", chosen.envelope, packaged, "success", "failure")
