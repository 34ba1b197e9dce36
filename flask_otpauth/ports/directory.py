"""Where users are found. The packaged table is one; a host brings its own."""

from __future__ import annotations

from typing import Any, Literal, Protocol

IdentifierKind = Literal["id", "email", "phone", "member_id"]


class User(Protocol):
    """
    An account. ``id`` is an ``int`` in the packaged table and may be a ``str`` in a host's.

    ``password_hash`` is a hash that the host brought along (argon2, or werkzeug's scrypt and
    pbkdf2): it is verified until the first change of password, which is kept by our storage.
    """

    @property
    def id(self) -> Any: ...
    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def member_id(self) -> str | None: ...
    @property
    def full_name(self) -> str: ...
    @property
    def avatar_url(self) -> str | None: ...
    @property
    def password_hash(self) -> str | None: ...
    @property
    def is_enabled(self) -> bool: ...
    @property
    def email_verified(self) -> bool: ...
    @property
    def phone_verified(self) -> bool: ...


class Directory(Protocol):
    """
    Finds and writes users. Addresses are canonical (:class:`~flask_otpauth.ports.addresses.Addresses`).

    A write is a short transaction of its own, never the host's, and idempotent.
    """

    def get(self, user_id: str) -> User | None:
        """The user whose id reads ``user_id`` as text, disabled or not."""

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """The user known by that identifier; a directory may scope its search by client."""

    def create(self, **fields: Any) -> User:
        """A new user with these fields of :class:`User`; for an e-mail or phone that exists, that user."""

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """The user has proved that the address is theirs."""

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """Disable or enable; whether there is such a user."""
