"""``email``: which mail goes out, to whom, in which language, and what if it cannot (contract/email.md)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, signals
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import MakeApp, new_row

SENT = (0, "OTP sent successfully")
LOGIN = (0, "Login successful")
WRONG = (1, "Invalid OTP")
EXHAUSTED = (-204, "Maximum OTP attempts exceeded")
NOT_SENT = (-205, "Failed to send OTP")
LIMITED = (-206, "Too many OTP requests")
MALFORMED = (-1, "Invalid request")

VIETNAMESE, ENGLISH, LAO = "mã xác thực", "your code", "ລະຫັດຢືນຢັນ"
RUSSIAN, INDONESIAN = "ваш код", "kode anda"


def users_of(app: Flask) -> Any:
    """The host's administration of users."""
    return app.extensions["test_otpauth"].users


# -- language and templates ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "locale", "words"),
    [
        ("vi", "vi", VIETNAMESE),
        ("en", "en", ENGLISH),
        ("lo", "lo", LAO),
        ("en-US", "en", ENGLISH),
        ("en_GB", "en", ENGLISH),
        ("VI", "vi", VIETNAMESE),
        ("Lo-LA", "lo", LAO),
        (" en ", "en", ENGLISH),
        ("fr", "vi", VIETNAMESE),
        ("ru", "ru", RUSSIAN),
        ("ID", "id", INDONESIAN),
        ("../../etc/passwd", "vi", VIETNAMESE),
        ("", "vi", VIETNAMESE),
        ("  ", "vi", VIETNAMESE),
        pytest.param("v" * 4096, "vi", VIETNAMESE, id="4096 characters"),
        (None, "vi", VIETNAMESE),
    ],
)
def test_the_mail_is_in_the_language_that_was_asked_for(
    lang: str | None, locale: str, words: str, caller: EmailCaller, outbox: Outbox
) -> None:
    answer = caller.ask(lang=lang)

    assert outcome(answer) == SENT
    assert outbox.last.locale == locale
    for part in (outbox.last.text, outbox.last.html, outbox.last.subject):
        assert part is not None
        assert words.lower() in part.lower()


def test_without_lang_the_mail_is_vietnamese(caller: EmailCaller, outbox: Outbox) -> None:
    caller.ask()

    assert outbox.last.locale == "vi"


@pytest.mark.parametrize(
    "lang", [5, True, 1.5, [], ["vi"], {}, "vi\0", "v" * 4097], ids=lambda lang: repr(lang)[:20]
)
def test_a_lang_that_is_no_text_is_malformed(lang: object, caller: EmailCaller, outbox: Outbox) -> None:
    answer = caller.ask(lang=lang)

    assert outcome(answer) == MALFORMED
    assert outbox.messages == []


def test_every_part_of_the_mail_shows_the_code_and_its_validity(caller: EmailCaller, outbox: Outbox) -> None:
    caller.ask(lang="en")
    mail = outbox.last

    assert mail.html is not None
    assert mail.code in mail.text
    assert mail.code in mail.html
    assert mail.code in mail.subject
    assert "5 minutes" in mail.text
    assert "5 minutes" in mail.html


def test_the_code_in_the_subject_is_a_setting(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(make_app(email_code_in_subject=False), outbox)

    caller.ask(lang="en")

    assert outbox.last.subject == "Your code for host"
    assert not re.search("[0-9]", outbox.last.subject)


def test_a_host_overrides_a_template_part_by_part(
    tmp_path: Path, make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "templates" / "otpauth" / "email"
    folder.mkdir(parents=True)
    (folder / "code.en.txt").write_text("Host says {{ code }}.", "utf-8")
    app = make_app()
    monkeypatch.setattr(app, "root_path", str(tmp_path))

    EmailCaller(app, outbox).ask(lang="en")

    assert outbox.last.text == f"Host says {outbox.last.code}."
    assert "Your code is" in (outbox.last.html or "")


def test_a_template_that_fails_uses_nothing_up(
    tmp_path: Path, make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "templates" / "otpauth" / "email"
    folder.mkdir(parents=True)
    (folder / "code.en.txt").write_text("{{ nobody.knows }}", "utf-8")
    app = make_app()
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    caller = EmailCaller(app, outbox)

    broken = [caller.ask(lang="en") for _ in range(10)]
    code = caller.fresh_code()
    caller.ask(lang="en")

    assert {(answer.status_code, *outcome(answer)) for answer in broken} == {(500, -6, "System error")}
    assert outcome(caller.verify(code)) == LOGIN


# -- to whom ---------------------------------------------------------------------------------


def test_the_mail_goes_to_the_accounts_stored_address(
    app: Flask, caller: EmailCaller, outbox: Outbox
) -> None:
    with app.app_context():
        new_row(app, email="Stored.Name@example.com")

    answer = caller.ask("STORED.NAME@example.com")

    assert outbox.last.recipient == "Stored.Name@example.com"
    assert answer.json["data"]["email"] == "STORED.NAME@example.com"
    assert (
        caller.verify(caller.code, "stored.name@example.com").json["data"]["email"]
        == "Stored.Name@example.com"
    )


@pytest.mark.parametrize(
    "address",
    [
        "no-at-sign",
        "@example.com",
        "user@",
        "user@@example.com",
        "user@example",
        "user@.com",
        "user@exa mple.com",
        "us er@example.com",
        "user@example.com, other@example.com",
        "user@example.com;other@example.com",
        "User <user@example.com>",
        '"user"@example.com',
        "user(comment)@example.com",
        "user@[127.0.0.1]",
        "user@example.com\r\nBcc: x@example.com",
        "user\0@example.com",
        "a" * 65 + "@example.com",
        "a" * 5000 + "@example.com",
        5,
        True,
        ["user@example.com"],
        {"email": "user@example.com"},
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("path", ["/request-otp", "/verify-otp"])
def test_what_is_no_address_is_invalid(
    path: str, address: object, caller: EmailCaller, outbox: Outbox
) -> None:
    answer = caller.post(path, {"email": address, "otpCode": "123456"})

    assert outcome(answer) == (-304, "Invalid email")
    assert outbox.messages == []


# -- accounts --------------------------------------------------------------------------------


def test_on_verify_requests_alone_fill_no_table(caller: EmailCaller, app: Flask) -> None:
    caller.ask()

    with app.app_context():
        assert users_of(app).find(ADDRESS) is None
        caller.verify(caller.code)
        assert users_of(app).find(ADDRESS).email_verified


def test_on_request_the_account_is_there_at_once_and_not_yet_verified(
    make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(email_create_user="on_request")
    caller = EmailCaller(app, outbox)

    caller.ask("New@Example.com")

    with app.app_context():
        user = users_of(app).find("new@example.com")
        assert not user.email_verified
        data = caller.verify(caller.code, "new@example.com").json["data"]
        assert data["userId"] == user.id
        assert users_of(app).find("new@example.com").email_verified


def closed_app(make_app: MakeApp, **settings: Any) -> Flask:
    """A host where nobody gets an account by asking."""
    return make_app(email_create_user=False, delivery="thread", **settings)


def drained(app: Flask) -> None:
    """Wait until everything is sent."""
    assert app.extensions["otpauth"].services.codes.messenger.delivery.drain(10)


def test_without_create_user_mails_must_be_sent_behind_the_answer(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_EMAIL_CREATE_USER.*OTPAUTH_DELIVERY"):
        make_app(email_create_user=False)


def test_without_create_user_a_known_address_logs_in(make_app: MakeApp, outbox: Outbox) -> None:
    app = closed_app(make_app)
    with app.app_context():
        users_of(app).create(email=ADDRESS)
    caller = EmailCaller(app, outbox)
    caller.ask()
    drained(app)

    assert outcome(caller.verify(caller.code)) == LOGIN


def history(caller: EmailCaller, clock: MovableClock) -> list[tuple[Any, ...]]:
    """Everything that somebody can learn who only guesses: statuses, bodies, waiting times."""
    answers = []
    for _ in range(4):
        answers += [caller.ask(), *(caller.verify("000000") for _ in range(6))]
        clock.tick(100)
    answers += [caller.ask() for _ in range(3)]
    clock.tick(301)
    answers += [caller.verify("000000")]
    return [(answer.status_code, answer.json, answer.headers.get("Retry-After")) for answer in answers]


def test_an_unknown_address_is_treated_like_a_known_one(
    make_app: MakeApp, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 123456)
    told_of = {}
    for who in ("known", "unknown", "disabled"):
        clock = MovableClock()
        app = closed_app(make_app, clock=clock, database_uri=f"sqlite:///{tmp_path / who}.sqlite")
        with app.app_context():
            if who != "unknown":
                user = users_of(app).create(email=ADDRESS)
            if who == "disabled":
                users_of(app).disable(user.id)
        told_of[who] = history(EmailCaller(app, outbox), clock)
        drained(app)

    assert told_of["unknown"] == told_of["known"]
    assert told_of["disabled"] == told_of["known"]


def test_an_unknown_address_gets_no_mail_and_no_guess_is_right(
    make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 123456)
    app = closed_app(make_app)
    caller = EmailCaller(app, outbox)

    assert outcome(caller.ask()) == SENT
    drained(app)
    assert outbox.messages == []
    assert [outcome(caller.verify("123456")) for _ in range(6)] == [WRONG] * 5 + [EXHAUSTED]
    with app.app_context():
        assert users_of(app).find(ADDRESS) is None


def test_a_disabled_account_gets_success_and_no_mail(
    app: Flask, caller: EmailCaller, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 123456)
    with app.app_context():
        users_of(app).disable(users_of(app).create(email=ADDRESS).id)

    assert outcome(caller.ask()) == SENT
    assert outbox.messages == []
    assert [outcome(caller.verify("123456")) for _ in range(6)] == [WRONG] * 5 + [EXHAUSTED]


def test_a_letter_that_is_withheld_is_written_all_the_same_since_writing_takes_time(
    app: Flask, caller: EmailCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        users_of(app).disable(users_of(app).create(email=ADDRESS).id)
    rendered: list[str] = []
    templates = app.extensions["otpauth"].services.codes.messenger.templates
    render = templates.render
    monkeypatch.setattr(
        templates, "render", lambda name, values: rendered.append(name) or render(name, values)
    )

    caller.ask()
    withheld, rendered[:] = list(rendered), []
    caller.ask("other@example.com")

    assert withheld == rendered != []


@pytest.mark.parametrize("create_user", ["on_verify", "on_request"])
def test_the_right_code_of_an_account_that_was_disabled_meanwhile_finds_no_user(
    create_user: str, make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(email_create_user=create_user)
    caller = EmailCaller(app, outbox)
    with app.app_context():
        user = users_of(app).create(email=ADDRESS)
        code = caller.fresh_code()
        users_of(app).disable(user.id)

    assert outcome(caller.verify(code)) == (-300, "User not found")
    assert outcome(caller.miss()) == WRONG


def test_an_account_that_is_enabled_again_logs_in(app: Flask, caller: EmailCaller) -> None:
    with app.app_context():
        user = users_of(app).create(email=ADDRESS)
        users_of(app).disable(user.id)
        users_of(app).enable(user.id)

    assert caller.login()["userId"] == user.id


# -- when it cannot be sent ------------------------------------------------------------------

FAILURES = [status for status in Status if status.is_definite_failure]


def answering(status: Status) -> Any:
    """A sender that always ends so."""
    return lambda message: Receipt(status)


def raising(error: BaseException) -> Any:
    """A sender that breaks."""

    def answer(message: Message) -> Receipt:
        raise error

    return answer


@pytest.mark.parametrize(
    "answer",
    [*(answering(status) for status in FAILURES), raising(RuntimeError("sender broke")), raising(OSError())],
)
def test_a_definite_failure_is_told_and_uses_nothing_up(
    answer: Any, caller: EmailCaller, outbox: Outbox
) -> None:
    outbox.answer = answer
    failed = [outcome(caller.ask()) for _ in range(10)]
    undelivered = caller.code
    outbox.answer = None

    assert failed == [NOT_SENT] * 10
    assert outcome(caller.verify(undelivered)) == WRONG
    assert [outcome(caller.ask()) for _ in range(6)] == [SENT] * 5 + [LIMITED]


def test_after_a_definite_failure_the_earlier_code_is_dead_all_the_same(
    caller: EmailCaller, outbox: Outbox
) -> None:
    code = caller.fresh_code()
    outbox.answer = answering(Status.REJECTED)
    caller.ask()

    assert outcome(caller.verify(code)) == WRONG


CUT_OFF = [raising(error) for error in (TimeoutError(), asyncio.CancelledError(), gevent.Timeout(1))]


@pytest.mark.parametrize("answer", [answering(Status.TIMEOUT), *CUT_OFF])
def test_an_unknown_outcome_is_answered_as_success_and_counts(
    answer: Any, caller: EmailCaller, outbox: Outbox
) -> None:
    outbox.answer = answer

    assert [outcome(caller.ask()) for _ in range(6)] == [SENT] * 5 + [LIMITED]
    assert outcome(caller.verify(caller.code)) == LOGIN


def test_a_thread_sends_behind_the_answer(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(delivery="thread")
    caller = EmailCaller(app, outbox)

    answer = caller.ask()
    drained(app)

    assert outcome(answer) == SENT
    assert outcome(caller.verify(caller.code)) == LOGIN


@pytest.mark.parametrize("answer", CUT_OFF)
def test_an_unknown_outcome_behind_the_answer_leaves_the_code_alive_and_counts(
    answer: Any, make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(delivery="thread")
    caller = EmailCaller(app, outbox)
    outbox.answer = answer
    heard: list[Status] = []

    with signals.code_sent.connected_to(lambda sender, receipt, **facts: heard.append(receipt.status), app):
        for _ in range(5):
            assert outcome(caller.ask()) == SENT
            drained(app)

    assert heard == [Status.TIMEOUT] * 5
    assert outcome(caller.ask()) == LIMITED
    assert outcome(caller.verify(caller.code)) == LOGIN


def test_a_failure_behind_the_answer_gives_nothing_back_since_that_would_tell_who_has_an_account(
    make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(delivery="thread")
    caller, answers = EmailCaller(app, outbox), []
    outbox.answer = answering(Status.UNAVAILABLE)
    for _ in range(6):
        answers.append(outcome(caller.ask()))
        drained(app)

    assert answers == [SENT] * 5 + [LIMITED]


class FullQueue:
    """A delivery that takes nothing."""

    def submit(self, parcel: object, send: object) -> None:
        return None

    def drain(self, timeout_seconds: float) -> bool:
        return True


def test_what_cannot_be_queued_is_told_as_not_sent(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(make_app(delivery=FullQueue()), outbox)

    assert [outcome(caller.ask()) for _ in range(10)] == [NOT_SENT] * 10
