"""The use cases, made of what the configuration chose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from phonenumbers import SUPPORTED_REGIONS

from flask_otpauth.adapters.addresses import CanonicalAddresses
from flask_otpauth.adapters.events import SignalEvents
from flask_otpauth.adapters.passwords.common import common_passwords
from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.adapters.templates import JinjaTemplates
from flask_otpauth.adapters.tokens.signed import SignedTokens
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.locales import preferences
from flask_otpauth.core.passwords import common_pins, normalize
from flask_otpauth.core.policies import Policy
from flask_otpauth.engine.account_tokens import AccountTokens
from flask_otpauth.engine.clients import Campaigns, Clients
from flask_otpauth.engine.codes import Codes
from flask_otpauth.engine.customers import Customers
from flask_otpauth.engine.host_codes import HostCodes
from flask_otpauth.engine.messenger import Messenger
from flask_otpauth.engine.secrets import UserSecrets
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Sessions
from flask_otpauth.engine.unlocking import SubjectKind, Unlocking
from flask_otpauth.engine.upkeep import Upkeep
from flask_otpauth.engine.users import Users
from flask_otpauth.flows import FLOWS
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.tokens import TokenSigner
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring import databases, secret_keys, senders
from flask_otpauth.wiring.assembly import Assembly


def services(assembly: Assembly, ring: KeyRing, stores: databases.Databases) -> Services:
    """Everything that a flow, the extension and the command line may use."""
    assembly.problems += _region_problems(assembly)
    clock, events = _clock(assembly), SignalEvents(assembly.app)
    storage = stores.storage
    templates = JinjaTemplates(lambda: assembly.app.jinja_env)
    routes, delivery = senders.routes(assembly, clock), senders.delivery(assembly)
    brand = assembly.shared.brand or assembly.app.name
    post = Messenger(routes, delivery, templates, storage, clock, events, brand)
    return _Parts(assembly, ring, Codes(storage, ring, post, clock, events), stores).services()


@dataclass(frozen=True)
class _Parts:
    """What the use cases have in common. ``codes`` carries storage, clock and events."""

    assembly: Assembly
    ring: KeyRing
    codes: Codes
    stores: databases.Databases

    def services(self) -> Services:
        assembly, codes, ring, directory = self.assembly, self.codes, self.ring, self.stores.directory
        storage, clock, region = codes.storage, codes.clock, assembly.shared.phone_region
        addresses, tokens = CanonicalAddresses(), secret_keys.token_ring(assembly, ring)
        signer = secret_keys.signer(assembly, tokens)
        sessions = self._sessions(signer, tokens)
        pins, passwords = self._secrets()
        users = Users(directory, addresses, sessions, region, passwords, pins)
        token_ttl = assembly.by_flow["sms"].account_token_ttl
        return Services(
            account_tokens=AccountTokens(SignedTokens(tokens), storage.sessions, directory, clock, token_ttl),
            addresses=addresses,
            campaigns=Campaigns(storage.clients, clock, self._spoken),
            clients=Clients(storage.clients, ring, tokens, signer, clock, tuple(FLOWS)),
            codes=codes,
            customers=self._customers(users, pins, passwords),
            directory=directory,
            for_views=self.stores.for_views,
            host_codes=HostCodes(codes, addresses, self._host_policies(), region, self._host_languages),
            jwks=signer.jwks(),
            sessions=sessions,
            storage=storage,
            unlocking=self._unlocking(users, addresses, (pins, passwords)),
            upkeep=Upkeep(storage, ring, clock, self.stores.tables),
            users=users,
        )

    def _unlocking(self, users: Users, addresses: Addresses, secrets: tuple[UserSecrets, ...]) -> Unlocking:
        codes, flows = self.codes, self.assembly.by_flow.values()
        regions = (self.assembly.shared.phone_region, *(getattr(flow, "region", None) for flow in flows))
        return Unlocking(
            codes.storage,
            self.ring,
            users,
            addresses,
            codes.clock,
            self._policies(),
            tuple(dict.fromkeys(region for region in regions if region)),
            secrets,
        )

    def _policies(self) -> dict[SubjectKind, tuple[Policy, ...]]:
        """The limits of each kind of subject, over all flows."""
        found: dict[SubjectKind, tuple[Policy, ...]] = {}
        for name, flow in FLOWS.items():
            for kind, scopes in flow.scopes.items():
                policies = tuple(self.assembly.by_flow[name].policy(scope) for scope in scopes)
                found[kind] = (*found.get(kind, ()), *policies)
        return found

    def _sessions(self, signer: TokenSigner, tokens: KeyRing) -> Sessions:
        codes, policy = self.codes, self.assembly.by_flow["email"].session_policy()
        common = (codes.clock, codes.events, self.stores.directory)
        return Sessions(codes.storage.sessions, signer, tokens, policy, *common)

    def _secrets(self) -> tuple[UserSecrets, UserSecrets]:
        shared, account, codes = self.assembly.shared, self.assembly.by_flow["account"], self.codes
        hasher = Argon2Hasher(shared.hash_concurrency, shared.hash_wait.total_seconds())
        common = (codes.storage, hasher, self.ring, codes.clock, codes.events)
        return (
            UserSecrets("pin", account.pin_failures(), False, str, *common),
            UserSecrets("password", account.password_failures(), True, normalize, *common),
        )

    def _customers(self, users: Users, pins: UserSecrets, passwords: UserSecrets) -> Customers:
        account = self.assembly.by_flow["account"]
        barred = common_pins() if account.pin_blocklist == "common" else account.pin_blocklist or ()
        return Customers(
            users=replace(users, region=account.region),
            codes=self.codes,
            sessions=users.sessions,
            pins=pins,
            passwords=passwords,
            barred_pins=frozenset(barred),
            common_passwords=common_passwords(),
            notice_languages=account.languages if account.notify_changes else None,
        )

    def _host_languages(self, wanted: str | None) -> tuple[str, ...]:
        return preferences(wanted, self.assembly.shared.language, "en")

    def _spoken(self, language: str | None) -> str | None:
        wanted = preferences(language) if language else self.assembly.by_flow["voice"].languages()
        return self.codes.post.language("voice", wanted)

    def _host_policies(self) -> dict[str, Policy]:
        """Codes of the host's own views count with those of the flow that sends to such an address."""
        by_flow = self.assembly.by_flow
        return {"email": by_flow["email"].policy("email"), "phone": by_flow["sms"].policy("sms")}


def _region_problems(assembly: Assembly) -> list[str]:
    """Regions that nobody can be called in, such as ``UK`` for ``GB``."""
    regions = {"PHONE_REGION": assembly.shared.phone_region}
    regions |= {
        f"{name.upper()}_REGION": getattr(each, "region", None) for name, each in assembly.by_flow.items()
    }
    return [
        f"{PREFIX}{key}: {region!r} is not a region with phone numbers"
        for key, region in regions.items()
        if region is not None and region not in SUPPORTED_REGIONS
    ]


def _clock(assembly: Assembly) -> Clock:
    """The host's clock, or the system's. Whatever its zone is, all that we compute is in UTC."""
    given: Clock | None = assembly.shared.clock
    if given is None:
        return _system_clock
    now: object = given()
    if not isinstance(now, datetime) or now.utcoffset() is None:
        assembly.problems.append("OTPAUTH_CLOCK: expected a callable that returns an aware datetime")
    return lambda: _in_utc(given())


def _in_utc(now: datetime) -> datetime:
    if now.utcoffset() is None:
        # astimezone would take it for the system's local time.
        raise ValueError("OTPAUTH_CLOCK returned a datetime without a time zone")
    return now.astimezone(UTC)


def _system_clock() -> datetime:
    return datetime.now(UTC)
