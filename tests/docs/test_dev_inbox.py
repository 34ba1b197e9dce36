"""The page on the inbox: its setting works, its paths are there, and its error is what the app says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, OtpAuth
from tests.hosts import SECRET_KEY

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "dev-inbox.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def app() -> Flask:
    app = Flask("host")
    (settings,) = blocks("python")
    config: dict[str, Any] = {"SECRET_KEY": SECRET_KEY, "OTPAUTH_STORAGE": "memory"}
    exec(settings, {}, config)
    app.config.update(config)
    return app


def test_the_call_of_the_page_prints_the_code_of_a_login(app: Flask) -> None:
    app.debug = True
    OtpAuth(app)
    client = app.test_client()
    client.post("/apis/auth/request-otp", json={"email": "user@example.com"})
    (address,) = re.findall(r"'(http\S+)'", blocks("shell")[0])

    code = client.get(address).text
    login = client.post("/apis/auth/verify-otp", json={"email": "user@example.com", "otpCode": code})

    assert login.json is not None
    assert login.json["message"] == "Login successful"


def test_the_paths_and_the_address_of_the_page_answer(app: Flask) -> None:
    app.debug = True
    OtpAuth(app)
    client = app.test_client()
    paths = re.findall(r"^\| `(/\S+)` \|", PAGE, re.MULTILINE)

    assert paths == ["/otpauth/inbox/latest", "/otpauth/inbox/code"]
    assert [client.get(path).status_code for path in paths] == [200, 200]
    assert client.get(re.findall(r"<(http\S+)>", PAGE)[0]).status_code == 200


def test_the_error_of_the_page_is_what_the_app_says(app: Flask) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)

    assert [f"{problem}\n" for problem in caught.value.problems] == blocks("text")
