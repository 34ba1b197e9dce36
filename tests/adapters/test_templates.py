"""Templates on hosts that changed Jinja: neither the packaged templates nor those of the host change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from flask import Flask

from flask_otpauth.core.errors import SendFailed
from flask_otpauth.testing import Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import MakeApp

PHONE = "+84987654321"


@pytest.fixture
def database_uri(database_file: str) -> str:
    """Return one database for all apps of a test."""
    return database_file


NOT_SENT = (-205, "Failed to send OTP")


def other_delimiters(environment: jinja2.Environment) -> None:
    environment.variable_start_string, environment.variable_end_string = "[[", "]]"


def strict(environment: jinja2.Environment) -> None:
    environment.undefined = jinja2.StrictUndefined


def globals_of_our_names(environment: jinja2.Environment) -> None:
    names = (
        "origin",
        "code",
        "minutes",
        "validity",
        "brand",
        "locale",
        "repeats",
        "code_in_subject",
        "purpose",
    )
    environment.globals.update(dict.fromkeys(names, "https://shop.example"))


def asynchronous(environment: jinja2.Environment) -> None:
    environment.is_async = True


def line_statements(environment: jinja2.Environment) -> None:
    environment.line_statement_prefix, environment.line_comment_prefix = "@", "#"


def no_globals_or_filters(environment: jinja2.Environment) -> None:
    environment.globals.clear()
    environment.filters.clear()


def without_escaping(environment: jinja2.Environment) -> None:
    environment.autoescape = False


def everything_shouted(environment: jinja2.Environment) -> None:
    environment.finalize = lambda value: str(value).upper() + "!"


CHANGES = [
    other_delimiters,
    strict,
    globals_of_our_names,
    asynchronous,
    line_statements,
    no_globals_or_filters,
    without_escaping,
    everything_shouted,
]


def messages(app: Flask, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what is sent for the host's own codes, on every channel and in every packaged language."""
    monkeypatch.setattr("secrets.randbelow", lambda limit: 123456)
    before = len(outbox.messages)
    with app.app_context():
        for channel in ("email", "sms", "whatsapp", "voice"):
            for locale in ("vi", "en", "lo", "ru", "id"):
                to = ADDRESS if channel == "email" else PHONE
                app.extensions["test_otpauth"].codes.send(channel, to, purpose="pay", locale=locale)
    return [
        (each.channel, each.locale, each.subject, each.text, each.html) for each in outbox.messages[before:]
    ]


def free_app(make_app: MakeApp, **settings: Any) -> Flask:
    return make_app(email_send_quotas=(), sms_send_quotas=(), sms_cooldown=0, sms_day="sliding", **settings)


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_of_the_hosts_jinja_changes_a_packaged_message(
    change: Callable[[jinja2.Environment], None],
    make_app: MakeApp,
    outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = messages(free_app(make_app), outbox, monkeypatch)
    app = free_app(make_app)
    change(app.jinja_env)

    assert messages(app, outbox, monkeypatch) == plain
    assert {channel for channel, *_ in plain} == {"email", "sms", "whatsapp", "voice"}


@pytest.mark.parametrize("change", CHANGES)
def test_every_flow_sends_on_a_host_that_changed_jinja(
    change: Callable[[jinja2.Environment], None], make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app()
    change(app.jinja_env)
    caller = EmailCaller(app, outbox)

    assert caller.login()
    assert "host" in outbox.last.subject
    assert "https://shop.example" not in outbox.last.text


def test_what_is_packaged_is_escaped_in_html_and_in_html_alone(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(make_app(brand="Trees & <b>Rivers</b>"), outbox)

    caller.ask(lang="en")

    assert "Trees &amp; &lt;b&gt;Rivers&lt;/b&gt;" in (outbox.last.html or "")
    assert outbox.last.text.startswith("Trees & <b>Rivers</b>\n")
    assert outbox.last.subject == f"{outbox.last.code} is your code for Trees & <b>Rivers</b>"


def host_with(tmp_path: Path, app: Flask, monkeypatch: pytest.MonkeyPatch, **files: str) -> Flask:
    """Give ``app`` its own templates for e-mail. In their names, ``__`` stands for a dot."""
    folder = tmp_path / "templates" / "otpauth" / "email"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    return app


class CountingLoader(jinja2.DictLoader):
    """A loader that counts how often it is asked for a file."""

    asked = 0

    def get_source(self, environment: jinja2.Environment, template: str) -> Any:
        self.asked += 1
        return super().get_source(environment, template)


@pytest.mark.parametrize("reloads", [False, True])
def test_each_file_is_looked_up_once_unless_the_host_reloads_its_templates(
    reloads: bool, make_app: MakeApp, outbox: Outbox
) -> None:
    app = free_app(make_app)
    loader = app.jinja_env.loader = CountingLoader({})
    app.jinja_env.auto_reload = reloads
    caller = EmailCaller(app, outbox)
    caller.ask(lang="de")

    before = loader.asked
    caller.ask(lang="de")
    loader.mapping = {"otpauth/email/code.de.txt": "Ihr Code: {{ code }}"}
    caller.ask(lang="de")

    assert (loader.asked > before) is reloads
    assert outbox.last.text.startswith("Ihr Code: ") is reloads


def test_the_hosts_own_templates_have_its_environment(
    tmp_path: Path, make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = host_with(tmp_path, make_app(), monkeypatch, code__en__txt="[[ shop ]]: [[ code | spaced ]]")
    other_delimiters(app.jinja_env)
    app.jinja_env.globals["shop"] = "Trees"
    app.jinja_env.filters["spaced"] = " ".join

    EmailCaller(app, outbox).ask(lang="en")

    assert outbox.last.text == "Trees: " + " ".join(outbox.last.code)
    assert outbox.last.code in outbox.last.subject


def test_a_layout_of_the_host_holds_the_packaged_parts(
    tmp_path: Path, make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = "<h1>{{ shop }}</h1>{% block before %}{% endblock %} {{ code }}"
    app = host_with(tmp_path, make_app(), monkeypatch, layout__html=layout)
    app.jinja_env.globals["shop"] = "Trees"

    EmailCaller(app, outbox).ask(lang="en")

    assert (outbox.last.html or "").strip() == f"<h1>Trees</h1>Your code is {outbox.last.code}"


@pytest.mark.parametrize(
    "files",
    [
        {"code__en__txt": "Your code is [[ code ]]"},
        {"code__en__txt": "{{ code[:3] }}"},
        {"code__en__txt": ""},
        {"code__en__html": "<p title='{{ code }}'>Your code</p>"},
        {"layout__html": "<p>{% block before %}{% endblock %}</p>"},
    ],
)
def test_a_message_without_its_code_is_not_sent_and_uses_nothing_up(
    files: dict[str, str],
    tmp_path: Path,
    make_app: MakeApp,
    outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    code = EmailCaller(make_app(), outbox).fresh_code()
    app = host_with(tmp_path, make_app(), monkeypatch, **files)
    caller = EmailCaller(app, outbox)

    refused = [outcome(caller.ask(lang="en")) for _ in range(10)]
    with app.app_context(), pytest.raises(SendFailed):
        app.extensions["test_otpauth"].codes.send("email", ADDRESS, purpose="pay", locale="en")

    assert refused == [NOT_SENT] * 10
    assert len(outbox.messages) == 1
    assert outcome(caller.verify(code))[1] == "Login successful"
    assert "its template does not show the code" in caplog.text
