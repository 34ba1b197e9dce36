"""The one place where adapters meet ports: an app's configuration in, its :class:`AppState` out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_limiter import Limiter

from flask_otpauth.adapters.access_log import mask_codes
from flask_otpauth.adapters.rate_limits import LimiterRateLimits
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.engine.services import Services
from flask_otpauth.envelopes import PACKAGED
from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import Shared
from flask_otpauth.web.blueprint import Mount
from flask_otpauth.wiring import databases, paths, rate_limits, secret_keys
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.services import services

logger = logging.getLogger("flask_otpauth")


@dataclass(frozen=True)
class AppState:
    """
    What one app has of this package: ``app.extensions["otpauth"]``.

    ``are_stores_new``: the stores begin and end with the process. ``postponed``: problems with which
    a command may start, but a process that serves may not.
    """

    shared: Shared
    by_flow: Mapping[str, Any]
    services: Services
    rate_limits: LimiterRateLimits
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


def wire(app: Flask, limiter: Limiter | None, db: Any) -> AppState:
    """
    Everything that ``app`` needs, chosen by its configuration.

    :raises ConfigurationError: with every problem that was found.
    """
    assembly = Assembly.of(app, limiter, db)
    stores = databases.open_databases(assembly)
    ring = secret_keys.key_ring(assembly, stores)
    wired = services(assembly, ring, stores)
    counted = rate_limits.rate_limits(assembly, ring)
    assembly.problems += paths.problems(assembly, wired)
    envelopes = {name: _envelope(assembly, name) for name in assembly.flows}
    if assembly.problems:
        raise ConfigurationError(assembly.problems)
    for each in assembly.postponed:
        logger.warning("this app cannot serve: %s", each)
    if "flashcall" in envelopes and assembly.by_flow["flashcall"].mask_logs:
        mask_codes(assembly.by_flow["flashcall"].url_prefix)
    mounts = {
        name: Mount(FLOWS[name], assembly.by_flow[name], wired, envelope, counted)
        for name, envelope in envelopes.items()
    }
    return AppState(
        assembly.shared,
        assembly.by_flow,
        wired,
        counted,
        mounts,
        stores.are_new,
        tuple(assembly.postponed),
    )


def _envelope(assembly: Assembly, flow: str) -> Any:
    chosen = assembly.by_flow[flow]
    packaged = {name: (lambda make=make: make(chosen)) for name, make in PACKAGED.items()}
    return assembly.resolved(f"{flow.upper()}_ENVELOPE", chosen.envelope, packaged, "success", "failure")
