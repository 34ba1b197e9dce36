"""Two apps that share their secrets, and even one database: neither takes a token of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from tests.hosts import SECRET_KEY, cheap_hashing

EMAIL, PHONE = "user@example.com", "+84987654321"

#: How two apps differ.
DIFFERENCES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "import name": ({"import_name": "shop"}, {"import_name": "bank"}),
    "audience": ({"OTPAUTH_JWT_AUDIENCE": "shop"}, {"OTPAUTH_JWT_AUDIENCE": "bank"}),
    "issuer": ({"OTPAUTH_JWT_ISSUER": "shop"}, {"OTPAUTH_JWT_ISSUER": "bank"}),
}


@dataclass
class Party:
    """One of the apps, with whoever may ask it for a token."""

    app: Flask
    outbox: Outbox
    client: Any = None

    @property
    def otpauth(self) -> OtpAuth:
        """The app's OtpAuth."""
        otpauth: OtpAuth = self.app.extensions["test_otpauth"]
        return otpauth

    def post(self, path: str, body: Any, authorization: str = "") -> Any:
        """A request; status and JSON."""
        headers = {"Authorization": authorization} if authorization else {}
        answer = self.app.test_client().post(path, json=body, headers=headers)
        return answer.status_code, answer.json

    def login(self) -> dict[str, Any]:
        """The data of a login."""
        self.post("/apis/auth/request-otp", {"email": EMAIL})
        data: dict[str, Any] = self.post(
            "/apis/auth/verify-otp", {"email": EMAIL, "otpCode": self.outbox.last.code}
        )[1]["data"]
        return data

    def account_token(self) -> str:
        """What the host's own login hands to its app."""
        with self.app.app_context():
            user = self.otpauth.users.find(EMAIL)
            assert user is not None
            return self.otpauth.issue_account_token(user.id)

    def sms_token(self) -> str:
        """A client's signed token."""
        asked = {"grant_type": "client_credentials", "client_id": self.client.id}
        token: str = self.post("/oauth/token", {**asked, "client_secret": self.client.secret})[1][
            "access_token"
        ]
        return token

    def account_flow_token(self) -> str:
        """A merchant's signed token."""
        token: str = self.post("/api/auth/get-access-token", {"token": self.client.secret})[1]["access_token"]
        return token

    def voice_token(self) -> str:
        """A client's opaque token."""
        asked = {"secret_key": self.client.secret}
        token: str = self.post("/api/v1/users/generate_access_token", asked)[1]["data"]["access_token"]
        return token

    def takes_access(self, token: str) -> bool:
        """Whether a protected route lets it in."""
        return (
            self.app.test_client().get("/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        )

    def takes_refresh(self, token: str) -> bool:
        """Whether it buys new tokens."""
        return bool(self.post("/apis/auth/refresh-token", {"refreshToken": token})[1]["code"] == 0)

    def takes_account(self, token: str) -> bool:
        """Whether it names a person to ``sms``."""
        body = {"account_token": token, "otp": "000000"}
        answer = self.post("/api/auth/verify-otp", body, f"Bearer {self.sms_token()}")[1]
        return bool(answer["status_code"] == 422)

    def takes_sms(self, token: str) -> bool:
        """Whether it is a client of ``sms``."""
        return bool(self.post("/api/auth/verify-otp", {}, f"Bearer {token}")[1]["status_code"] == 422)

    def takes_account_flow(self, token: str) -> bool:
        """Whether it is a client of ``account``."""
        return bool(self.post("/api/pin/validate", {}, f"Bearer {token}")[0] == 400)

    def takes_voice(self, token: str) -> bool:
        """Whether it is a client of ``voice``."""
        return bool(self.post("/api/v1/campaigns/x/voiceotp", {}, token)[0] == 400)


#: Each kind of token: how it is come by, and who takes it.
KINDS: Mapping[str, tuple[Callable[[Party], str], Callable[[Party, str], bool]]] = {
    "access": (lambda party: str(party.login()["accessToken"]), Party.takes_access),
    "refresh": (lambda party: str(party.login()["refreshToken"]), Party.takes_refresh),
    "account": (Party.account_token, Party.takes_account),
    "client:sms": (Party.sms_token, Party.takes_sms),
    "client:account": (Party.account_flow_token, Party.takes_account_flow),
    "client:voice": (Party.voice_token, Party.takes_voice),
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
    first = parties[0]
    with first.app.app_context():
        first.otpauth.users.create(email=EMAIL, phone=PHONE)
        client = first.otpauth.clients.create("all", ("sms", "voice", "account"))
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
