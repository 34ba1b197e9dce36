"""The parts and use cases that belong to no flow. Flows build their use cases from them."""

from __future__ import annotations

from collections.abc import Container, Mapping

from flask_otpauth.core.service import service
from flask_otpauth.engine.clients import Clients
from flask_otpauth.engine.codes import Codes
from flask_otpauth.engine.deliveries import Deliveries
from flask_otpauth.engine.host_codes import HostCodes
from flask_otpauth.engine.idempotency import Idempotency
from flask_otpauth.engine.reports import Reports
from flask_otpauth.engine.sessions import Sessions
from flask_otpauth.engine.unlocking import Unlocking
from flask_otpauth.engine.upkeep import Upkeep
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import Directory
from flask_otpauth.ports.storage import Storage
from flask_otpauth.ports.tokens import TokenSigner


@service
class Services:
    """What one app has. The flows, the extension and the command line use it."""

    addresses: Addresses
    clients: Clients
    clock: Clock
    codes: Codes
    common_passwords: Container[str]
    deliveries: Deliveries
    directory: Directory
    host_codes: HostCodes
    idempotency: Idempotency
    #: The public keys of the access tokens (RFC 7517). There are none if they are signed with secret keys.
    public_keys: Mapping[str, object]
    reports: Reports
    sessions: Sessions
    #: Signs tokens that the code of the host issues.
    signed_tokens: TokenSigner
    storage: Storage
    unlocking: Unlocking
    upkeep: Upkeep
    users: Users
