"""The README's promises: its app runs as it is shown, its commands are there, its tables are true."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from sqlalchemy import MetaData, create_engine

from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import Shared
from flask_otpauth.settings.described import describe
from tests.adapters.databases import postgresql_schema
from tests.adapters.senders.conftest import LoopbackController
from tests.docs.shell import replaced
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def block(marker: str) -> str:
    """The fenced block behind ``<!-- marker -->``."""
    found = re.findall(rf"^<!-- {marker} -->\n```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"README.md must have one block marked {marker!r}"
    return str(found[0])


class Mailbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"

    def code(self) -> str:
        """The code in the only mail."""
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        body = message_from_bytes(envelope.content, policy=policy.default).get_body(("plain",))
        assert body is not None
        (code,) = re.findall(r"\b[0-9]{6}\b", body.get_content())
        return str(code)


@pytest.fixture
def mail_port(mailbox: Mailbox) -> Iterator[int]:
    """Where a real mail server listens."""
    controller = LoopbackController(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@dataclass
class Server:
    """A running app: where it listens, and, once it has ended, all that it printed."""

    address: str
    printed: str = ""


@contextmanager
def running(commands: str, folder: Path) -> Iterator[Server]:
    """Run these commands of a shell, the last of which is ``flask run``."""
    port = free_port()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FLASK_RUN_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        **{name: value for name, value in os.environ.items() if name.startswith("PG")},
    }
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    server = Server(f"127.0.0.1:{port}")
    try:
        while "Running on" not in server.printed:
            line = process.stdout.readline()
            assert line, server.printed
            server.printed += line
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        server.printed += process.communicate()[0]


def curl(line: str) -> dict[str, Any]:
    """What a line that calls ``curl`` is answered."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The database that the shop is configured with."""
    if request.param == "sqlite":
        yield "sqlite:///shop.sqlite"
        return
    with postgresql_schema() as url:
        yield url


def test_the_app_of_the_readme_logs_in_by_curl(
    tmp_path: Path, mailbox: Mailbox, mail_port: int, database: str
) -> None:
    (tmp_path / "shop.py").write_text(block("embed"))
    commands = replaced(
        block("configure"),
        ("postgresql+psycopg://shop@127.0.0.1/shop", database),
        ("FLASK_MAIL_PORT=25", f"FLASK_MAIL_PORT={mail_port}"),
    )
    request, verify, use = block("log in").splitlines()

    with running(commands, tmp_path) as server:
        here = ("127.0.0.1:5000", server.address)
        requested = curl(replaced(request, here))
        verified = curl(replaced(verify, here, ("123456", mailbox.code())))
        used = curl(replaced(use, here, ("eyJ…", verified["data"]["accessToken"])))

    assert requested["message"] == "OTP sent successfully"
    assert verified["message"] == "Login successful"
    assert used == {"email": "you@example.com"}
    assert mailbox.envelopes[0].mail_from == "shop@example.com"


def test_without_a_mail_server_the_code_is_printed_in_debug_mode(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(block("embed"))
    lines = [line for line in block("configure").splitlines() if "FLASK_MAIL" not in line]
    commands = replaced(
        "\n".join(lines),
        ("postgresql+psycopg://shop@127.0.0.1/shop", "sqlite:///shop.sqlite"),
        ("flask --app shop run", "flask --app shop run --debug"),
    )
    request = block("log in").splitlines()[0]

    with running(commands, tmp_path) as server:
        answer = curl(replaced(request, ("127.0.0.1:5000", server.address)))

    assert answer["message"] == "OTP sent successfully"
    assert re.search(r"\byou@example\.com\b.*\b[0-9]{6}\b", server.printed, re.DOTALL)


@pytest.mark.parametrize(
    ("line", "first_session"),
    [
        ("", {"code": -1, "message": "Unauthorized", "data": {}}),
        ("export FLASK_OTPAUTH_EMAIL_SINGLE_SESSION=false\n", {"email": "you@example.com"}),
    ],
)
def test_a_second_login_ends_the_first_session_unless_the_setting_allows_both(
    tmp_path: Path, mailbox: Mailbox, mail_port: int, line: str, first_session: dict[str, Any]
) -> None:
    (tmp_path / "shop.py").write_text(block("embed"))
    commands = line + replaced(
        block("configure"),
        ("postgresql+psycopg://shop@127.0.0.1/shop", "sqlite:///shop.sqlite"),
        ("FLASK_MAIL_PORT=25", f"FLASK_MAIL_PORT={mail_port}"),
    )
    request, verify, use = block("log in").splitlines()
    tokens = []

    with running(commands, tmp_path) as server:
        here = ("127.0.0.1:5000", server.address)
        for _ in ("laptop", "phone"):
            curl(replaced(request, here))
            verified = curl(replaced(verify, here, ("123456", mailbox.code())))
            tokens.append(verified["data"]["accessToken"])
            mailbox.envelopes.clear()
        laptop, phone = (curl(replaced(use, here, ("eyJ…", token))) for token in tokens)

    assert "`OTPAUTH_EMAIL_SINGLE_SESSION = False`" in README
    assert laptop == first_session
    assert phone == {"email": "you@example.com"}


def rows(url: str) -> dict[str, list[Any]]:
    """All that a database has, by table."""
    engine, there = create_engine(url), MetaData()
    there.reflect(engine)
    with engine.connect() as connection:
        found = {name: list(connection.execute(table.select())) for name, table in there.tables.items()}
    engine.dispose()
    return found


def test_the_example_app_in_the_same_shell_leaves_the_shop_alone(tmp_path: Path, database: str) -> None:
    database = database.replace("sqlite:///", f"sqlite:///{tmp_path}/")
    (tmp_path / "shop.py").write_text(
        f"{block('embed')}\nwith app.app_context():\n    otpauth.users.create(email='you@example.com')\n"
    )
    shutil.copytree(ROOT / "example_app", tmp_path / "example_app", ignore=shutil.ignore_patterns("instance"))
    configured = replaced(block("configure"), ("postgresql+psycopg://shop@127.0.0.1/shop", database))
    with running(configured, tmp_path):
        before = rows(database)

    with running(replaced(configured, ("--app shop", "--app example_app")), tmp_path) as server:
        address = f"http://{server.address}"
        keys = curl(f"curl -s {address}/keys.json")
        started_over = curl(f"curl -s {address}/backend/start-over --json '{{}}'")

    assert sum(map(len, before.values())) > 0
    assert rows(database) == before
    assert started_over == {"status": "ok"}
    assert keys["clients"]["sms"]["secret"]


def test_the_app_of_the_readme_has_fifteen_lines() -> None:
    assert len(block("embed").splitlines()) == 15


def test_the_commands_of_the_readme_are_one_line_each() -> None:
    run, test = block("run"), block("test")

    assert run == (
        "python3 -m venv .venv && .venv/bin/pip install -e '.[http,crypto]' && "
        ".venv/bin/flask --app example_app run\n"
    )
    assert test == "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest\n"


def test_the_test_command_is_where_ci_looks_for_it() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    (extraction,) = re.findall(r"command=\$\((awk .*)\)$", script, re.MULTILINE)

    done = subprocess.run(["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == block("test")


def test_the_settings_table_tells_the_defaults() -> None:
    rows = re.findall(r"^\| `(OTPAUTH_\w+)` \| `(.*?)` \|", README, re.MULTILINE)
    defaults = {each.key: each.default for each in describe(Shared, "")}
    for name, flow in FLOWS.items():
        defaults |= {each.key: each.default for each in describe(flow.settings, f"{name.upper()}_")}

    assert len(rows) >= 9
    assert {key: defaults.get(key) for key, _ in rows} == dict(rows)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_a_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()
