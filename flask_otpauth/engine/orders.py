"""Orders: a phone gets one call, and the end of the caller's number is the code (contract/flashcall.md)."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import field, replace

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.service import service
from flask_otpauth.engine.codes import Codes, IssueOptions, Target
from flask_otpauth.engine.messenger import Draft


@frozen
class Order:
    """An order whose call was placed."""

    id: str
    #: The beginning of the caller's number; the code is its end.
    prefix: str
    code: str = field(repr=False)


@service
class Orders:
    """Creates orders and redeems them. An order belongs to one application."""

    codes: Codes
    policy: Policy
    #: Beginnings of the caller's number. A phone does not get the same one twice in a row.
    prefixes: tuple[str, ...]
    #: The maximum of orders of one application in a UTC day; ``None``: no maximum.
    daily_cap: int | None = None

    def create(
        self, application_id: str, phone: str, code: str | None = None, *, is_shown: bool = False
    ) -> Order:
        """
        Place a call to ``phone`` (E.164). Without a ``code``, one is drawn.

        ``is_shown`` means that the application is shown the code, so that redeeming it proves nothing.

        :raises Limited: if a quota, a lock or the cap forbids it.
        :raises SendFailed: if the call could not be placed. No quota is used up.
        """
        order_id = str(uuid.uuid4())
        target = Target(self.policy.scope, order_id, application_id, counted_as=phone)
        limits_key = self.codes.limits_key(self.policy, target)
        prefix = self._choose_prefix(self.codes.reference(limits_key))
        drawn = code or self.codes.draw(self.policy, phone)
        options = IssueOptions(
            code=drawn,
            is_known=code is not None or is_shown,
            references=(prefix, limits_key.hex()),
            cap=self.codes.daily_cap("application", application_id, self.daily_cap),
        )
        draft = Draft(
            "flashcall",
            phone,
            purpose=self.policy.scope,
            caller_number=Sensitive(prefix + drawn),
            reference=order_id,
            client_id=application_id,
        )
        self.codes.send(self.policy, target, draft, options)
        return Order(order_id, prefix, drawn)

    def redeem(self, application_id: str, order_id: str, code: str) -> None:
        """
        Redeem an order with the code that its phone saw.

        :raises OrderNotFound: if the application has no such order, or its call was not placed.
        :raises CodeRefused: if the code is not accepted. Its class says why.
        :raises SubjectLocked: if the guess budget of the phone is used up.
        """
        target = Target(self.policy.scope, order_id, application_id)
        limits_key = self.codes.reference(self.codes.challenge_key(target))
        if not limits_key:
            raise errors.OrderNotFound
        try:
            self.codes.redeem(self.policy, replace(target, limits_key=bytes.fromhex(limits_key)), code)
        except errors.CodeWrong as wrong:
            if wrong.reason == "none":  # its call could not be placed
                raise errors.OrderNotFound from None
            raise

    def _choose_prefix(self, last: str | None) -> str:
        """Choose one of the prefixes, but not the last one of the phone."""
        others = [prefix for prefix in self.prefixes if prefix != last]
        return secrets.choice(others or self.prefixes)
