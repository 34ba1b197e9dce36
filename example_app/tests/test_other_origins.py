from __future__ import annotations

import secrets

from flask import Flask
from flask_cors import CORS
from playwright.sync_api import Browser

from example_app.live import serving
from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock

ASK_TWICE = """async (path) => {
  const ask = () => fetch(path, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({email: "user@example.com"}),
  });
  const answers = [await ask(), await ask()];
  return answers.map((each) => each.headers.get("Retry-After"));
}"""


def test_a_page_of_another_origin_reads_when_to_ask_again(browser: Browser, clock: MovableClock) -> None:
    app = Flask("api")
    app.config.update(
        SECRET_KEY=secrets.token_hex(32),
        OTPAUTH_CLOCK=clock,
        OTPAUTH_STORAGE="memory",
        OTPAUTH_SENDERS={"email": "memory"},
        OTPAUTH_EMAIL_SEND_QUOTAS=("1 per hour",),
    )
    OtpAuth(app)
    page = browser.new_page()

    with serving(Flask("shop")) as shop:
        CORS(app, origins=shop)
        with serving(app) as api:
            page.goto(shop)
            waits = page.evaluate(ASK_TWICE, f"{api}/apis/auth/request-otp")
    page.close()

    assert waits == [None, "3600"]
