"""Makes the services of an app, with the adapters that its configuration names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from phonenumbers import SUPPORTED_REGIONS

from flask_otpauth.adapters.addresses import CanonicalAddresses
from flask_otpauth.adapters.events import SignalEvents
from flask_otpauth.adapters.passwords.common import common_passwords
from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.adapters.templates import JinjaTemplates
from flask_otpauth.adapters.tokens.signed import SignedTokens
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.locales import preferences
from flask_otpauth.core.policies import Policy, SubjectKind
from flask_otpauth.engine.clients import Clients
from flask_otpauth.engine.codes import Codes
from flask_otpauth.engine.deliveries import Deliveries
from flask_otpauth.engine.host_codes import HostCodes
from flask_otpauth.engine.idempotency import Idempotency
from flask_otpauth.engine.messenger import MessageSettings, Messenger
from flask_otpauth.engine.reports import Reports
from flask_otpauth.engine.router import Router
from flask_otpauth.engine.secrets import UserSecrets
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import SessionPolicy, Sessions
from flask_otpauth.engine.unlocking import Unlocking
from flask_otpauth.engine.upkeep import Upkeep
from flask_otpauth.engine.users import Users
from flask_otpauth.engine.verifications import Verifications
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.senders import CHANNELS
from flask_otpauth.settings import PREFIX, nearest
from flask_otpauth.wiring import code_owners, delivery, secret_keys, senders
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.clock import clock_of
from flask_otpauth.wiring.databases import Databases
from flask_otpauth.wiring.fixed_codes import fixed_codes
from flask_otpauth.wiring.receipts import report_schemes
from flask_otpauth.wiring.routes import circuit_policy


def services(assembly: Assembly, ring: KeyRing, stores: Databases) -> Services:
    """Return what flows, the extension and the command line use."""
    assembly.problems += _region_problems(assembly)
    addresses, clock, events = CanonicalAddresses(), clock_of(assembly), SignalEvents(assembly.app)
    storage, directory, region = stores.storage, stores.directory, assembly.shared.phone_region
    tokens = secret_keys.token_ring(assembly, ring)
    signer = secret_keys.signer(assembly, tokens)
    schemes = report_schemes(assembly)
    messenger = _messenger(assembly, ring, stores, clock, events, frozenset(schemes))
    fixed = fixed_codes(assembly, stores, addresses, clock)
    codes = Codes(storage, ring, messenger, clock, events, fixed)
    sessions = Sessions(storage.sessions, signer, tokens, _session_policy(assembly), clock, events, directory)
    secrets = _secrets(assembly, ring, codes)
    users = Users(directory, addresses, sessions, region, secrets, stores.for_host)
    return Services(
        addresses=addresses,
        clients=Clients(storage.clients, ring, tokens, signer, clock, tuple(assembly.flows)),
        clock=clock,
        codes=codes,
        common_passwords=common_passwords(),
        deliveries=Deliveries(messenger),
        directory=directory,
        host_codes=HostCodes(codes, addresses, _host_policies(assembly), region, _host_languages(assembly)),
        idempotency=Idempotency(storage, ring, clock, events, secret_keys.sealing(ring)),
        public_keys=signer.jwks(),
        reports=Reports(schemes, storage, clock, events, messenger.kept),
        sessions=sessions,
        signed_tokens=SignedTokens(tokens),
        storage=storage,
        unlocking=Unlocking(
            storage,
            ring,
            users,
            addresses,
            clock,
            _policies(assembly),
            tuple(dict.fromkeys(region for region in _regions(assembly).values() if region)),
            tuple(secrets.values()),
        ),
        upkeep=Upkeep(storage, ring, clock, stores.tables),
        users=users,
    )


def _messenger(
    assembly: Assembly,
    ring: KeyRing,
    stores: Databases,
    clock: Clock,
    events: Events,
    reporting: frozenset[str],
) -> Messenger:
    routes, policy = senders.routes(assembly), circuit_policy(assembly)
    router = Router(routes, stores.storage.circuits, policy, clock, events)
    templates = JinjaTemplates(lambda: assembly.app.jinja_env)
    chosen, settings = delivery.delivery(assembly, clock), _message_settings(assembly)
    kept = delivery.kept_messages(assembly, ring, stores, clock, chosen)
    if kept is not None:
        kept = replace(kept, is_reported=bool(reporting))
    assembly.problems += code_owners.problems(assembly, router)
    verifications = Verifications(stores.storage, ring, router, clock) if router.owners else None
    return Messenger(
        router,
        chosen,
        templates,
        stores.storage,
        clock,
        events,
        settings,
        kept,
        reporting,
        verifications,
    )


def _message_settings(assembly: Assembly) -> MessageSettings:
    # For an app without the flow ``sms``, no SMS has these lines.
    shared, sms = assembly.shared, assembly.by_flow.get("sms")
    origin, app_hash = getattr(sms, "origin", None), getattr(sms, "app_hash", None)
    assembly.problems += [
        f"{PREFIX}TEMPLATE_IDS: unknown channel {channel!r}{nearest(channel, CHANNELS)}"
        for channel, _, _ in shared.template_ids
        if channel not in CHANNELS
    ]
    brand = shared.brand or assembly.app.name
    return MessageSettings(brand, origin, app_hash, shared.template_ids)


def _session_policy(assembly: Assembly) -> SessionPolicy:
    name = assembly.rules_sessions
    policy = assembly.flows[name].session_policy
    return policy(assembly.by_flow[name]) if policy else SessionPolicy()


def _secrets(assembly: Assembly, ring: KeyRing, codes: Codes) -> dict[str, UserSecrets]:
    """Return the standing secrets of the flows, by kind."""
    shared = assembly.shared
    hasher = Argon2Hasher(shared.hash_concurrency, shared.hash_wait.total_seconds())
    return {
        kind.name: UserSecrets(kind, codes.storage, hasher, ring, codes.clock, codes.events)
        for name, flow in assembly.flows.items()
        for kind in flow.secrets(assembly.by_flow[name])
    }


def _policies(assembly: Assembly) -> dict[SubjectKind, tuple[Policy, ...]]:
    """Return the policies of all flows, by kind of subject."""
    found: dict[SubjectKind, tuple[Policy, ...]] = {}
    for name, flow in assembly.flows.items():
        for kind, scopes in flow.scopes.items():
            policies = tuple(assembly.by_flow[name].policy(scope) for scope in scopes)
            found[kind] = (*found.get(kind, ()), *policies)
    return found


def _host_policies(assembly: Assembly) -> dict[str, Policy]:
    """Return the policies of the host's own codes. They are those of the flow for such addresses."""
    return {
        flow.counts_host_codes: assembly.by_flow[name].policy(flow.scopes[flow.counts_host_codes][0])
        for name, flow in assembly.flows.items()
        if flow.counts_host_codes
    }


def _host_languages(assembly: Assembly) -> Callable[[str | None], tuple[str, ...]]:
    return lambda wanted: preferences(wanted, assembly.shared.language, "en")


def _regions(assembly: Assembly) -> dict[str, str | None]:
    """Return the regions of national phone numbers, by the setting that has them."""
    of_flows = {
        f"{name.upper()}_REGION": getattr(each, "region", None) for name, each in assembly.by_flow.items()
    }
    return {"PHONE_REGION": assembly.shared.phone_region, **of_flows}


def _region_problems(assembly: Assembly) -> list[str]:
    """Return a sentence for each region that has no phone numbers, such as ``UK`` instead of ``GB``."""
    return [
        f"{PREFIX}{key}: {region!r} is not a region with phone numbers"
        for key, region in _regions(assembly).items()
        if region is not None and region not in SUPPORTED_REGIONS
    ]
