"""Where users are found: in the packaged table, in the table of a host's model, or in a host's directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from flask_otpauth.core.record import frozen, record

#: What a user can be found by.
IdentifierKind: TypeAlias = Literal["id", "email", "phone", "member_id"]


class UserExists(ValueError):
    """Another user has this e-mail address, phone number or member id. ``kind`` says which of them."""

    def __init__(self, kind: IdentifierKind) -> None:
        self.kind = kind
        names = {"email": "e-mail address", "phone": "phone number", "member_id": "member id"}
        super().__init__(f"another user has this {names.get(kind, kind)}")


class HasId(Protocol):
    """Anything with an ``id``: a user, or a row of a host's model."""

    @property
    def id(self) -> object: ...


class User(HasId, Protocol):
    """
    An account. ``id`` is an ``int`` in the packaged table. In a host's directory, it can be any value
    with exactly one text form, such as a ``str`` or a ``UUID``. In JSON, an ``int`` is a number.

    A user can have ``person_key``, a random text that no other person has or ever had. What is kept for
    a user is bound to it. Without it, the id of a deleted user must never be given to another person.

    ``password_hash`` is for an existing hash (argon2, or Werkzeug's scrypt and pbkdf2). It is used until
    the password is first changed. After that, the hash is in the extension's storage.
    """

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


#: A user, the id of one, or the e-mail address, phone number or member id. ``None`` means no user.
UserReference: TypeAlias = HasId | int | str | UUID | None


@frozen
class NewUser:
    """A user to create. Addresses are canonical. What is not given is ``None``, empty or false."""

    email: str | None = None
    phone: str | None = None
    member_id: str | None = None
    full_name: str = ""
    avatar_url: str | None = None
    #: Whether the user has just proved that the address is theirs.
    email_verified: bool = False
    #: The same for the phone number.
    phone_verified: bool = False


class Directory(Protocol):
    """
    Finds and writes users. Addresses are canonical (:class:`~flask_otpauth.ports.addresses.Addresses`).

    Each write is a short transaction of its own, never a part of the host's. All writes except
    :meth:`create` can be repeated.
    """

    def get(self, user_id: str) -> User | None:
        """Return the user whose id has exactly this text form, disabled or not."""

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """Return the user with this identifier. A directory can limit the search to a client's users."""

    def create(self, user: NewUser) -> User:
        """
        Create a user, and return it.

        :raises UserExists: if another user has the e-mail address, the phone number or the member id.
            That user is not changed.
        """

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """Note that the user has proved that the address is theirs."""

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """Disable or enable a user. Return whether there is such a user."""

    def delete(self, user_id: str) -> bool:
        """Delete a user. Return whether there was such a user."""


@record
class UserLookup:
    """
    The question which user has an identifier, in canonical form.

    A storage that has the table of the users may answer it inside a larger statement.
    """

    directory: Directory
    kind: IdentifierKind
    identifier: str
    #: Asks the directory. It raises what the directory raises.
    find: Callable[[], User | None]
