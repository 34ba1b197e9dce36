"""Create, find, disable and delete users in the directory of the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeGuard
from uuid import UUID

from flask_otpauth.core.member_ids import member_id as checked_member_id
from flask_otpauth.core.sensitive import sensitive
from flask_otpauth.core.service import service
from flask_otpauth.engine.secrets import UserSecrets
from flask_otpauth.engine.sessions import Sessions, person_key_of
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.directory import (
    Directory,
    IdentifierKind,
    NewUser,
    User,
    UserExists,
    UserReference,
)


@service
class Users:
    """
    Creates, finds, disables and deletes users (``otpauth.users``).

    The argument ``whom`` is a user, the id of one, or what :meth:`find` accepts.
    """

    directory: Directory
    addresses: Addresses
    sessions: Sessions
    #: The region of national phone numbers.
    region: str | None
    #: The kinds of secrets of all flows, by name (``pin``, ``password``).
    secrets: Mapping[str, UserSecrets]
    #: Returns what the host gets for a user, such as the object of its own model.
    for_host: Callable[[User], User]

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
        :param phone: the phone number. National numbers are those of ``OTPAUTH_PHONE_REGION``.
        :param member_id: the number or name by which your app knows the user.
        :param password: the password for the flow ``account``. Only a hash of it is stored.
        :returns: the new user.
        :raises ~flask_otpauth.users.UserExists: if another user has the e-mail address, the phone
            number or the member id. Nothing is changed.
        :raises ValueError: if an address or the member id is not valid, a value is too long, or no
            registered flow has passwords.
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
            passwords.put(user, passwords.make_hash(user, password), replacing=None)
        return self.for_host(user)

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
        Find a user, or create one. The arguments are those of :meth:`create`.

        The user is found by the e-mail address; if none is given, by the member id; if that is not
        given either, by the phone number. A user who is found is not changed. If several requests do this
        at the same time, one of them creates the user.

        :raises ~flask_otpauth.users.UserExists: if no user was found, but another user has the phone
            number or the member id.
        :raises ValueError: if an address or the member id is not valid, a value is too long, or no
            registered flow has passwords.
        """
        password = sensitive(password)
        user = self._user_with_or(
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
        return self.for_host(user)

    def get_or_create_verified(self, kind: Literal["email", "phone"], address: str) -> User:
        """
        Find the user of a canonical address that was just verified, or create one with a verified address.

        :raises UserExists: if two users have the address, so that it is unclear who is meant.
        """
        proved = {
            "email": NewUser(email=address, email_verified=True),
            "phone": NewUser(phone=address, phone_verified=True),
        }
        return self._user_with_or({kind: address}, lambda: self.directory.create(proved[kind]))

    def mark_verified(self, user: User, kind: Literal["email", "phone"]) -> None:
        """Note that the address of the user is verified, if that is not noted."""
        if not getattr(user, f"{kind}_verified"):
            self.directory.mark_verified(str(user.id), kind)

    def get(self, user_id: str) -> User | None:
        """Return the user with that id, disabled or not. The text must be exactly that of the id."""
        user = self.directory.get(user_id)
        return user if user is not None and str(user.id) == user_id else None

    def find_by(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """
        Return the user with that identifier, which is in canonical form.

        The user that the directory finds must have exactly that identifier. Some databases take different
        letters for equal, such as ``é`` and ``e``, and each spelling would bring another guess budget.
        """
        user = self.directory.find(kind, value, client_id)
        return user if user is not None and self._has(user, kind, value) else None

    def phone(self, user: User) -> str | None:
        """Return the phone number of the user as E.164; ``None`` if there is none."""
        return self._canonical("phone", user.phone or "") or None

    def find(self, identifier: int | str | UUID) -> User | None:
        """
        Find a user.

        :param identifier: an e-mail address, a member id, a phone number or a primary key.
        :returns: the user, disabled or not; ``None`` if there is none, or if it fits two users.
        """
        user = self.resolve(identifier)
        return None if user is None else self.for_host(user)

    def resolve(self, identifier: object, client_id: str | None = None) -> User | None:
        """
        Return the one user that a client means by ``identifier``; ``None`` if it fits two users.

        A JSON integer is a primary key. A text with ``@`` is an e-mail address. Any other text may be a
        member id, a phone number or a primary key (contract/account.md, "Who is meant").
        """
        found = [self.find_by(kind, value, client_id) for kind, value in self._readings(identifier)]
        matches = {str(user.id): user for user in found if user is not None}
        return next(iter(matches.values())) if len(matches) == 1 else None

    def _readings(self, identifier: object) -> list[tuple[IdentifierKind, str]]:
        """Return the kinds of identifier that it may be, each with the canonical form."""
        text = str(identifier).strip()
        if isinstance(identifier, int):
            return [("id", text)]
        readings: list[tuple[IdentifierKind, str]]
        if "@" in text:
            readings = [("email", self._canonical("email", text))]
        else:
            readings = [("member_id", text), ("phone", self._canonical("phone", text)), ("id", text)]
        return [(kind, value) for kind, value in readings if value]

    def _has(self, user: User, kind: IdentifierKind, value: str) -> bool:
        """Return whether the user has that identifier, which is in canonical form."""
        own: object = getattr(user, kind)
        return own is not None and (str(own) == value or self._canonical(kind, str(own)) == value)

    def _parse(self, kind: IdentifierKind, text: str) -> str:
        """
        Return the canonical form of an identifier.

        :raises ValueError: if it has none.
        """
        if kind == "email":
            return self.addresses.email(text)
        return self.addresses.phone(text, self.region) if kind == "phone" else text

    def _canonical(self, kind: IdentifierKind, text: str) -> str:
        """Return the canonical form of an identifier; an empty text if it has none."""
        try:
            return self._parse(kind, text)
        except ValueError:
            return ""

    def look_up(self, whom: UserReference) -> User | None:
        """Return the user that ``whom`` is or is the id of, or else the one that :meth:`find` finds."""
        if whom is None:
            return None
        user = self.get(_id_of(whom))
        if _is_user(whom):
            # If the host read the row before it had a ``person_key``, only the id says who it is.
            return user if user is not None and person_key_of(whom) in ("", person_key_of(user)) else None
        return user or self.resolve(whom)

    def disable(self, whom: UserReference) -> bool:
        """
        Disable a user, and close the sessions and end the account tokens of the user.

        :returns: whether there is such a user.
        """
        user = self.look_up(whom)
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
        user = self.look_up(whom)
        return user is not None and self.directory.set_enabled(str(user.id), True)

    def delete(self, whom: UserReference) -> bool:
        """
        Delete a user with the sessions, the account tokens, the PIN and the password of the user.

        What is counted for an address stays. If the host has already deleted the row, everything else is
        deleted.

        :returns: whether there was such a user.
        :raises ValueError: if rows of the host depend on the user, or the directory cannot delete users.
            Nothing is deleted.
        """
        user = self.look_up(whom)
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

        :returns: how many sessions were open.
        """
        user = self.look_up(whom)
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
            # Another request may have created the user after the first look.
            user = self._user_with(identifiers)
            if user is None:
                raise
            return user

    def _user_with(self, identifiers: Mapping[IdentifierKind, str | None]) -> User | None:
        for kind, value in identifiers.items():
            if value is not None:
                return self.find_by(kind, self._parse(kind, value))
        return None


def _is_user(whom: UserReference) -> TypeGuard[User]:
    return hasattr(whom, "id")


def _id_of(whom: UserReference) -> str:
    return str(getattr(whom, "id", whom))
