"""Pages about settings, commands and security: their blocks run, and what is generated is all there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from docs._ext import generated
from flask_otpauth import OtpAuth
from flask_otpauth.cli import otpauth as commands
from flask_otpauth.core import errors
from flask_otpauth.doctor.standards import declared_deviations
from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import Shared
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.page_host import PageHost
from tests.hosts import SECRET_KEY, MakeApp

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["cli.md", "security.md"])
def test_the_commands_of_a_page_print_what_it_shows(
    page: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    host = PageHost(make_app, {"flows": ("email",)}, outbox, clock)

    host.replay(DOCS / page)

    assert host.commands == (DOCS / page).read_text("utf-8").count("```console")


@pytest.mark.parametrize("flow", FLOWS)
def test_the_python_blocks_of_an_api_page_are_settings_that_there_are(flow: str, make_app: MakeApp) -> None:
    text = (DOCS / "api" / f"{flow}.md").read_text("utf-8")

    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        config: dict[str, Any] = {}
        exec(block, {}, config)

        assert make_app(flows=(flow,), **config)


def test_the_start_up_error_of_the_configuration_page_is_what_is_told() -> None:
    page = (DOCS / "configuration.md").read_text("utf-8")
    shown = [
        line.strip() for line in page.splitlines() if line.startswith("    ") and "otpauth" in line.lower()
    ]
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_SENDERS={"email": "console"},
        OTPAUTH_EMIAL_CODE_TTL=120,
        OTPAUTH_SMS_COOLDOWN=-1,
        OTPAUTH_SMS_TIMEZONE="Batavia",
    )

    with pytest.raises(errors.ConfigurationError) as caught:
        OtpAuth(app)

    assert sorted(str(caught.value).splitlines()) == sorted(shown)


# -- what is generated ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shared", *FLOWS])
def test_the_configuration_page_names_every_key_with_its_meaning(name: str) -> None:
    made = "\n".join(generated.settings(name))
    settings = Shared if name == "shared" else FLOWS[name].settings
    prefix = "OTPAUTH_" if name == "shared" else f"OTPAUTH_{name.upper()}_"

    assert f"```{{otpauth-settings}} {name}\n" in (DOCS / "configuration.md").read_text("utf-8")
    for key, field in settings.fields_by_key().items():
        assert f"`{prefix}{key}`\n: {settings.model_fields[field].description}" in made


def test_the_configuration_page_shows_types_and_both_defaults() -> None:
    made = "\n".join(generated.settings("sms"))

    assert (
        "`OTPAUTH_SMS_DAY`\n: Whether a quota per day covers any 24 hours (`sliding`) or starts again at "
        "midnight (`calendar`). Takes 'sliding' or 'calendar'. "
        "Default: `'calendar'`. Hardened: `'sliding'`.\n"
    ) in made


def test_the_command_page_names_every_command_and_option() -> None:
    made = "\n".join(generated.commands())

    assert "```{otpauth-commands}\n" in (DOCS / "cli.md").read_text("utf-8")
    for name, command in commands.commands.items():
        assert f"`flask otpauth {name} " in made
        for sub in getattr(command, "commands", {}):
            assert f"`flask otpauth {name} {sub} " in made
    assert "None" not in made


def test_the_error_page_names_every_refusal_that_is_raised() -> None:
    made = "\n".join(generated.errors())

    def leaves(error: type[errors.Refusal]) -> set[type[errors.Refusal]]:
        return set().union(*(leaves(child) for child in error.__subclasses__())) or {error}

    assert "```{otpauth-errors}\n" in (DOCS / "errors.md").read_text("utf-8")
    for each in leaves(errors.Refusal) | {errors.QuotaExceeded, errors.SecretBlocked}:
        assert f"| `{each.code}` | `{each.__name__}` | " in made


def test_the_security_page_names_every_rule() -> None:
    made = "\n".join(generated.deviations())

    assert "```{otpauth-deviations}\n" in (DOCS / "security.md").read_text("utf-8")
    assert all(f" | {rule.finding} | {rule.clauses} | " in made for rule in declared_deviations(FLOWS))


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"^[a-z/-]+$", (DOCS / "index.md").read_text("utf-8"), re.MULTILINE))
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}

    assert {page for page in pages if not page.startswith("_")} == listed | {"index"}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_names_only_settings_that_there_are(page: Path) -> None:
    made = "\n".join(line for name in ("shared", *FLOWS) for line in generated.settings(name))
    known = set(re.findall("^`(OTPAUTH_[A-Z_]+)`$", made, re.MULTILINE))

    named = set(re.findall(r"\bOTPAUTH_[A-Z_]*[A-Z]\b", page.read_text("utf-8")))

    assert named - known <= {"OTPAUTH_EMIAL_CODE_TTL", "OTPAUTH_TEST_SERVICES"}


def test_every_example_is_shown_on_a_page() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    shown = set(re.findall(r"{literalinclude} (?:\.\./)?(examples/\S+)", pages))

    examples = {
        str(path.relative_to(DOCS))
        for path in (DOCS / "examples").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert examples == shown
