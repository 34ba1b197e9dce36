from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import reduce
from operator import getitem
from typing import Any

from playwright.sync_api import Page, expect

from tests.services import need


def keys(page: Page) -> Any:
    return page.request.get("/keys.json").json()


def pasted(line: str) -> tuple[str, Any]:
    """The status and the body of the answer to a line that is pasted into a shell."""
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    head, _, body = done.stdout.partition("\n\n")
    return head.split(" ", 1)[1].partition("\n")[0], json.loads(body)


def test_every_line_gets_its_answer_if_a_person_does_what_the_notes_say(page: Page) -> None:
    need("curl", shutil.which("curl") is not None)
    page.goto("/keys")
    answers: dict[str, Any] = {}

    def value(source: str) -> str:
        if source == "the code of the newest message in the inbox":
            return page.request.get("/otpauth/inbox/code?to=user@example.com").text()
        place, _, title = source.removesuffix("”").partition(" of the answer to “")
        return str(reduce(getitem, place.split("."), answers[title]))

    for call in page.locator("article.copyable").all():
        title, line = call.locator("h4").text_content() or "", call.locator("code").text_content() or ""
        for note in call.locator("p").all_text_contents():
            for shown, source in re.findall("Replace “(.+?)” with (.+?)[.](?= Replace|$)", note):
                assert shown in line
                line = line.replace(shown, value(source))
        status, answers[title] = pasted(line)
        documented = call.locator(".documented pre").text_content() or ""
        assert documented.lower().startswith(f"http/1.1 {status}\n".lower()), title

    assert len(answers) == 45


def test_a_line_is_copied_as_it_is_shown(page: Page) -> None:
    page.goto("/keys")
    page.get_by_role("button", name="Copy: Request OTP", exact=True).click()

    expect(page.get_by_role("button", name="Copy: Request OTP", exact=True)).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator(".copyable code").first.text_content()


def test_every_key_and_campaign_is_shown(page: Page) -> None:
    page.goto("/keys")
    held, text = keys(page), page.locator("main").inner_text()

    for client in held["clients"].values():
        assert client["client_id"] in text
        assert client["secret"] in text
    assert all(campaign in text for campaign in held["campaigns"].values())


def test_starting_over_makes_new_keys_and_forgets_people(page: Page) -> None:
    page.goto("/keys")
    before = keys(page)["clients"]["flashcall"]["secret"]
    with page.expect_navigation():
        page.get_by_role("button", name="Start over").click()

    refused = page.request.post(
        "/v1/orders", headers={"X-Application-Token": before}, data={"phone": "79991234567"}
    )

    assert keys(page)["clients"]["flashcall"]["secret"] != before
    assert refused.status == 403
