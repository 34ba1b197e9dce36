"""Makes the :class:`AppState` of an app from its configuration. Only here, adapters are put behind ports."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TypeVar

from flask import Flask
from flask_limiter import Limiter
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from flask_otpauth.adapters.access_log import mask_codes
from flask_otpauth.adapters.rate_limits import LimiterRateLimits
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.core.service import service
from flask_otpauth.engine.services import Services
from flask_otpauth.inbox import Inbox
from flask_otpauth.settings import FlowSettings, Shared
from flask_otpauth.web.blueprint import Mount
from flask_otpauth.web.flow import AnyFlow
from flask_otpauth.web.receipts import ReceiptsMount
from flask_otpauth.wiring import databases, inbox, paths, secret_keys
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.databases import ViewUsers
from flask_otpauth.wiring.envelopes import envelope_of, own_envelope
from flask_otpauth.wiring.rate_limits import rate_limits
from flask_otpauth.wiring.services import services

logger = logging.getLogger("flask_otpauth")

UseCaseT = TypeVar("UseCaseT")


@service
class AppState:
    """The state of one app: ``app.extensions["otpauth"]``."""

    shared: Shared
    #: All flows by name, also those that are not registered.
    flows: Mapping[str, AnyFlow]
    #: The settings of each flow.
    by_flow: Mapping[str, FlowSettings]
    #: What the ``build`` of each flow returned.
    use_cases: Mapping[str, object]
    services: Services
    rate_limits: LimiterRateLimits
    #: The flows that are registered, by name.
    mounts: Mapping[str, Mount]
    #: The paths to which providers post reports. There are none if no provider says how it signs them.
    receipts: ReceiptsMount
    #: The flow that answers for the host's protected views. Its settings say how long sessions are valid.
    protected_views: Mount
    #: What the host's views get for a user.
    for_views: ViewUsers
    #: Whether the stores begin and end with the process.
    are_stores_new: bool
    #: Problems that stop a process that serves requests, but not a command.
    postponed: tuple[str, ...]
    #: The inbox of ``OTPAUTH_DEV_INBOX``.
    inbox: Inbox | None

    @property
    def host_codes(self) -> Mapping[str, FlowSettings]:
        """Return the settings of flows that are not registered, but that ``otpauth.codes`` uses to send."""
        channels = self.services.codes.messenger.router.channels
        return {
            name: settings
            for name, settings in self.by_flow.items()
            if name not in self.mounts and not channels.isdisjoint(settings.host_channels)
        }

    def use_case(self, flow: str, kind: type[UseCaseT]) -> UseCaseT:
        """
        Return the use case of a flow.

        :raises LookupError: if there is no such flow.
        """
        found = self.use_cases.get(flow)
        if not isinstance(found, kind):
            raise LookupError(f"there is no flow {flow!r} with {kind.__name__}")
        return found


def wire(app: Flask, limiter: Limiter | None, db: SQLAlchemy | Engine | None) -> AppState:
    """
    Return everything that ``app`` needs, as its configuration says.

    :raises ConfigurationError: if there are problems. It has all of them.
    """
    assembly = Assembly.of(app, limiter, db)
    assembly.demand_to_serve(inbox.problems(app, assembly.shared))
    stores = databases.open_databases(assembly)
    ring = secret_keys.key_ring(assembly, stores)
    built = services(assembly, ring, stores)
    counted = rate_limits(assembly, ring)
    use_cases = {name: flow.build(built, assembly.by_flow[name]) for name, flow in assembly.flows.items()}
    mounts = {name: _mount(assembly, name, use_cases[name], built, counted) for name in assembly.registered}
    assembly.problems += paths.problems(app, mounts.values())
    if assembly.problems:
        raise ConfigurationError(assembly.problems)
    for each in assembly.postponed:
        logger.warning("this app cannot serve: %s", each)
    for mount in mounts.values():
        prefix = mount.flow.masked_prefix(mount.settings)
        if prefix is not None:
            mask_codes(prefix)
    ruling = assembly.rules_sessions
    return AppState(
        assembly.shared,
        assembly.flows,
        assembly.by_flow,
        use_cases,
        built,
        counted,
        mounts,
        ReceiptsMount(built.reports, counted),
        mounts.get(ruling) or _mount(assembly, ruling, use_cases[ruling], built, counted),
        stores.for_views,
        stores.are_new,
        tuple(assembly.postponed),
        assembly.inbox,
    )


def _mount(
    assembly: Assembly, name: str, use_case: object, built: Services, counted: LimiterRateLimits
) -> Mount:
    flow, settings = assembly.flows[name], assembly.by_flow[name]
    companions = tuple(
        Mount(each, settings, each.build(built, settings), built, own_envelope(each, settings), counted)
        for each in flow.companions
    )
    return Mount(flow, settings, use_case, built, envelope_of(assembly, name), counted, companions)
