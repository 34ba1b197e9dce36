from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from example_app import create_app
from example_app.documented_calls import main
from example_app.live import serving


def test_every_documented_call_gets_its_documented_answer() -> None:
    result = CliRunner().invoke(main)

    assert result.exit_code == 0, result.output
    assert result.output.count("ok    ") == 45
    assert "FAILS" not in result.output


def test_the_calls_can_be_made_again_on_a_running_app(url: str) -> None:
    results = [CliRunner().invoke(main, [each]) for each in (url, url.removeprefix("http://"))]

    assert [result.exit_code for result in results] == [0, 0], results[1].output


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("OTPAUTH_EMAIL_CODE_TTL", 60, "data.expireInSeconds: 300 is documented, 60 came"),
        ("OTPAUTH_FLASHCALL_ECHO_CODE", False, "data.code.value: '7714' is documented, None came"),
        ("OTPAUTH_VOICE_FAILURE_MESSAGE_KEY", "messsage", "messsage: None is documented, 'Bad Request' came"),
        ("OTPAUTH_ACCOUNT_ENVELOPE", "problem", "Content-Type: 'application/json' is documented"),
        ("OTPAUTH_SMS_COOLDOWN", 60, "data.otp.refresh_after: 90 is documented, 60 came"),
    ],
)
def test_another_answer_than_the_documented_one_fails(
    tmp_path: Path, setting: str, value: object, told: str
) -> None:
    with serving(create_app(str(tmp_path), {setting: value})) as url:
        result = CliRunner().invoke(main, [url])

    assert result.exit_code == 1
    assert told in result.output


def test_nothing_is_called_where_no_example_app_answers(url: str) -> None:
    nowhere = CliRunner().invoke(main, ["http://127.0.0.1:1"])
    elsewhere = CliRunner().invoke(main, [f"{url}/backend"])

    assert (nowhere.exit_code, elsewhere.exit_code) == (1, 1)
    assert "http://127.0.0.1:1 does not answer: " in nowhere.output
    assert f"{url}/backend/backend/start-over is answered with 404 NOT FOUND" in elsewhere.output
