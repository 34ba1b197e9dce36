"""Campaigns of the clients that place calls (contract/voice.md)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Campaign, Client
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.service import service
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.storage import ClientStore


@service
class Campaigns:
    """Creates campaigns and pauses them (``otpauth.campaigns``)."""

    store: ClientStore
    clock: Clock
    #: Returns the language of a template for a language, or for the default language; ``None`` if there is
    #: no template.
    spoken: Callable[[str | None], str | None]

    def create(
        self,
        client_id: str,
        name: str = "",
        caller_id: str = "",
        language: str | None = None,
        repeats: int = 2,
        daily_cap: int | None = None,
    ) -> Campaign:
        """
        Create a campaign of a client.

        :param name: a name for your own use.
        :param caller_id: the number that calls come from.
        :param language: the language that is spoken: any that has a template
            ``otpauth/voice/code.<language>.txt``. Without it, the language of the voice flow.
        :param repeats: how often the digits are read.
        :param daily_cap: how many calls there may be in one UTC day. Without it, any number.
        :raises ValueError: if there is no such client, or no template in that language.
        """
        if self.store.get(client_id) is None:
            raise ValueError(f"no such client: {client_id!r}")
        spoken = self.spoken(language)
        if spoken is None:
            raise ValueError(f"no template for this language: otpauth/voice/code.{language}.txt")
        if repeats < 1 or (daily_cap is not None and daily_cap < 1):
            raise ValueError("repeats and daily_cap must be at least 1")
        created = Campaign(
            id=secrets.token_hex(5),
            client_id=client_id,
            name=name,
            caller_id=caller_id,
            language=spoken,
            created_at=epoch_ms(self.clock()),
            repeats=repeats,
            daily_cap=daily_cap,
        )
        self.store.add_campaign(created)
        return created

    def list(self, client_id: str | None = None) -> Sequence[Campaign]:
        """List the campaigns of a client, or all campaigns, the oldest first."""
        return self.store.list_campaigns(client_id)

    def pause(self, campaign_id: str) -> bool:
        """
        Refuse the calls of a campaign until it is resumed.

        :returns: whether there is such a campaign.
        """
        return self.store.set_paused(campaign_id, epoch_ms(self.clock()))

    def resume(self, campaign_id: str) -> bool:
        """
        Accept the calls of a campaign again.

        :returns: whether there is such a campaign.
        """
        return self.store.set_paused(campaign_id, None)

    def find_for(self, client: Client, campaign_id: str) -> Campaign:
        """
        Return a campaign that the client may use now. An ``admin`` may use all.

        :raises CampaignNotFound: if there is no such campaign, or it belongs to another client.
        :raises CampaignPaused: if it is paused.
        """
        # No id holds a NUL, and PostgreSQL does not accept it in a text.
        campaign = None if "\0" in campaign_id else self.store.get_campaign(campaign_id)
        if campaign is None or (campaign.client_id != client.id and client.scope != "admin"):
            raise errors.CampaignNotFound
        if campaign.paused_at is not None:
            raise errors.CampaignPaused
        return campaign
