"""The commands ``flask otpauth campaigns …``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from flask_otpauth.cli.groups import as_json, demand, show, state

if TYPE_CHECKING:
    from flask_otpauth.core.clients import Campaign
    from flask_otpauth.engine.campaigns import Campaigns

campaigns = AppGroup("campaigns", help="Manage campaigns of the voice flow.")


@campaigns.command("create")
@click.argument("client_id")
@click.option("--name", default="", help="Display name.")
@click.option("--caller-id", default="", help="Caller ID.")
@click.option("--language", help="Language of the call. Default: the language of the voice flow.")
@click.option("--repeats", default=2, show_default=True, help="How often the digits are spoken.")
@click.option("--daily-cap", type=int, help="Maximum calls per UTC day.")
@as_json
def create_campaign(  # noqa: PLR0913 - each option of the command is an argument
    *,
    client_id: str,
    as_json: bool,
    name: str,
    caller_id: str,
    language: str | None,
    repeats: int,
    daily_cap: int | None,
) -> None:
    """Create a campaign for a client."""
    created = _campaigns().create(client_id, name, caller_id, language, repeats, daily_cap)
    show([_campaign_row(created)], as_json)


@campaigns.command("list")
@click.option("--client", "client_id", help="Only list campaigns of this client.")
@as_json
def list_campaigns(client_id: str | None, as_json: bool) -> None:
    """List campaigns."""
    show([_campaign_row(each) for each in _campaigns().list(client_id)], as_json)


@campaigns.command("pause")
@click.argument("campaign_id")
def pause_campaign(campaign_id: str) -> None:
    """Pause a campaign. Its calls are refused until it is resumed."""
    demand(_campaigns().pause(campaign_id), "campaign", campaign_id)
    click.echo(f"Campaign {campaign_id} is paused.")


@campaigns.command("resume")
@click.argument("campaign_id")
def resume_campaign(campaign_id: str) -> None:
    """Resume a campaign."""
    demand(_campaigns().resume(campaign_id), "campaign", campaign_id)
    click.echo(f"Campaign {campaign_id} is running.")


def _campaign_row(campaign: Campaign) -> dict[str, object]:
    names = ("id", "client_id", "name", "caller_id", "language", "repeats", "daily_cap")
    return {**{name: getattr(campaign, name) for name in names}, "paused": campaign.paused_at is not None}


def _campaigns() -> Campaigns:
    from flask_otpauth.engine.spoken_codes import SpokenCodes

    return state().use_case("voice", SpokenCodes).campaigns
