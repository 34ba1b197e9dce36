from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from example_app import create_app

ROOT = Path(__file__).parents[2]


def keys(app: Flask) -> Any:
    return app.test_client().get("/keys.json").get_json()


def test_keys_are_made_on_the_first_start_and_kept_for_the_next(tmp_path: Path) -> None:
    first = create_app(str(tmp_path))
    again = create_app(str(tmp_path))

    assert again.config["SECRET_KEY"] == first.config["SECRET_KEY"]
    assert keys(again)["clients"] == keys(first)["clients"]
    assert keys(again)["campaigns"] == keys(first)["campaigns"]


def test_every_app_has_keys_of_its_own(tmp_path: Path) -> None:
    one, other = create_app(str(tmp_path / "one")), create_app(str(tmp_path / "other"))

    assert one.config["SECRET_KEY"] != other.config["SECRET_KEY"]
    assert keys(one)["clients"]["account"]["secret"] != keys(other)["clients"]["account"]["secret"]


def test_nobody_else_on_the_machine_can_read_the_keys(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    create_app(str(instance))

    assert stat.S_IMODE(instance.stat().st_mode) == 0o700
    assert stat.S_IMODE((instance / "secret_key").stat().st_mode) == 0o600


def test_a_setting_is_tried_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_APP_OTPAUTH_EMAIL_CODE_TTL", "60")
    client = create_app(str(tmp_path)).test_client()

    answer = client.post("/apis/auth/request-otp", json={"email": "user@example.com"}).get_json()

    assert answer["data"]["expireInSeconds"] == 60


def test_the_configuration_of_another_app_in_the_same_shell_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = create_app(str(tmp_path / "apart"))
    for name in set(apart.config) - {"DEBUG"}:  # FLASK_DEBUG is for the command flask, whatever it runs
        monkeypatch.setenv(f"FLASK_{name}", "1")
    monkeypatch.setenv("FLASK_OTPAUTH_EMIAL_CODE_TTL", "a name that would stop the app")

    beside = create_app(str(tmp_path / "beside"))

    ours = {"SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "OTPAUTH_SENDERS", "OTPAUTH_PROVIDERS"}
    assert {name for name in apart.config if beside.config[name] != apart.config[name]} == ours


def test_the_database_is_always_the_file_of_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.sqlite"
    for name in ("SQLALCHEMY_DATABASE_URI", "OTPAUTH_DATABASE_URI"):
        monkeypatch.setenv(f"EXAMPLE_APP_{name}", elsewhere)

    client = create_app(str(tmp_path / "instance")).test_client()

    assert client.post("/backend/start-over", json={}).status_code == 200
    assert not (tmp_path / "elsewhere.sqlite").exists()


def test_a_file_that_another_app_made_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "example.sqlite")) as database, database:
        database.execute("CREATE TABLE users (email TEXT)")
    before = (tmp_path / "example.sqlite").read_bytes()

    with pytest.raises(RuntimeError, match="was not made by this version of the example app"):
        create_app(str(tmp_path))

    assert (tmp_path / "example.sqlite").read_bytes() == before


def test_several_people_may_use_it_at_once(tmp_path: Path) -> None:
    app = create_app(str(tmp_path))

    def log_in(number: int) -> str:
        address, client = f"user{number}@example.com", app.test_client()
        client.post("/apis/auth/request-otp", json={"email": address})
        code = client.get("/otpauth/inbox/code", query_string={"to": address}).text
        login = client.post("/apis/auth/verify-otp", json={"email": address, "otpCode": code}).get_json()
        bearer = {"Authorization": f"Bearer {login['data']['accessToken']}"}
        return str(client.get("/apis/user/profile", headers=bearer).get_json()["data"]["email"])

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(log_in, range(16)))

    assert seen == [f"user{number}@example.com" for number in range(16)]


def test_the_documented_command_starts_everything(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "flask",
        "--app",
        f"example_app:create_app({str(tmp_path)!r})",
        "run",
        "--port",
        "0",
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ, "NO_COLOR": "1"}, text=True
    ) as flask:
        try:
            assert flask.stderr is not None
            said = (re.search(r"Running on (http://\S+)", line) for line in flask.stderr)
            url = next(found[1] for found in said if found)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as home:
                shown = home.read().decode()
        finally:
            flask.terminate()

    assert "One-time codes, five ways" in shown
