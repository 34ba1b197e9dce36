"""The use cases of one app, wired, as a handler gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_otpauth.engine.account_tokens import AccountTokens
from flask_otpauth.engine.clients import Campaigns, Clients
from flask_otpauth.engine.codes import Codes
from flask_otpauth.engine.customers import Customers
from flask_otpauth.engine.host_codes import HostCodes
from flask_otpauth.engine.sessions import Sessions
from flask_otpauth.engine.unlocking import Unlocking
from flask_otpauth.engine.upkeep import Upkeep
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.directory import Directory, User
from flask_otpauth.ports.storage import Storage


@dataclass(frozen=True)
class Services:
    """
    Everything that a flow, the extension and the command line may use.

    ``for_views``: a user as the host's own views get it.
    """

    account_tokens: AccountTokens
    addresses: Addresses
    campaigns: Campaigns
    clients: Clients
    codes: Codes
    customers: Customers
    directory: Directory
    for_views: Callable[[User], Any]
    host_codes: HostCodes
    jwks: Mapping[str, Any]
    sessions: Sessions
    storage: Storage
    unlocking: Unlocking
    upkeep: Upkeep
    users: Users
