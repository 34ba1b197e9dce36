"""Tests for clients, their tokens and their campaigns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import (
    DAY,
    NOON,
    digest_of,
    fresh_key,
    fresh_name,
    purged,
)


def client_named(name: str, created_at: int = NOON) -> Client:
    """Return a client with its own secret."""
    return Client(fresh_name("client"), name, ("voice", "sms"), "member", created_at, fresh_key())


def campaign_of(client: Client, created_at: int = NOON) -> Campaign:
    """Return a campaign of ``client``."""
    return Campaign(fresh_name("campaign"), client.id, "Café", "+84281234567", "vi", created_at, 3, 500)


def token_of(client: Client, name: str, issued_at: int = NOON) -> ClientToken:
    """Return a token of ``client`` that is valid for a day."""
    return ClientToken(digest_of(client.id + name), client.id, client.generation, issued_at, issued_at + DAY)


def kept(storage: Storage, tokens: list[ClientToken]) -> list[bool]:
    """Return which of the tokens are stored."""
    return [storage.clients.find_token([token.digest]) is not None for token in tokens]


class ClientContract(ContractBase):
    """Clients, tokens and campaigns."""

    @pytest.fixture
    def client(self, storage: Storage) -> Client:
        client = client_named("Shop")
        storage.clients.add(client)
        return client

    def test_a_client_is_found_as_it_was_added(self, storage: Storage, client: Client) -> None:
        assert storage.clients.get(client.id) == client
        assert storage.clients.get(fresh_name("client")) is None

    def test_a_client_may_be_made_for_no_flow(self, storage: Storage) -> None:
        client = replace(client_named("None"), flows=())
        storage.clients.add(client)

        assert storage.clients.get(client.id) == client

    def test_clients_are_listed_oldest_first(self, storage: Storage, client: Client) -> None:
        younger, older = client_named("B", NOON + 1), client_named("A", NOON - 1)
        storage.clients.add(younger)
        storage.clients.add(older)

        assert list(storage.clients.list()) == [older, client, younger]

    def test_a_client_is_found_by_any_digest_of_its_secret(self, storage: Storage, client: Client) -> None:
        found = storage.clients.by_secret([fresh_key(), client.secret_digest], NOON)

        assert found == (client, 0)
        assert storage.clients.by_secret([fresh_key()], NOON) is None

    def test_an_earlier_secret_works_until_the_overlap_ends(self, storage: Storage, client: Client) -> None:
        digest = fresh_key()
        rotated = storage.clients.rotate_secret(client.id, digest, NOON, NOON + DAY)

        after = storage.clients.get(client.id)
        assert rotated
        assert after == replace(
            client,
            secret_digest=digest,
            generation=1,
            previous_digest=client.secret_digest,
            previous_until=NOON + DAY,
        )
        assert storage.clients.by_secret([digest], NOON) == (after, 1)
        assert storage.clients.by_secret([client.secret_digest], NOON + DAY - 1) == (after, 0)
        assert storage.clients.by_secret([client.secret_digest], NOON + DAY) is None

    def test_no_secret_is_replaced_before_the_overlap_of_the_one_before_it_is_over(
        self, storage: Storage, client: Client
    ) -> None:
        until = NOON + DAY
        storage.clients.rotate_secret(client.id, fresh_key(), NOON, until)

        within = storage.clients.rotate_secret(client.id, fresh_key(), until - 1, until + DAY)
        alive = storage.clients.by_secret([client.secret_digest], until - 1)
        after = storage.clients.rotate_secret(client.id, fresh_key(), until, until + DAY)

        assert (within, after) == (False, True)
        assert alive is not None
        assert alive[0].accepts_generation(0, until - 1)

    def test_a_rotation_without_an_overlap_ends_every_earlier_secret_whatever_a_clock_says(
        self, storage: Storage, client: Client
    ) -> None:
        second, third = fresh_key(), fresh_key()
        storage.clients.rotate_secret(client.id, second, NOON, NOON + DAY)

        rotated = storage.clients.rotate_secret(client.id, third, NOON + 1, None)

        found = [
            storage.clients.by_secret([digest], NOON - DAY) is not None
            for digest in (client.secret_digest, second, third)
        ]
        after = storage.clients.get(client.id)
        assert (rotated, found) == (True, [False, False, True])
        assert after is not None
        assert [after.accepts_generation(each, NOON - DAY) for each in range(3)] == [False, False, True]

    def test_of_racing_rotations_with_an_overlap_one_is_done(
        self, storage: Storage, client: Client, race: Race
    ) -> None:
        until = NOON + DAY

        results = race(
            [call("clients.rotate_secret", client.id, fresh_key(), NOON, until) for _ in range(20)]
        )

        assert results.count(True) == 1
        assert storage.clients.by_secret([client.secret_digest], until - 1) is not None

    def test_a_client_is_blocked_and_unblocked(self, storage: Storage, client: Client) -> None:
        assert storage.clients.set_blocked(client.id, NOON)
        assert storage.clients.get(client.id) == replace(client, blocked_at=NOON)
        assert storage.clients.set_blocked(client.id, None)
        assert storage.clients.get(client.id) == client

    def test_what_does_not_exist_is_told(self, storage: Storage) -> None:
        nobody = fresh_name("nobody")

        assert not storage.clients.set_blocked(nobody, NOON)
        assert not storage.clients.rotate_secret(nobody, fresh_key(), NOON, None)
        assert not storage.clients.set_paused(nobody, NOON)
        assert storage.clients.get_campaign(nobody) is None
        assert storage.clients.find_token([fresh_key()]) is None

    # -- tokens -------------------------------------------------------------------------------

    def test_a_token_is_found_expired_or_not(self, storage: Storage, client: Client) -> None:
        token = token_of(client, "t", NOON - 100 * DAY)
        storage.clients.add_token(token, at_most=2)

        assert storage.clients.find_token([fresh_key(), token.digest]) == token

    def test_the_oldest_tokens_of_the_client_give_way(self, storage: Storage, client: Client) -> None:
        other = client_named("Other")
        storage.clients.add(other)
        tokens = [token_of(client, str(n), NOON + n) for n in range(4)]
        stranger = token_of(other, "t", NOON - 1)
        storage.clients.add_token(stranger, at_most=2)

        for token in tokens:
            storage.clients.add_token(token, at_most=2)

        assert kept(storage, [*tokens, stranger]) == [False, False, True, True, True]

    def test_a_new_token_is_never_the_one_to_give_way(self, storage: Storage, client: Client) -> None:
        tokens = [token_of(client, str(n)) for n in range(3)]

        for token in tokens:
            storage.clients.add_token(token, at_most=1)

        assert kept(storage, tokens) == [False, False, True]

    def test_an_expired_token_takes_no_place(self, storage: Storage, client: Client) -> None:
        living = token_of(client, "living", NOON - 10)
        expired = replace(token_of(client, "expired", NOON - 5), expires_at=NOON)
        for token in (living, expired, token_of(client, "new", NOON)):
            storage.clients.add_token(token, at_most=2)

        assert kept(storage, [living]) == [True]

    def test_purging_takes_tokens_that_expired(self, storage: Storage, client: Client) -> None:
        storage.clients.add_token(token_of(client, "t"), at_most=2)

        assert purged(storage, NOON + DAY) == 0
        assert purged(storage, NOON + DAY + 1) == 1

    def test_tokens_bought_at_once_are_at_most_as_many_as_allowed(
        self, storage: Storage, client: Client, race: Race
    ) -> None:
        tokens = [token_of(client, str(n), NOON + n % 3) for n in range(40)]

        race([call("clients.add_token", token, 5) for token in tokens])

        assert sum(kept(storage, tokens)) == 5

    def test_each_of_racing_rotations_passes_a_generation(
        self, storage: Storage, client: Client, race: Race
    ) -> None:
        race([call("clients.rotate_secret", client.id, fresh_key(), NOON, None) for _ in range(20)])

        after = storage.clients.get(client.id)
        assert after is not None
        assert after.generation == 20

    # -- campaigns ----------------------------------------------------------------------------

    def test_a_campaign_is_found_as_it_was_added(self, storage: Storage, client: Client) -> None:
        campaign = campaign_of(client)
        storage.clients.add_campaign(campaign)

        assert storage.clients.get_campaign(campaign.id) == campaign

    def test_campaigns_are_listed_by_client_oldest_first(self, storage: Storage, client: Client) -> None:
        younger, older = campaign_of(client, NOON + 1), campaign_of(client, NOON - 1)
        stranger = replace(campaign_of(client_named("Other")), daily_cap=None)
        for campaign in (younger, older, stranger):
            storage.clients.add_campaign(campaign)

        assert list(storage.clients.list_campaigns(client.id)) == [older, younger]
        assert list(storage.clients.list_campaigns(None)) == [older, stranger, younger]

    def test_a_campaign_is_paused_and_resumed(self, storage: Storage, client: Client) -> None:
        campaign = campaign_of(client)
        storage.clients.add_campaign(campaign)

        assert storage.clients.set_paused(campaign.id, NOON)
        assert storage.clients.get_campaign(campaign.id) == replace(campaign, paused_at=NOON)
        assert storage.clients.set_paused(campaign.id, None)
        assert storage.clients.get_campaign(campaign.id) == campaign
