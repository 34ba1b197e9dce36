from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import flask_mail
import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.senders import MailSender, Message, Receipt, Status
from tests.adapters.senders.mail_server import CLOSE, HANG, Behavior, StartServer, Tls
from tests.hosts import SECRET_KEY

#: Long enough for an exchange on the loopback interface. A server that hangs is given up after it.
PATIENT = 10.0
HASTY = 1.0

Send = Callable[..., Receipt]


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "channel": "email",
        "recipient": "user@example.com",
        "code": "012345",
        "text": "Your code is 012345.",
        "html": "<p>Your code is <b>012345</b>.</p>",
        "subject": "012345 is your code",
    }
    return Message(**{**values, **changes})


def app_with(port: int, **config: Any) -> Flask:
    app = Flask("host")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, MAIL_DEFAULT_SENDER="codes@example.com")
    app.config.update(config)
    flask_mail.Mail(app)
    return app


def send(app: Flask, letter: Message | None = None, **options: Any) -> Receipt:
    options.setdefault("total_seconds", PATIENT)
    with app.app_context():
        return MailSender(app.extensions["mail"], **options).send(letter or message())


def test_a_mail_has_a_text_and_an_html_part_of_one_meaning(start_server: StartServer) -> None:
    server = start_server()

    receipt = send(app_with(server.port))

    mail = server.mail
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert receipt.status is Status.ACCEPTED
    assert receipt.provider_id == mail["Message-ID"]
    assert text is not None
    assert text.get_content().strip() == "Your code is 012345."
    assert html is not None
    assert html.get_content().strip() == "<p>Your code is <b>012345</b>.</p>"
    assert [part.get_content_type() for part in mail.walk()].count("multipart/alternative") == 1


def test_the_headers_say_whom_it_is_from_and_that_nobody_need_answer(start_server: StartServer) -> None:
    server = start_server()

    send(app_with(server.port))

    mail = server.mail
    assert mail["Subject"] == "012345 is your code"
    assert mail["From"] == "codes@example.com"
    assert mail["To"] == "user@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.com>")
    assert server.envelopes[0].mail_from == "codes@example.com"


def test_a_mail_without_html_is_plain_text(start_server: StartServer) -> None:
    server = start_server()

    send(app_with(server.port), message(html=None))

    assert server.mail.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Mã xác thực của bạn là 012345", "Mã của bạn là 012345, có hiệu lực trong 5 phút."),
        ("ລະຫັດຂອງທ່ານແມ່ນ 012345", "ລະຫັດຂອງທ່ານແມ່ນ 012345 ໃຊ້ໄດ້ 5 ນາທີ."),
        ("long lines", "word " * 400),
    ],
)
def test_text_of_any_script_and_length_arrives_and_travels_as_seven_bits(
    start_server: StartServer, subject: str, text: str
) -> None:
    server = start_server()

    receipt = send(app_with(server.port), message(subject=subject, text=text, html=f"<p>{text}</p>"))

    mail, raw = server.mail, server.envelopes[0].content
    body = mail.get_body(("plain",))
    assert receipt.status is Status.ACCEPTED
    assert mail["Subject"] == subject
    assert body is not None
    assert body.get_content().strip() == text.strip()
    assert isinstance(raw, bytes)
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998


def test_a_sender_with_a_name_that_needs_quoting_is_kept_whole(start_server: StartServer) -> None:
    server = start_server()

    send(app_with(server.port, MAIL_DEFAULT_SENDER=("Công ty, Ltd", "codes@example.com")))

    assert server.mail["From"].addresses[0].display_name == "Công ty, Ltd"
    assert server.mail["From"].addresses[0].addr_spec == "codes@example.com"


NAMES = [
    "Shop",
    "Example Bank",
    "Công ty Cổ phần Hoa Sen",
    "Công ty Cổ phần Thương mại Dịch vụ Hoa Sen, chi nhánh Hà Nội",
    "ບໍລິສັດ ຂາຍເຄື່ອງ ຈຳກັດ",
    "ບໍລິສັດ ຂາຍເຄື່ອງ ຈຳກັດ ຜູ້ດຽວ ນະຄອນຫຼວງວຽງຈັນ",
    "A" * 67,
    "A" * 300,
    "Trees, Rivers; and <Hills> (Ltd) " * 4 + "end",
    'The "best" \\ shop',
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20])
@pytest.mark.parametrize("kind", [tuple, list])
def test_the_name_of_the_sender_is_shown_as_it_was_given_in_lines_that_every_server_takes(
    name: str, kind: Callable[[tuple[str, str]], object], start_server: StartServer
) -> None:
    server = start_server()

    receipt = send(app_with(server.port, MAIL_DEFAULT_SENDER=kind((name, "codes@example.com"))))

    raw = server.envelopes[0].content
    assert isinstance(raw, bytes)
    head = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    (from_,) = (line.decode("ascii") for line in head if line.startswith(b"From: "))
    shown, address = parseaddr(from_.removeprefix("From: "))
    assert receipt.status is Status.ACCEPTED
    assert str(make_header(decode_header(shown))) == name
    assert address == server.envelopes[0].mail_from == "codes@example.com"
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_a_name_within_the_text_of_the_setting_is_shown_as_well(start_server: StartServer) -> None:
    server = start_server()

    send(app_with(server.port, MAIL_DEFAULT_SENDER='"Hoa Sen, Hà Nội" <codes@example.com>'))

    assert server.mail["From"].addresses[0].display_name == "Hoa Sen, Hà Nội"


@pytest.mark.parametrize("subject", ["word " * 60 + "end", "mã xác thực, " * 30 + "hết", "ລະຫັດ" * 60])
def test_a_subject_of_any_length_arrives(subject: str, start_server: StartServer) -> None:
    server = start_server()

    send(app_with(server.port), message(subject=subject))

    assert server.mail["Subject"] == subject


def test_the_longest_address_is_not_broken(start_server: StartServer) -> None:
    server = start_server()
    longest = "a" * 64 + "@" + ".".join(["b" * 61] * 3) + ".org"

    send(app_with(server.port), message(recipient=longest))

    assert server.envelopes[0].rcpt_tos == [longest]
    assert server.mail["To"] == longest


def test_the_stored_address_is_written_to_as_it_is_but_for_its_domain(start_server: StartServer) -> None:
    server = start_server()

    send(app_with(server.port), message(recipient="Jane.Doe@straße.example.com"))

    assert server.envelopes[0].rcpt_tos == ["Jane.Doe@xn--strae-oqa.example.com"]


@pytest.mark.parametrize(
    ("behavior", "status"),
    [
        (Behavior(at_rcpt="550 5.1.1 no such user"), Status.INVALID_RECIPIENT),
        (Behavior(at_rcpt="553 mailbox name not allowed"), Status.INVALID_RECIPIENT),
        (Behavior(at_rcpt="554 5.7.1 relay access denied"), Status.REJECTED),
        (Behavior(at_rcpt="530 5.7.0 authentication required"), Status.AUTH_ERROR),
        (Behavior(at_rcpt="450 greylisted"), Status.UNAVAILABLE),
        (Behavior(at_rcpt="421 shutting down"), Status.UNAVAILABLE),
        (Behavior(at_mail="451 try later"), Status.UNAVAILABLE),
        (Behavior(at_mail="550 sender not allowed"), Status.REJECTED),
        (Behavior(at_dot="421 shutting down"), Status.UNAVAILABLE),
        (Behavior(at_dot="451 try later"), Status.UNAVAILABLE),
        (Behavior(at_dot="552 too large"), Status.REJECTED),
        (Behavior(at_dot="554 looks like spam"), Status.REJECTED),
        (Behavior(at_dot="251 will forward"), Status.ACCEPTED),
    ],
)
def test_what_the_server_answers_decides(
    start_server: StartServer, behavior: Behavior, status: Status
) -> None:
    server = start_server(behavior)

    receipt = send(app_with(server.port))

    assert receipt.status is status


@pytest.mark.parametrize("at_rcpt", [HANG, CLOSE])
def test_a_server_lost_before_the_final_dot_certainly_has_no_message(
    start_server: StartServer, at_rcpt: str
) -> None:
    server = start_server(Behavior(at_rcpt=at_rcpt))

    receipt = send(app_with(server.port), total_seconds=HASTY)

    assert receipt.status is Status.UNAVAILABLE


@pytest.mark.parametrize("at_dot", [HANG, CLOSE, "what?"])
def test_a_server_lost_after_the_final_dot_may_have_the_message(
    start_server: StartServer, at_dot: str
) -> None:
    server = start_server(Behavior(at_dot=at_dot))

    receipt = send(app_with(server.port), total_seconds=HASTY)

    assert receipt.status is Status.TIMEOUT


@pytest.mark.parametrize("at_quit", [CLOSE, "421 no goodbye"])
def test_a_failing_goodbye_takes_nothing_back(start_server: StartServer, at_quit: str) -> None:
    server = start_server(Behavior(at_quit=at_quit))

    receipt = send(app_with(server.port))

    assert receipt.status is Status.ACCEPTED
    assert len(server.envelopes) == 1


def test_a_server_that_takes_no_connection_is_unavailable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        closed_port = listener.getsockname()[1]

    receipt = send(app_with(closed_port))

    assert receipt.status is Status.UNAVAILABLE


def test_a_server_that_never_greets_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        receipt = send(app_with(listener.getsockname()[1]), total_seconds=HASTY)

    assert receipt.status is Status.UNAVAILABLE


def test_a_host_whose_name_is_unknown_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*given: object, **options: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)

    receipt = send(app_with(25))

    assert receipt.status is Status.UNAVAILABLE


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(("accepts", "status"), [(True, Status.ACCEPTED), (False, Status.AUTH_ERROR)])
def test_the_account_of_the_settings_is_logged_in_to(
    start_server: StartServer, accepts: bool, status: Status
) -> None:
    behavior = Behavior(accepts_password=accepts)
    server = start_server(behavior, auth_required=True, auth_require_tls=False)

    receipt = send(app_with(server.port, MAIL_USERNAME="robot", MAIL_PASSWORD="pass-word"))

    assert receipt.status is status


def test_starttls_is_spoken_where_it_is_asked_for(start_server: StartServer, tls: Tls) -> None:
    server = start_server(tls_context=tls.server, require_starttls=True)

    receipt = send(app_with(server.port, MAIL_USE_TLS=True), tls=tls.client)

    assert receipt.status is Status.ACCEPTED


def test_tls_from_the_first_byte_is_spoken_where_it_is_asked_for(
    start_server: StartServer, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # aiosmtpd connects to itself when it starts, and would not trust the certificate.
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: tls.client)
    server = start_server(ssl_context=tls.server)

    receipt = send(app_with(server.port, MAIL_USE_SSL=True), tls=tls.client)

    assert receipt.status is Status.ACCEPTED


def test_a_server_without_starttls_gets_nothing_in_the_clear(start_server: StartServer) -> None:
    server = start_server()

    receipt = send(app_with(server.port, MAIL_USE_TLS=True, MAIL_USERNAME="robot", MAIL_PASSWORD="pass-word"))

    assert receipt.status is Status.UNAVAILABLE
    assert server.envelopes == []


def test_a_server_that_does_not_speak_tls_from_the_first_byte_gets_nothing(
    start_server: StartServer,
) -> None:
    server = start_server()

    receipt = send(app_with(server.port, MAIL_USE_SSL=True), total_seconds=HASTY)

    assert receipt.status is Status.UNAVAILABLE
    assert server.envelopes == []


def test_a_server_that_nobody_vouches_for_gets_nothing(start_server: StartServer, tls: Tls) -> None:
    server = start_server(tls_context=tls.server, require_starttls=True)

    receipt = send(app_with(server.port, MAIL_USE_TLS=True))

    assert receipt.status is Status.UNAVAILABLE
    assert receipt.detail == "SSLCertVerificationError"
    assert server.envelopes == []


@pytest.mark.parametrize(
    "recipient",
    [
        "ſam@example.com",
        "user@example.com\r\nBcc: eve@example.com",
        "a@example.com, b@example.com",
        "nobody",
        "",
    ],
)
def test_what_smtp_does_not_take_is_refused_before_anything_is_sent(
    start_server: StartServer, recipient: str
) -> None:
    server = start_server()

    receipt = send(app_with(server.port), message(recipient=recipient))

    assert receipt.status is Status.INVALID_RECIPIENT
    assert server.envelopes == []


def test_a_line_break_in_the_subject_is_never_sent(start_server: StartServer) -> None:
    server = start_server()

    receipt = send(app_with(server.port), message(subject="your code\r\nBcc: eve@example.com"))

    assert receipt.status is Status.REJECTED
    assert server.envelopes == []


def test_mail_debug_does_not_print_the_dialogue(
    start_server: StartServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server = start_server()

    receipt = send(app_with(server.port, MAIL_DEBUG=True))

    assert receipt.status is Status.ACCEPTED
    assert "012345" not in "".join(capfd.readouterr())


@pytest.fixture
def dispatched() -> Iterator[list[flask_mail.Message]]:
    heard: list[flask_mail.Message] = []

    def listen(app: Flask, message: flask_mail.Message) -> None:
        heard.append(message)

    with flask_mail.email_dispatched.connected_to(listen):
        yield heard


def test_flask_mails_signal_tells_of_an_accepted_mail(
    start_server: StartServer, dispatched: list[flask_mail.Message]
) -> None:
    server = start_server()

    send(app_with(server.port))

    assert [mail.recipients for mail in dispatched] == [["user@example.com"]]
    assert len(server.envelopes) == 1


def test_flask_mails_signal_does_not_tell_of_a_refused_mail(
    start_server: StartServer, dispatched: list[flask_mail.Message]
) -> None:
    server = start_server(Behavior(at_dot="554 no"))

    send(app_with(server.port))

    assert dispatched == []


def test_suppressed_mail_is_told_of_and_not_sent(
    start_server: StartServer, dispatched: list[flask_mail.Message]
) -> None:
    server = start_server()

    receipt = send(app_with(server.port, MAIL_SUPPRESS_SEND=True))

    assert receipt.status is Status.ACCEPTED
    assert len(dispatched) == 1
    assert server.envelopes == []


def test_a_listener_that_fails_does_not_take_the_mail_back(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server()

    def fail(app: Flask, message: flask_mail.Message) -> None:
        raise RuntimeError(message.body)

    with flask_mail.email_dispatched.connected_to(fail), caplog.at_level(logging.DEBUG, "flask_otpauth"):
        receipt = send(app_with(server.port))

    assert receipt.status is Status.ACCEPTED
    assert "RuntimeError" in caplog.text
    assert "012345" not in caplog.text


def test_the_mail_object_serves_as_well_as_its_state(start_server: StartServer) -> None:
    server = start_server()
    app = app_with(server.port)

    with app.app_context():
        receipt = MailSender(flask_mail.Mail(app)).send(message())

    assert receipt.status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({"MAIL_DEFAULT_SENDER": "codes@example.com"}, []),
        ({"MAIL_DEFAULT_SENDER": ("Codes", "codes@example.com")}, []),
        ({"MAIL_DEFAULT_SENDER": ["Codes", "codes@example.com"]}, []),
        ({}, ["MAIL_DEFAULT_SENDER"]),
        ({"MAIL_DEFAULT_SENDER": "Codes"}, ["MAIL_DEFAULT_SENDER"]),
        ({"MAIL_DEFAULT_SENDER": ("Codes", "codes")}, ["MAIL_DEFAULT_SENDER"]),
        ({"MAIL_DEFAULT_SENDER": 7}, ["MAIL_DEFAULT_SENDER"]),
        (
            {"MAIL_DEFAULT_SENDER": ("Codes\nBcc: eve@example.com", "codes@example.com")},
            ["MAIL_DEFAULT_SENDER"],
        ),
        ({"MAIL_DEFAULT_SENDER": "kodé@example.com"}, ["MAIL_DEFAULT_SENDER"]),
        ({"MAIL_DEFAULT_SENDER": "codes@example.com", "MAIL_USERNAME": None, "MAIL_PASSWORD": "1"}, []),
        (
            {"MAIL_DEFAULT_SENDER": "codes@example.com", "MAIL_USERNAME": 7, "MAIL_PASSWORD": 12345678},
            ["MAIL_USERNAME", "MAIL_PASSWORD"],
        ),
        ({"MAIL_DEFAULT_SENDER": "codes@example.com", "MAIL_PASSWORD": True}, ["MAIL_PASSWORD"]),
        (
            {"MAIL_DEFAULT_SENDER": "codes@example.com", "MAIL_USE_TLS": True, "MAIL_USE_SSL": True},
            ["MAIL_USE_SSL"],
        ),
    ],
)
def test_settings_that_cannot_work_are_named(config: dict[str, Any], keys: list[str]) -> None:
    problems = MailSender.problems(config)

    assert [problem.partition(":")[0] for problem in problems] == keys


def test_a_password_that_the_environment_made_a_number_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLASK_MAIL_PASSWORD", "12345678")
    app = Flask("host")
    app.config.from_prefixed_env()
    app.config.update(SECRET_KEY=SECRET_KEY, MAIL_DEFAULT_SENDER="codes@example.com")

    with pytest.raises(ConfigurationError, match="MAIL_PASSWORD: expected a string") as told:
        OtpAuth(app)

    assert "12345678" not in str(told.value)


# -- the machine that sends ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["büro.example.com", "büro", "bu\udcfcro.example.com", "a_b c", "", "x" * 70]
)
def test_a_machine_of_any_name_sends_mail(
    name: str, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server(server_hostname="mail.test")
    monkeypatch.setattr(socket, "getfqdn", lambda *given: name)
    monkeypatch.setattr(socket, "gethostname", lambda: name)

    receipt = send(app_with(server.port))

    assert receipt.status is Status.ACCEPTED
    assert server.mail["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("mail.example.com", "mail.example.com"),
        ("büro.example.com", "xn--bro-hoa.example.com"),
        ("web1", "[127.0.0.1]"),
    ],
)
def test_the_machine_greets_by_a_name_that_smtp_knows(
    name: str, greeting: str, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server(server_hostname="mail.test")
    monkeypatch.setattr(socket, "getfqdn", lambda *given: name)

    send(app_with(server.port))

    assert server.behavior.greetings == [greeting]


# -- a mail server with several addresses ----------------------------------------------------


def test_the_second_address_of_a_mail_server_is_tried_while_there_is_time(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server()
    with socket.socket() as hole:
        hole.bind(("127.0.0.2", server.port))
        hole.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.2", server.port))
        resolved = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, server.port))
            for ip in ("127.0.0.2", "127.0.0.1")
        ]
        known = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *a, **k: resolved if host == "mail.test" else known(host, *a, **k),
        )

        receipt = send(app_with(server.port, MAIL_SERVER="mail.test"), connect_seconds=HASTY)

        for each in waiting:
            each.close()
    assert receipt.status is Status.ACCEPTED
    assert len(server.envelopes) == 1
