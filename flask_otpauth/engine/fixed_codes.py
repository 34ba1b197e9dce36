"""Test identities: addresses that get a fixed code and no message, until a date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime

from flask_otpauth.core.record import record
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.service import service
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import Directory, User


@record
class FixedCode:
    """The code of a test identity."""

    code: str = field(repr=False)
    #: The instant at which the address becomes an ordinary one.
    ends_at: datetime


@service
class FixedCodes:
    """The fixed codes of an app. An app without test identities has none."""

    #: By address in canonical form.
    by_address: Mapping[str, FixedCode]
    #: Whether the host marks a user as privileged. Such a user gets an ordinary code.
    is_privileged: Callable[[User], bool]
    directory: Directory
    addresses: Addresses
    clock: Clock

    def find(self, address: str, length: int) -> str | None:
        """
        Return the fixed code of ``address`` with ``length`` digits: the end of its code.

        Return ``None`` if the address gets an ordinary code: it is not listed, its date is over, its user is
        privileged, or its code is too short.
        """
        canonical = self._canonical(address) if self.by_address else address
        fixed = self.by_address.get(canonical)
        if fixed is None or len(fixed.code) < length or self.clock() >= fixed.ends_at:
            return None
        user = self.directory.find("email" if "@" in canonical else "phone", canonical)
        if user is not None and self.is_privileged(user):
            return None
        return Sensitive(fixed.code[-length:])

    def _canonical(self, address: str) -> str:
        """Return the canonical form. A user may have an e-mail address in another one."""
        if "@" not in address:
            return address
        try:
            return self.addresses.email(address)
        except ValueError:
            return address
