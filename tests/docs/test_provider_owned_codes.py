"""The page about providers that own the codes: its declarations are those of apps that start."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flask_otpauth.senders import CodeOwner
from tests.docs.shell import DOCS
from tests.hosts import MakeApp

PAGE = (DOCS / "howto/provider-owned-codes.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DECLARATIONS = [block for block in BLOCKS if block.startswith("OTPAUTH_SENDERS")]


@pytest.mark.parametrize("block", DECLARATIONS)
def test_each_declaration_of_the_page_is_that_of_an_app_that_starts(make_app: MakeApp, block: str) -> None:
    config: dict[str, Any] = {}
    exec(block.replace("…", "x"), config)

    app = make_app(flows=("sms",), senders=config["OTPAUTH_SENDERS"])

    owners = app.extensions["otpauth"].services.codes.messenger.router.owners
    assert len(DECLARATIONS) == 3
    assert list(owners) == ["sms"]


def test_the_class_of_the_page_is_a_code_owner() -> None:
    (block,) = [block for block in BLOCKS if "class AcmeVerify" in block]
    names: dict[str, Any] = {}
    exec(block, names)

    assert isinstance(names["AcmeVerify"](), CodeOwner)
