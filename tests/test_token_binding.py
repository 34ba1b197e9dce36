"""Two apps that share their secrets, and even one database: neither takes a token of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth import OtpAuth
from flask_otpauth.engine.clients import Credentials
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import Merchant
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.flows.sms_caller import NUMBER, VERIFY, SmsCaller, account_token, new_client, new_user
from tests.flows.voice_caller import PREFIX, buy
from tests.hosts import SECRET_KEY, cheap_hashing

#: How two apps differ.
DIFFERENCES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "import name": ({"import_name": "shop"}, {"import_name": "bank"}),
    "audience": ({"OTPAUTH_JWT_AUDIENCE": "shop"}, {"OTPAUTH_JWT_AUDIENCE": "bank"}),
    "issuer": ({"OTPAUTH_JWT_ISSUER": "shop"}, {"OTPAUTH_JWT_ISSUER": "bank"}),
}


@dataclass
class Party:
    """One of the apps, with a client of it."""

    app: Flask
    outbox: Outbox
    client: Credentials = field(default_factory=lambda: Credentials("", ""))

    @property
    def email(self) -> EmailCaller:
        """A caller of ``email``."""
        return EmailCaller(self.app, self.outbox)

    @property
    def sms(self) -> SmsCaller:
        """A caller of ``sms`` with a new token."""
        return SmsCaller(self.app, self.outbox, self.client)

    @property
    def merchant(self) -> Merchant:
        """A caller of ``account``."""
        return Merchant(self.app, client=self.client)

    def post(self, path: str, body: Any, authorization: str) -> TestResponse:
        """Any other request."""
        return self.app.test_client().post(path, json=body, headers={"Authorization": authorization})


#: Each kind of token: how it is got, and whether an app takes it.
KINDS: Mapping[str, tuple[Callable[[Party], str], Callable[[Party, str], bool]]] = {
    "access": (
        lambda party: str(party.email.login()["accessToken"]),
        lambda party, token: party.app.test_client().get("/me", headers=bearer(token)).status_code == 200,
    ),
    "refresh": (
        lambda party: str(party.email.login()["refreshToken"]),
        lambda party, token: party.email.refresh(token).json["code"] == 0,
    ),
    "account": (
        lambda party: account_token(party.app, "1"),
        lambda party, token: party.sms.verify("000000", account_token=token).json["status_code"] == 422,
    ),
    "client:sms": (
        lambda party: party.sms.headers["Authorization"].removeprefix("Bearer "),
        lambda party, token: party.post(VERIFY, {}, f"Bearer {token}").json["status_code"] == 422,
    ),
    "client:account": (
        lambda party: str(
            party.merchant.post("/auth/get-access-token", {"token": party.client.secret}).json["access_token"]
        ),
        lambda party, token: party.post("/api/pin/validate", {}, f"Bearer {token}").status_code == 400,
    ),
    "client:voice": (
        lambda party: str(buy(party.app, party.client.secret).json["data"]["access_token"]),
        lambda party, token: party.post(f"{PREFIX}/campaigns/x/voiceotp", {}, token).status_code == 400,
    ),
}


@pytest.fixture
def make_party(tmp_path: Path, outbox: Outbox, clock: MovableClock) -> Callable[..., Party]:
    """Makes an app on the one database that all of a test share."""

    def make(import_name: str = "host", **config: Any) -> Party:
        app = Flask(import_name, root_path=str(tmp_path))
        app.config.update(
            SECRET_KEY=SECRET_KEY,
            OTPAUTH_FLOWS=("email", "sms", "voice", "account"),
            OTPAUTH_SENDERS=outbox.senders,
            OTPAUTH_DATABASE_URI=f"sqlite:///{tmp_path / 'shared.sqlite'}",
            OTPAUTH_CLOCK=clock,
            OTPAUTH_IP_LIMITS=None,
            OTPAUTH_EMAIL_SINGLE_SESSION=False,
            OTPAUTH_EMAIL_SEND_QUOTAS=(),
        )
        app.config.update(config)
        with cheap_hashing():
            otpauth = OtpAuth(app)
        app.extensions["test_otpauth"] = otpauth

        @app.get("/me")
        @otpauth.token_required
        def me() -> dict[str, Any]:
            return {}

        with app.app_context():
            otpauth.create_all()
        return Party(app, outbox)

    return make


def meet(*parties: Party) -> None:
    """A person and a client whom all know, since they share a database."""
    assert new_user(parties[0].app, email=ADDRESS, phone=NUMBER) == "1"
    client = new_client(parties[0].app, "sms", "voice", "account")
    for party in parties:
        party.client = client


@pytest.mark.parametrize("difference", DIFFERENCES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_app_takes_a_token_of_another(
    kind: str, difference: str, make_party: Callable[..., Party]
) -> None:
    shop, bank = (make_party(**config) for config in DIFFERENCES[difference])
    meet(shop, bank)
    come_by, takes = KINDS[kind]

    for issuing, other in ((shop, bank), (bank, shop)):
        token = come_by(issuing)
        assert not takes(other, token)
        assert takes(issuing, token)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_one_use_is_taken_for_no_other(kind: str, make_party: Callable[..., Party]) -> None:
    party = make_party()
    meet(party)
    token = KINDS[kind][0](party)

    assert [other for other, (_, takes) in KINDS.items() if takes(party, token)] == [kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_outlives_a_rotation_of_the_secrets(kind: str, make_party: Callable[..., Party]) -> None:
    before = make_party()
    after = make_party(
        SECRET_KEY="the new secret of a test, of more than 32 bytes",
        SECRET_KEY_FALLBACKS=[SECRET_KEY],
        OTPAUTH_SUBJECT_KEY=SECRET_KEY,
    )
    meet(before, after)
    come_by, takes = KINDS[kind]

    assert takes(after, come_by(before))


@pytest.mark.parametrize("kind", ["access", "refresh", "account", "client:sms", "client:account"])
def test_a_signed_token_dies_with_the_secret_that_signed_it(
    kind: str, make_party: Callable[..., Party]
) -> None:
    before = make_party()
    after = make_party(
        SECRET_KEY="the new secret of a test, of more than 32 bytes", OTPAUTH_SUBJECT_KEY=SECRET_KEY
    )
    meet(before, after)
    come_by, takes = KINDS[kind]

    assert not takes(after, come_by(before))
