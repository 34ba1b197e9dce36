"""Unlock an address or a user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from flask_otpauth.core.challenges import Issue, draw_nonce
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.policies import Policy, SubjectKind
from flask_otpauth.core.record import frozen
from flask_otpauth.core.service import service
from flask_otpauth.engine.secrets import UserSecrets, person
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import User, UserReference
from flask_otpauth.ports.storage import Storage


@frozen
class Forgotten:
    """One count that was set to zero."""

    #: The address or the user.
    subject: str
    #: What was counted, such as ``guesses of email``, ``codes of sms``, ``pin`` or ``password``.
    what: str
    #: The count had locked the subject.
    was_locked: bool


@frozen
class Unlocked:
    """What an unlock changed. It is true if a count had locked the subject."""

    changes: tuple[Forgotten, ...]

    def __bool__(self) -> bool:
        return any(change.was_locked for change in self.changes)


@service
class Unlocking:
    """Sets to zero what is counted for an address or a user."""

    storage: Storage
    keys: KeyRing
    users: Users
    addresses: Addresses
    clock: Clock
    #: The policies of all flows, by the kind of their subject.
    policies: Mapping[SubjectKind, tuple[Policy, ...]]
    #: The regions of national phone numbers, of all flows.
    regions: tuple[str, ...]
    #: The kinds of secrets of all flows.
    secrets: tuple[UserSecrets, ...]

    def unlock(self, subject: UserReference) -> Unlocked:
        """
        Set to zero everything that is counted for an address or a user, so that nothing is locked.

        An address may have any spelling that a flow accepts. The user with the address is unlocked too, with
        PIN and password. An id or a member id means the user and both addresses.
        """
        user = self.users.look_up(subject)
        changes = [
            change
            for kind, name, shown in dict.fromkeys(self._meanings(subject, user))
            for policy in self.policies.get(kind, ())
            for change in self._of_limits(policy, name, shown)
        ]
        if user is not None:
            changes += self._of_secrets(user)
        return Unlocked(tuple(changes))

    def _of_limits(self, policy: Policy, name: str, shown: str) -> Iterator[Forgotten]:
        key, now_ms = self.keys.row_key(policy.scope, "", name), epoch_ms(self.clock())
        look = Issue(key, key, draw_nonce(), b"\0" * 32, now_ms, now_ms)
        guesses = self.storage.challenges.peek(replace(look, locks=policy.locks))
        codes = self.storage.challenges.peek(replace(look, send_limits=policy.send_limits))
        if self.storage.challenges.clear(key, "misses"):
            yield Forgotten(shown, f"guesses of {policy.scope}", guesses is not None)
        if self.storage.challenges.clear(key, "sends"):
            yield Forgotten(shown, f"codes of {policy.scope}", codes is not None)

    def _of_secrets(self, user: User) -> Iterator[Forgotten]:
        now_ms = epoch_ms(self.clock())
        for secrets in self.secrets:
            was = secrets.enable(user)
            if was.in_a_row:
                blocked = was.blocked_until(secrets.kind.policy, now_ms) is not None
                yield Forgotten(f"user {user.id}", secrets.kind.name, blocked)

    def _meanings(self, subject: UserReference, user: User | None) -> Iterator[tuple[SubjectKind, str, str]]:
        """Yield the subjects that are meant: the kind of each, its name, and how to show it."""
        # The text of a user object may be one of its addresses, but the object means both.
        addresses = [] if hasattr(subject, "id") else list(self._addresses(str(subject)))
        if user is not None:
            yield "user", person(user), f"user {user.id}"
            own = [found for text in (user.email, user.phone) if text for found in self._addresses(text)]
            # The text of an id may also be the phone number of another user.
            if not set(addresses) & set(own):
                addresses += own
        for kind, address in addresses:
            yield kind, address, address

    def _addresses(self, text: str) -> Iterator[tuple[SubjectKind, str]]:
        if "@" in text:
            with suppress(ValueError):
                yield "email", self.addresses.email(text)
            return
        phone, possible = self.addresses.phone, self.addresses.possible_phone
        readings = [partial(phone, f"+{text.lstrip('+')}", None)]
        for region in self.regions:
            readings += [partial(phone, text, region), partial(possible, text, region)]
        for reading in readings:
            with suppress(ValueError):
                yield "phone", reading()
