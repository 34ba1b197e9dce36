"""The pages about calls: their settings start an app, and they show every key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from flask_otpauth.adapters.senders.asterisk import AsteriskServer
from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from tests.hosts import MakeApp

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
PAGES = {"sip-calls": SipTrunk, "asterisk": AsteriskServer}


def blocks(page: str) -> list[str]:
    text = (HOWTO / f"{page}.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("page", "block"), [(page, block) for page in PAGES for block in blocks(page)])
def test_the_settings_of_a_page_start_an_app(page: str, block: str, make_app: MakeApp) -> None:
    config: dict[str, Any] = {}
    exec(block, config, config)

    assert make_app(**{name: value for name, value in config.items() if name.startswith("OTPAUTH_")})


def shown(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        default = "required"
    else:
        secret = getattr(field.default, "get_secret_value", lambda: field.default)()
        default = f"`{secret!r}`".replace("'", '"') if secret != "" else "empty"
    return f"| `{name}` | {default} | {field.description} |"


@pytest.mark.parametrize(("page", "model"), PAGES.items())
def test_a_page_shows_every_key_with_its_default_and_its_meaning(page: str, model: type[BaseModel]) -> None:
    lines = (HOWTO / f"{page}.md").read_text("utf-8").splitlines()

    assert {shown(model, name) for name in model.model_fields} - set(lines) == set()
