"""The page on flows: a sixth flow, written by a host in one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from docs.examples import phone as page
from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.cli import otpauth as commands
from flask_otpauth.flows import FLOWS, Call, Flow
from flask_otpauth.testing import Outbox
from tests.hosts import MakeApp

PHONE = "+84987654321"
MakeFlowApp = Callable[..., Flask]


@pytest.fixture(params=[page.phone, "docs.examples.phone:phone"], ids=["object", "dotted path"])
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    """A host with the flow of the page, as an object and as a dotted path."""
    app = make_app(flows=("email", request.param))
    otpauth = app.extensions["host's otpauth"] if "host's otpauth" in app.extensions else OtpAuth()

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, str | None]:
        return {"phone": otpauth.current_user.phone}

    return app


def test_a_user_logs_in_by_sms_and_is_known_on_a_protected_route(app: Flask, outbox: Outbox) -> None:
    client = app.test_client()

    asked = client.post("/api/login/code", json={"phone": PHONE})
    login = client.post("/api/login/token", json={"phone": PHONE, "code": outbox.last.code})
    bearer = {"Authorization": f"Bearer {login.json['access_token']}"}

    assert (asked.status_code, asked.json) == (200, {"phone": PHONE})
    assert client.get("/me", headers=bearer).json == {"phone": PHONE}
    refreshed = client.post("/api/login/refresh", json={"refresh_token": login.json["refresh_token"]})
    assert refreshed.json["access_token"] != login.json["access_token"]


def test_a_code_for_a_phone_number_is_sent_to_it_even_if_the_user_has_an_address(
    app: Flask, outbox: Outbox
) -> None:
    with app.app_context():
        app.extensions["test_otpauth"].users.create(email="customer@example.com", phone=PHONE)

    app.test_client().post("/api/login/code", json={"phone": PHONE})

    assert outbox.last.recipient == PHONE


def test_a_code_works_once_and_wrong_guesses_lock_the_number(app: Flask, outbox: Outbox) -> None:
    client = app.test_client()
    client.post("/api/login/code", json={"phone": PHONE})
    given = {"phone": PHONE, "code": outbox.last.code}

    first, second = (client.post("/api/login/token", json=given) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json["type"] == "urn:flask-otpauth:code_used"
    for _ in range(3):
        client.post("/api/login/code", json={"phone": PHONE})
        wrong = {"phone": PHONE, "code": "000000" if outbox.last.code != "000000" else "111111"}
        answers = [client.post("/api/login/token", json=wrong).status_code for _ in range(5)]
    assert answers[-1] in (400, 429)
    locked = client.post("/api/login/token", json=wrong)
    assert (locked.status_code, locked.json["title"]) == (429, "Too many attempts. Please try again later.")


def test_faults_are_in_the_words_of_the_flow(app: Flask) -> None:
    answer = app.test_client().post("/api/login/code", json={"phone": "12"})

    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.json["errors"][0]["detail"] == "phone is missing or not valid."


def test_the_commands_know_the_flow(app: Flask) -> None:
    runner = app.test_cli_runner()

    assert "path=/api/login/token" in runner.invoke(commands, ["flows"]).output
    assert "OTPAUTH_PHONE_CODE_LENGTH = 6" in runner.invoke(commands, ["config"]).output
    assert "phone: The telephone network is a restricted channel" in " ".join(
        runner.invoke(commands, ["doctor"]).output.split()
    )


def test_its_settings_and_its_rate_limits_are_settings_of_the_app(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(flows=(page.phone,), phone_code_length=8, ip_limits={"phone.code": "1 per hour"})
    client = app.test_client()

    statuses = [client.post("/api/login/code", json={"phone": PHONE}).status_code for _ in range(2)]

    assert len(outbox.last.code) == 8
    assert statuses == [200, 429]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            "phone",
            "OTPAUTH_FLOWS: unknown flow 'phone': expected one of email, sms, flashcall, voice, account",
        ),
        ("docs.examples.phone:nothing", "OTPAUTH_FLOWS: cannot import 'docs.examples.phone:nothing'"),
        (object, "is not a flow: give a flask_otpauth.flows.Flow"),
        (
            Flow(name="email", settings=page.PhoneSettings, build=page.build, messages=page.phone.messages),
            "there is another flow of the name 'email'",
        ),
        (
            Flow(name="E-mail", settings=page.PhoneSettings, build=page.build, messages=page.phone.messages),
            "a flow cannot be named 'E-mail'",
        ),
    ],
)
def test_what_is_no_flow_is_a_start_up_error(make_app: MakeApp, given: object, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        make_app(flows=(given,))

    assert problem in str(refused.value)


def test_a_flow_whose_settings_collide_with_others_is_refused(make_app: MakeApp) -> None:
    class Settings(page.PhoneSettings):
        region: str = "VN"

    flow = Flow(name="phone", settings=Settings, build=page.build, messages=page.phone.messages)

    with pytest.raises(ConfigurationError, match="OTPAUTH_PHONE_REGION would be two settings"):
        make_app(flows=(flow,))


def test_a_handler_without_a_credential_cannot_act_for_a_client() -> None:
    call = Call(page.PhoneSettings(), None)

    with pytest.raises(RuntimeError, match="does not require a credential"):
        call.client  # noqa: B018 - it is the reading that fails


def test_the_flow_of_the_page_is_one_file_of_at_most_120_lines() -> None:
    assert len(Path(page.__file__).read_text("utf-8").splitlines()) <= 120
    assert "phone" not in FLOWS
