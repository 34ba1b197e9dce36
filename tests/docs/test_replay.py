"""What replays the pages finds what is wrong on a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.page_host import PageHost
from tests.hosts import MakeApp

PAGE = """
```http
POST /apis/auth/request-otp HTTP/1.1
Content-Type: application/json

{"email": "user@example.com"}
```
```http
HTTP/1.1 200 OK
Cache-Control: no-store

{"code": 0, "message": "OTP sent successfully", "data": {"email": "user@example.com", "expireInSeconds": 300}}
```
<!-- sent: 482913 to user@example.com -->
<!-- wait: 60 -->
```http
POST /apis/auth/verify-otp HTTP/1.1
Content-Type: application/json

{"email": "user@example.com", "otpCode": "482913"}
```
```http
HTTP/1.1 200 OK

{
  "code": 0,
  "message": "Login successful",
  "data": {
    "userId": 7, "email": "user@example.com", "fullName": "", "avatarUrl": null,
    "accessToken": "eyJ…", "refreshToken": "q7…", "expiresAt": "2024-12-30T10:01:00Z"
  }
}
```
```console
$ flask otpauth users show user@example.com --json
[
  {
…
```
```pycon
>>> otpauth.users.find(7).email
'user@example.com'
```
"""


@pytest.fixture
def host(make_app: MakeApp, outbox: Outbox, clock: MovableClock) -> PageHost:
    return PageHost(make_app, {"flows": ("email",)}, outbox, clock)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def test_a_page_that_is_right_is_replayed(host: PageHost, page: Path) -> None:
    page.write_text(PAGE)

    values = host.replay(page)

    assert host.requests == ["POST /apis/auth/request-otp", "POST /apis/auth/verify-otp"]
    assert values.real["7"] == "1"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("HTTP/1.1 200 OK\nCache-Control", "HTTP/1.1 201 Created\nCache-Control"),
        ("Cache-Control: no-store", "Cache-Control: private"),
        ("Cache-Control: no-store", "Retry-After: 1"),
        ("OTP sent successfully", "OTP sent"),
        ('"expireInSeconds": 300', '"expireInSeconds": "300"'),
        ('"expireInSeconds": 300', '"expireInSeconds": 301'),
        (', "expireInSeconds": 300', ""),
        ('"avatarUrl": null', '"avatarUrl": ""'),
        ('"fullName": "", "avatarUrl": null', '"avatarUrl": null, "fullName": ""'),
        ('"userId": 7', '"userId": "7"'),
        ('"refreshToken": "q7…"', '"refreshToken": null'),
        ('"accessToken": "eyJ…"', '"accessToken": "eyJhbGciOi"'),
        ("2024-12-30T10:01:00Z", "2024-12-30T10:00:00Z"),
        ("<!-- wait: 60 -->", ""),
        ("<!-- wait: 60 -->", "<!-- document: Verify OTP; timed: data.expiresAt -->"),
        ("<!-- wait: 60 -->", "<!-- wait: 300 -->"),
        ("<!-- sent: 482913 to user@example.com -->", ""),
        ("482913 to user@example.com", "482913 to nobody@example.com"),
        ("sent: 482913", "sent: 48291"),
        ("<!-- sent: 482913 to user@example.com -->", "<!-- fails -->"),
        ("POST /apis/auth/verify-otp", "GET /apis/auth/verify-otp"),
        ("show user@example.com", "show nobody@example.com"),
        ("[\n  {\n…", "[\n  [\n…"),
        ("'user@example.com'\n", "'nobody@example.com'\n"),
        ("find(7)", "find(8)"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(host: PageHost, page: Path, right: str, wrong: str) -> None:
    assert right in PAGE
    page.write_text(PAGE.replace(right, wrong, 1))

    with pytest.raises((AssertionError, AttributeError)):
        host.replay(page)


@pytest.mark.parametrize("missing", [PAGE.split("```http")[2], PAGE.split("```http")[1]])
def test_a_request_without_a_response_and_a_response_without_a_request_are_found_out(
    host: PageHost, page: Path, missing: str
) -> None:
    page.write_text(PAGE.replace("```http" + missing, "", 1))

    with pytest.raises(ValueError, match="page.md, line"):
        host.replay(page)
