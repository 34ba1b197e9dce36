"""Where users are found. The packaged table is one; a host brings its own."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias, TypedDict
from uuid import UUID

#: What a user can be found by.
IdentifierKind: TypeAlias = Literal["id", "email", "phone", "member_id"]


class UserExists(ValueError):
    """Somebody has this e-mail, phone or member id already: ``kind`` says which of them."""

    def __init__(self, kind: IdentifierKind) -> None:
        self.kind = kind
        names = {"email": "e-mail address", "phone": "phone number", "member_id": "member id"}
        super().__init__(f"another user has this {names.get(kind, kind)}")


class User(Protocol):
    """
    An account. ``id`` is an ``int`` in the packaged table. A host's id may be anything that can be
    written as a text in one way only, such as a ``str`` or a ``UUID``. In JSON an ``int`` is a number.

    A user may have ``person_key``, a random text that no other person has or ever had. What is
    kept for a user is bound to it; without it an id must never be given to another person.

    ``password_hash`` is a hash that the host brought along (argon2, or werkzeug's scrypt and
    pbkdf2): it is used until the first change of password, which is kept in the extension's storage.
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


class HasId(Protocol):
    """A user, or a row of a host's model: what has an ``id``."""

    @property
    def id(self) -> object: ...


#: A user, the id of one, or the e-mail address, phone number or member id. ``None`` means no user.
UserReference: TypeAlias = HasId | int | str | UUID | None


class NewUser(TypedDict, total=False):
    """What a user is created with."""

    email: str | None
    phone: str | None
    member_id: str | None
    full_name: str
    avatar_url: str | None
    password: str | None


class Directory(Protocol):
    """
    Finds and writes users. Addresses are canonical (:class:`~flask_otpauth.ports.addresses.Addresses`).

    A write is a short separate transaction, never the host's. All writes but :meth:`create` may be repeated.
    """

    def get(self, user_id: str) -> User | None:
        """The user whose id reads ``user_id`` as text, exactly; disabled or not."""

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """The user known by that identifier; a directory may scope its search by client."""

    def create(self, **fields: Any) -> User:
        """
        A new user with these fields of :class:`User`.

        :raises UserExists: if somebody has the e-mail, the phone or the member id: nobody is changed.
        """

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """The user has proved that the address is theirs."""

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """Disable or enable; whether there is such a user."""

    def delete(self, user_id: str) -> bool:
        """Delete the user; whether there is such a user."""
