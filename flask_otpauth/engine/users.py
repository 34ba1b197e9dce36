"""Users as the host's administration sees them, over whatever directory there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_otpauth.core.passwords import normalised
from flask_otpauth.engine.secrets import Secrets
from flask_otpauth.engine.sessions import Sessions
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.directory import Directory, IdentifierKind, User


@dataclass(frozen=True)
class Users:
    """Creating, finding, disabling users (``otpauth.users``)."""

    directory: Directory
    addresses: Addresses
    sessions: Sessions
    region: str | None
    passwords: Secrets

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
        A new user, or the one that has this e-mail or phone already. A ``password`` is set
        where the user has none.

        :raises ValueError: if an address is not valid.
        """
        user = self.directory.create(
            email=None if email is None else self.addresses.email(email),
            phone=None if phone is None else self.addresses.phone(phone, self.region),
            member_id=member_id,
            full_name=full_name,
            avatar_url=avatar_url,
        )
        if password is not None:
            new_hash = self.passwords.hashed(user, normalised(password))
            self.passwords.put(user, new_hash, replacing=None)
        return user

    def find(self, identifier: Any) -> User | None:
        """The user of that e-mail, member id, phone or primary key; nobody if it fits two."""
        return self.resolve(identifier)

    def resolve(self, identifier: Any, client_id: str | None = None) -> User | None:
        """
        The one user that ``identifier`` means, as a client may know them.

        A JSON integer is a primary key, what contains ``@`` an e-mail; anything else may be a
        member id, a phone or a key, and what fits two persons is nobody
        (contract/account.md, "Who is meant").
        """
        matches = {str(user.id): user for user in self._candidates(identifier, client_id)}
        return next(iter(matches.values())) if len(matches) == 1 else None

    def readings(self, identifier: Any) -> list[tuple[IdentifierKind, str]]:
        """What ``identifier`` may be, each with its canonical form."""
        text = str(identifier).strip()
        if isinstance(identifier, int):
            return [("id", text)]
        readings: list[tuple[IdentifierKind, str]]
        if "@" in text:
            readings = [("email", self._canonical("email", text))]
        else:
            readings = [("member_id", text), ("phone", self._canonical("phone", text))]
            readings += [("id", text)] if _is_key(text) else []
        return [(kind, value) for kind, value in readings if value]

    def _candidates(self, identifier: Any, client_id: str | None) -> list[User]:
        found = [self.directory.find(kind, value, client_id) for kind, value in self.readings(identifier)]
        return [user for user in found if user is not None]

    def _canonical(self, kind: str, text: str) -> str:
        try:
            return self.addresses.email(text) if kind == "email" else self.addresses.phone(text, self.region)
        except ValueError:
            return ""

    def disable(self, user_id: Any) -> bool:
        """Disable a user and end their sessions; whether there is such a user."""
        found = self.directory.set_enabled(str(user_id), False)
        self.sessions.close_all(str(user_id))
        return found

    def enable(self, user_id: Any) -> bool:
        """Enable a user again; whether there is such a user."""
        return self.directory.set_enabled(str(user_id), True)


def _is_key(text: str) -> bool:
    """Digits without leading zeros, or a host's textual key."""
    return not (text.isascii() and text.isdigit()) or text == "0" or not text.startswith("0")
