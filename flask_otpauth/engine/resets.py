"""Reset the PIN or the password of a customer with a one-time code (contract/account.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.service import service
from flask_otpauth.engine.clients import Clients
from flask_otpauth.engine.codes import Codes, IssueOptions, Target
from flask_otpauth.engine.customers import Customers, Effect
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.secrets import person
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.directory import User

PIN_RESET = "account.pin_reset"
PASSWORD_RESET = "account.password_reset"


@service
class Resets:
    """Issues codes that reset a PIN or a password, and resets it."""

    customers: Customers
    #: By purpose: ``PIN_RESET`` and ``PASSWORD_RESET``.
    policies: Mapping[str, Policy]
    #: The channels that a code may be sent on.
    channels: tuple[str, ...]
    #: The names of templates, by the code that a client sends for them.
    templates: Mapping[str, str]
    #: Returns the languages of messages, the best first.
    languages: Callable[[], tuple[str, ...]]
    #: The client is shown the code.
    shows_code: bool

    def request(
        self,
        purpose: str,
        user: User,
        client_id: str = "",
        channel: str | None = None,
        template_code: str | None = None,
    ) -> str | None:
        """
        Issue a code. It is sent if a template is named, or if the client is not shown the code.

        Return the code if the client is shown it.

        :raises Limited: if a cooldown, a quota or a lock forbids it.
        :raises TemplateNotFound: if the template is not one of ``templates``, or has no text for the channel.
        :raises NoAddress: if the user has no address for the channel.
        :raises SendFailed: if the message was certainly not sent. No quota is used up.
        """
        codes, policy = self.customers.codes, self.policies[purpose]
        target = self._target(purpose, user, client_id)
        codes.demand_unlocked(policy, target)
        draft = self._draft(purpose, user, channel, template_code)
        if draft:
            draft = replace(draft, client_id=client_id)
        # The code is for the address that it is sent to, and for the secret that it resets. If one of them
        # changes, the code is invalid.
        recipient = draft.recipient if draft else ""
        target = replace(target, circumstances=(_circumstance(recipient, self._hash(purpose, user)),))
        if draft:
            issued = codes.send(policy, target, draft, IssueOptions(is_known=self.shows_code))
        else:
            known = filter(None, (user.email, self.customers.users.phone(user)))
            issued = codes.issue(policy, target, known)
        return issued.code if self.shows_code else None

    def reset_pin(self, user: User, client_id: str, code: str, pin: str) -> None:
        """
        Set the PIN with a code.

        :raises Refusal: because of the code or of the PIN.
        """
        self.customers.reset_pin(user, pin, "pin", self.proof(PIN_RESET, user, client_id, code))

    def reset_password(self, user: User, client_id: str, code: str, password: str) -> None:
        """
        Set the password with a code.

        :raises Refusal: because of the code or of the password.
        """
        proof = self.proof(PASSWORD_RESET, user, client_id, code)
        self.customers.set_password(user, password, "new_password", proof)

    def free_quotas(self, user: User, client_id: str = "") -> None:
        """Free the quotas of the codes of a customer. Wrong guesses stay counted, and locks stay."""
        for purpose, policy in self.policies.items():
            self.customers.codes.clear_quotas(policy, self._target(purpose, user, client_id))

    def proof(self, purpose: str, user: User, client_id: str, code: str) -> ByCode:
        """Return a code for ``purpose`` as the proof of a client."""
        judged = self._hash(purpose, user)
        addresses = ("", *filter(None, (user.email, self.customers.users.phone(user))))
        now = tuple(_circumstance(address, judged) for address in addresses)
        target = replace(self._target(purpose, user, client_id), circumstances=now)
        return ByCode(self.customers.codes, self.policies[purpose], target, code, judged)

    def _draft(
        self, purpose: str, user: User, channel: str | None, template_code: str | None
    ) -> Draft | None:
        """Return the message to send; ``None`` if there is none, because the client is shown the code."""
        if template_code is None and self.shows_code:
            return None
        if template_code is not None and template_code not in self.templates:
            raise errors.TemplateNotFound
        phone = self.customers.users.phone(user)
        addresses = {"email": user.email, "sms": phone, "whatsapp": phone}
        choice = [channel] if channel else [name for name in addresses if name in self.channels]
        chosen = next((name for name in choice if addresses[name]), None)
        if chosen is None:
            raise errors.NoAddress(channel or "sms")
        template = self.templates[template_code] if template_code else "code"
        draft = Draft(chosen, addresses[chosen] or "", self.languages(), template=template, purpose=purpose)
        if not self.customers.codes.messenger.write(
            draft
        ).text:  # there is none for this channel and language
            raise errors.TemplateNotFound
        return draft

    def _hash(self, purpose: str, user: User) -> str | None:
        """Return the hash of the secret that codes of ``purpose`` reset."""
        secrets = self.customers.pins if purpose == PIN_RESET else self.customers.passwords
        return secrets.hash_of(user)

    def _target(self, purpose: str, user: User, client_id: str) -> Target:
        return Target(purpose, person(user), client_id, shown=str(user.id))


@service
class AccountUseCases:
    """The use cases of the flow ``account``."""

    customers: Customers
    resets: Resets
    clients: Clients
    addresses: Addresses


@service
class ByCode:
    """A one-time code as a proof. It is used up in the transaction of the effect."""

    codes: Codes
    policy: Policy
    target: Target
    code: str
    #: The hash of the secret when the proof was made.
    judged: str | None

    def demand_judgeable(self) -> None:
        """Check that the subject is not locked."""
        self.codes.demand_unlocked(self.policy, self.target)

    def redeem(self, effect: Effect) -> int:
        """Use up the code, and run ``effect``."""
        return self.codes.redeem(self.policy, self.target, self.code, partial(effect, self.judged))


def _circumstance(address: str, secret_hash: str | None) -> str:
    return f"{address}\0{secret_hash or ''}"
