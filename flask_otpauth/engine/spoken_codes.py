"""Codes that are spoken in a call, for the campaign of a client (contract/voice.md)."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.core.clients import Campaign, Client
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.service import service
from flask_otpauth.engine.campaigns import Campaigns
from flask_otpauth.engine.clients import Clients
from flask_otpauth.engine.codes import Codes, IssueOptions, Target
from flask_otpauth.engine.messenger import Draft


@service
class SpokenCodes:
    """Calls phones and speaks codes, and verifies these codes if that is configured."""

    campaigns: Campaigns
    clients: Clients
    codes: Codes
    #: By the number of digits, because a client that chooses the code chooses its length.
    policies: Mapping[int, Policy]
    #: The number of digits of a code that is drawn here.
    code_length: int
    #: Within this time, the same code for the same phone is a retry and not another call.
    retry_window_ms: int
    #: Codes are verified here. If they are not, the client keeps each code and checks it.
    verifies: bool

    def speak(
        self, client: Client, campaign: Campaign, phone: str, code: str | None, locales: tuple[str, ...]
    ) -> None:
        """
        Call ``phone`` (E.164) and speak ``code``. Without a ``code``, one is drawn.

        :raises Limited: if a quota, a lock or the cap of the campaign forbids it, or the same call is being
            placed.
        :raises SendFailed: if the call could not be placed. No quota is used up.
        """
        policy = self._policy(code)
        options = IssueOptions(
            code=code,
            is_known=code is not None,
            cap=self.codes.daily_cap("campaign", campaign.id, campaign.daily_cap),
            repeat_within_ms=self.retry_window_ms if code else 0,
            apart=not self.verifies,
        )
        draft = Draft(
            "voice",
            phone,
            locales=locales,
            purpose=policy.scope,
            caller_number=campaign.caller_id,
            reference=campaign.id,
            client_id=client.id,
            values={"repeats": campaign.repeats},
        )
        self.codes.send(policy, self._target(client, campaign, phone), draft, options)

    def verify(self, client: Client, campaign: Campaign, phone: str, code: str) -> None:
        """
        Verify a code that was spoken to ``phone``.

        :raises CodeRefused: if the code is not accepted. Its class says why.
        :raises SubjectLocked: if the guess budget of the phone is used up.
        """
        self.codes.redeem(self._policy(code), self._target(client, campaign, phone), code)

    def _policy(self, code: str | None) -> Policy:
        return self.policies[len(code) if code else self.code_length]

    def _target(self, client: Client, campaign: Campaign, phone: str) -> Target:
        return Target(f"{self._policy(None).scope}:{campaign.id}", phone, client.id)
