"""Users as the host's administration sees them, over whatever directory there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard
from uuid import UUID

from flask_otpauth.core.member_ids import member_id as checked_member_id
from flask_otpauth.core.sensitive import sensitive
from flask_otpauth.engine.secrets import UserSecrets
from flask_otpauth.engine.sessions import Sessions, person_key_of
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.directory import Directory, IdentifierKind, NewUser, User, UserExists, UserReference


@dataclass(frozen=True)
class Users:
    """
    Creates, finds, disables and deletes users (``otpauth.users``).

    Where a method takes ``whom``, that is a user, the id of one, or what :meth:`find` takes.
    """

    directory: Directory
    addresses: Addresses
    sessions: Sessions
    region: str | None
    #: The standing secrets that the flows keep, by kind (``pin``, ``password``).
    secrets: Mapping[str, UserSecrets]

    def create(
        self,
        *,
        email: str | None = None,
        phone: str | None = None,
        member_id: str | None = None,
        full_name: str = "",
        avatar_url: str | None = None,
        password: str | None = None,
    ) -> User:
        """
        Create a user.

        :param email: the e-mail address, in any spelling.
        :param phone: the phone number. A national number is one of ``OTPAUTH_PHONE_REGION``.
        :param member_id: the number or name by which your app knows the user.
        :param password: the password for the flow ``account``; only a hash of it is kept.
        :returns: the new user.
        :raises ~flask_otpauth.users.UserExists: if another user has the e-mail address, the phone
            number or the member id. Nothing is changed then.
        :raises ValueError: if an address or the member id is not valid, a value is too long, or no
            flow keeps passwords.
        """
        password = sensitive(password)
        if password is not None and "password" not in self.secrets:
            raise ValueError("there is no flow that keeps passwords")
        user = self.directory.create(
            NewUser(
                email=None if email is None else self.addresses.email(email),
                phone=None if phone is None else self.addresses.phone(phone, self.region),
                member_id=None if member_id is None else checked_member_id(member_id),
                full_name=full_name,
                avatar_url=avatar_url,
            )
        )
        if password is not None:
            passwords = self.secrets["password"]
            passwords.put(user, passwords.hashed(user, password), replacing=None)
        return user

    def get_or_create(
        self,
        *,
        email: str | None = None,
        phone: str | None = None,
        member_id: str | None = None,
        full_name: str = "",
        avatar_url: str | None = None,
        password: str | None = None,
    ) -> User:
        """
        Find a user, or create one. It takes what :meth:`create` takes.

        The user is found by the e-mail address; if none is given, by the member id; if that is not
        given either, by the phone number. A user who is found is not changed. If several callers do
        this at once, one of them creates the user.

        :raises ~flask_otpauth.users.UserExists: if no user was found, but another one has the phone
            number or the member id.
        :raises ValueError: as :meth:`create`.
        """
        password = sensitive(password)
        return self._user_with_or(
            {"email": email, "member_id": member_id, "phone": phone},
            lambda: self.create(
                email=email,
                phone=phone,
                member_id=member_id,
                full_name=full_name,
                avatar_url=avatar_url,
                password=password,
            ),
        )

    def of_proved_address(self, kind: Literal["email", "phone"], address: str) -> User:
        """
        Return the user of a canonical address that was just proved to be theirs: the one who has it,
        or a new one, whose row says from the start that the address is verified.

        :raises UserExists: if two users have the address, so that it is unclear who is meant.
        """
        proved = {
            "email": NewUser(email=address, email_verified=True),
            "phone": NewUser(phone=address, phone_verified=True),
        }
        return self._user_with_or({kind: address}, lambda: self.directory.create(proved[kind]))

    def mark_verified(self, user: User, kind: Literal["email", "phone"]) -> None:
        """Note that the user has proved that the address is theirs, unless it is noted."""
        if not getattr(user, f"{kind}_verified"):
            self.directory.mark_verified(str(user.id), kind)

    def get(self, user_id: str) -> User | None:
        """The user of that id, in the one spelling that it has, disabled or not."""
        user = self.directory.get(user_id)
        return user if user is not None and self._has(user, "id") == user_id else None

    def known(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """
        The user known by that identifier, which is in canonical form.

        The user whom the directory finds must have exactly that identifier: a database may take other
        letters for equal (``é`` for ``e``), and each spelling would bring another guess budget.
        """
        user = self.directory.find(kind, value, client_id)
        return user if user is not None and self._has(user, kind) == value else None

    def phone(self, user: User) -> str | None:
        """The user's phone as E.164, whatever the directory keeps; ``None`` where there is none."""
        return self._has(user, "phone") or None

    def find(self, identifier: int | str | UUID) -> User | None:
        """
        Find a user.

        :param identifier: an e-mail address, a member id, a phone number or a primary key.
        :returns: the user, disabled or not; ``None`` if there is none, or if it fits two users.
        """
        return self.resolve(identifier)

    def resolve(self, identifier: object, client_id: str | None = None) -> User | None:
        """
        The one user that ``identifier`` means, as a client may know them.

        A JSON integer is a primary key, what contains ``@`` an e-mail; anything else may be a
        member id, a phone or a key, and what fits two persons is nobody
        (contract/account.md, "Who is meant").
        """
        matches = {str(user.id): user for user in self._candidates(identifier, client_id)}
        return next(iter(matches.values())) if len(matches) == 1 else None

    def readings(self, identifier: object) -> list[tuple[IdentifierKind, str]]:
        """What ``identifier`` may be, each with its canonical form."""
        text = str(identifier).strip()
        if isinstance(identifier, int):
            return [("id", text)]
        readings: list[tuple[IdentifierKind, str]]
        if "@" in text:
            readings = [("email", self._canonical("email", text))]
        else:
            readings = [("member_id", text), ("phone", self._canonical("phone", text)), ("id", text)]
        return [(kind, value) for kind, value in readings if value]

    def _candidates(self, identifier: object, client_id: str | None) -> list[User]:
        found = [self.known(kind, value, client_id) for kind, value in self.readings(identifier)]
        return [user for user in found if user is not None]

    def _has(self, user: User, kind: IdentifierKind) -> str | None:
        """The user's identifier of that kind, in canonical form."""
        value = getattr(user, kind)
        return None if value is None else self._canonical(kind, str(value))

    def _checked(self, kind: IdentifierKind, text: str) -> str:
        """
        The canonical form.

        :raises ValueError: if there is none.
        """
        if kind == "email":
            return self.addresses.email(text)
        return self.addresses.phone(text, self.region) if kind == "phone" else text

    def _canonical(self, kind: IdentifierKind, text: str) -> str:
        try:
            return self._checked(kind, text)
        except ValueError:
            return ""

    def named(self, whom: UserReference) -> User | None:
        """The user that ``whom`` is, or is the id of; else the one that :meth:`find` finds by it."""
        if whom is None:
            return None
        user = self.get(_id_of(whom))
        if _is_user(whom):
            # Where the host read the row before it had a mark, the id alone says who it is.
            return user if user is not None and person_key_of(whom) in ("", person_key_of(user)) else None
        return user or self.resolve(whom)

    def disable(self, whom: UserReference) -> bool:
        """
        Disable a user and end their sessions.

        :returns: whether there is such a user.
        """
        user = self.named(whom)
        if user is None:
            return False
        found = self.directory.set_enabled(str(user.id), False)
        self.sessions.close_all(str(user.id))
        return found

    def enable(self, whom: UserReference) -> bool:
        """
        Enable a user again.

        :returns: whether there is such a user.
        """
        user = self.named(whom)
        return user is not None and self.directory.set_enabled(str(user.id), True)

    def delete(self, whom: UserReference) -> bool:
        """
        Delete a user and all that is kept for them: sessions, account tokens, PIN and password.

        What is counted for an address stays. If the host has deleted the row already, what is kept under
        the id is deleted.

        :returns: whether there was such a user.
        :raises ValueError: if the host's own rows do not let the user go, or its directory cannot
            delete; nothing is deleted then.
        """
        user = self.named(whom)
        found = False
        if user is not None:
            if not hasattr(self.directory, "delete"):
                raise ValueError(
                    "the directory in OTPAUTH_USERS has no delete() method: delete the user in "
                    "the directory itself"
                )
            found = self.directory.delete(str(user.id))
            self.sessions.close_all(str(user.id))
        gone = user or whom
        if self.get(_id_of(gone)) is None:
            self.sessions.forget_all(_id_of(gone))
        if _is_user(gone):
            for secrets in self.secrets.values():
                secrets.delete(gone)
        return found

    def revoke_sessions(self, whom: UserReference) -> int:
        """
        End all sessions and account tokens of a user.

        :returns: how many sessions were alive.
        """
        user = self.named(whom)
        return 0 if user is None else self.sessions.close_all(str(user.id))

    def _user_with_or(
        self, identifiers: Mapping[IdentifierKind, str | None], create: Callable[[], User]
    ) -> User:
        """Return the user with the first identifier that is given, or the new one that ``create`` makes."""
        user = self._user_with(identifiers)
        if user is not None:
            return user
        try:
            return create()
        except UserExists:
            # Perhaps another request created them after the first look.
            user = self._user_with(identifiers)
            if user is None:
                raise
            return user

    def _user_with(self, identifiers: Mapping[IdentifierKind, str | None]) -> User | None:
        for kind, value in identifiers.items():
            if value is not None:
                return self.known(kind, self._checked(kind, value))
        return None


def shown_id(user: User) -> int | str:
    """Return the user's id as it is in JSON: a number, or a text in its one spelling."""
    return user.id if isinstance(user.id, int) else str(user.id)


def _is_user(whom: UserReference) -> TypeGuard[User]:
    return hasattr(whom, "id")


def _id_of(whom: UserReference) -> str:
    return str(getattr(whom, "id", whom))
