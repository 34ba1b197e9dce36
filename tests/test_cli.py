"""The commands ``flask otpauth …``: what they do, and what they print."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from time import monotonic
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, event, inspect

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.cli import otpauth
from flask_otpauth.cli.upkeep import PAUSE_SECONDS
from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import Shared
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.testing.storage_contract.samples import one_row
from tests.hosts import SECRET_KEY, MakeApp

#: ``run("users", "show", "1")`` returns the result of a command that must succeed.
Run = Callable[..., Result]
FLASK = str(Path(sys.executable).with_name("flask"))

HOST = f"""
from flask import Flask
from flask_otpauth import OtpAuth
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage

app = Flask(__name__)
app.config.update(SECRET_KEY={SECRET_KEY!r}, OTPAUTH_SENDERS={{"email": "console"}})
app.config.from_prefixed_env()
OtpAuth(app)
"""


def invoke(app: Flask, *words: str, **options: Any) -> Result:
    """Run ``flask otpauth`` with these arguments."""
    return app.test_cli_runner().invoke(otpauth, list(words), **options)


@pytest.fixture
def run(app: Flask) -> Run:
    def succeed(*words: str, **options: Any) -> Result:
        result = invoke(app, *words, **options)
        assert result.exit_code == 0, result.output
        return result

    return succeed


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def rows(result: Result) -> list[dict[str, Any]]:
    """Return what a command printed with ``--json``."""
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def log_in(client: FlaskClient, outbox: Outbox, email: str) -> dict[str, str]:
    """Log in, and return the header with the access token."""
    client.post("/apis/auth/request-otp", json={"email": email})
    answer = client.post("/apis/auth/verify-otp", json={"email": email, "otpCode": outbox.last.code})
    assert answer.json is not None
    return {"Authorization": f"Bearer {answer.json['data']['accessToken']}"}


# -- as a plugin of every host ----------------------------------------------------------------


def test_the_commands_come_without_what_they_need_once_they_run() -> None:
    script = """
        import sys, flask.cli
        before = set(sys.modules)
        import flask_otpauth.cli
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(*(name for name in new - sys.stdlib_module_names if name[0] != "_"))
    """

    done = subprocess.run([sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["flask_otpauth"]


def test_a_broken_library_below_us_breaks_no_command_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ImportError('a broken installation')")
    (tmp_path / "shop.py").write_text("from flask import Flask\napp = Flask(__name__)\n")

    done = subprocess.run(
        [FLASK, "--app", "shop", "routes"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "static" in done.stdout
    assert "broken" not in done.stderr


def test_flask_itself_finds_the_commands(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(HOST)

    def flask(*words: str) -> str:
        command = [FLASK, "--app", "shop", "otpauth", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    flask("init-db")
    flask("users", "create", "--email", "user@example.com")
    shown = flask("users", "show", "user@example.com", "--json")

    assert json.loads(shown)[0]["email"] == "user@example.com"


def test_a_configuration_that_cannot_work_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(HOST)

    done = subprocess.run(
        [FLASK, "--app", "shop", "otpauth", "flows"],
        cwd=tmp_path,
        env={"FLASK_OTPAUTH_EMAIL_CODE_TTL": "601"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: flask_otpauth cannot start:",
        "OTPAUTH_EMAIL_CODE_TTL: must not exceed 600 seconds (NIST SP 800-63B-4 §3.1.3.2)",
    ]


def test_an_app_without_otpauth_is_told_what_to_do() -> None:
    result = invoke(Flask("host"), "flows")

    assert result.exit_code == 1
    assert result.output == "Error: OtpAuth is not initialized for this app: call otpauth.init_app(app)\n"


# -- tables -----------------------------------------------------------------------------------


def bare_app(path: Path) -> Flask:
    """Return an app without tables."""
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_SENDERS={"email": "memory"})
    app.config["OTPAUTH_DATABASE_URI"] = f"sqlite:///{path}"
    OtpAuth(app)
    return app


def test_init_db_makes_the_tables_and_may_be_run_again(tmp_path: Path) -> None:
    app = bare_app(tmp_path / "shop.sqlite")

    results = [invoke(app, "init-db") for _ in range(2)]

    assert [result.output for result in results] == ["Tables created.\n"] * 2
    tables = inspect(create_engine(app.config["OTPAUTH_DATABASE_URI"])).get_table_names()
    assert "otpauth_users" in tables
    assert len(tables) > 1


def test_missing_tables_are_told_with_the_command_that_makes_them(tmp_path: Path) -> None:
    app = bare_app(tmp_path / "shop.sqlite")

    result = invoke(app, "users", "show", "user@example.com")

    assert result.exit_code == 1
    assert result.output == (
        "Error: a table is missing: run `flask otpauth init-db`, or your migrations"
        " (no such table: otpauth_users)\n"
    )


# -- users ------------------------------------------------------------------------------------


def test_a_user_is_created_and_shown_by_every_name(run: Run) -> None:
    created = run(
        *("users", "create", "--email", "User@Example.com", "--phone", "+84 98 765 4321"),
        *("--member-id", "M-7", "--full-name", "Nguyễn Văn A", "--json"),
    )
    (user,) = rows(created)

    assert user == {
        "id": user["id"],
        "email": "user@example.com",
        "phone": "+84987654321",
        "member_id": "M-7",
        "full_name": "Nguyễn Văn A",
        "is_enabled": True,
        "email_verified": False,
        "phone_verified": False,
    }
    for name in ("user@example.com", "+84987654321", "M-7", str(user["id"])):
        assert rows(run("users", "show", name, "--json")) == [user]


def test_a_user_is_shown_to_people_on_one_line(run: Run) -> None:
    run("users", "create", "--email", "user@example.com")

    shown = run("users", "show", "user@example.com").output

    assert shown.startswith(
        "id=1  email=user@example.com  phone=-  member_id=-  full_name=-  is_enabled=True"
    )
    assert shown.count("\n") == 1


def test_creating_a_user_again_is_an_error_that_changes_nobody(app: Flask, run: Run) -> None:
    first = rows(run("users", "create", "--email", "user@example.com", "--json"))

    words = ("--email", "USER@example.com", "--full-name", "Eve", "--password", "p4ss")
    again = invoke(app, "users", "create", *words)

    assert (again.exit_code, again.output) == (1, "Error: another user has this e-mail address\n")
    assert rows(run("users", "show", "user@example.com", "--json")) == first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give --email, --phone or --member-id"),
        (["--full-name", "A"], "give --email, --phone or --member-id"),
        (["--email", "nobody"], "Error: "),
        (["--phone", "12"], "Error: "),
    ],
)
def test_what_names_nobody_creates_nobody(app: Flask, words: list[str], told: str) -> None:
    result = invoke(app, "users", "create", *words)

    assert result.exit_code in (1, 2)
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_password_is_asked_for_and_never_shown(app: Flask, run: Run) -> None:
    done = run(
        "users", "create", "--email", "user@example.com", "--password", "-", input="correct horse\n" * 2
    )

    assert "correct horse" not in done.output
    with app.app_context():
        secret = app.extensions["test_otpauth"].clients.create("shop", flows=("account",)).secret
    answer = app.test_client().post(
        "/api/auth/validate-password",
        json={"user": "user@example.com", "password": "correct horse"},
        headers={"Authorization": f"Token {secret}"},
    )
    assert answer.json == {"status": "ok"}


def test_an_unknown_user_is_told(app: Flask) -> None:
    for verb in ("show", "disable", "enable", "delete"):
        result = invoke(app, "users", verb, "nobody@example.com")

        assert result.exit_code == 1
        assert result.output == "Error: no user, or more than one, matches 'nobody@example.com'\n"


def test_deleting_a_user_ends_their_sessions_and_leaves_nobody(
    app: Flask, run: Run, client: FlaskClient, outbox: Outbox
) -> None:
    token = log_in(client, outbox, "user@example.com")

    deleted = run("users", "delete", "user@example.com")

    assert deleted.output == "User 1 is deleted.\n"
    assert client.post("/apis/auth/logout", headers=token).status_code == 401
    assert invoke(app, "users", "show", "1").exit_code == 1
    run("users", "create", "--email", "user@example.com")


def test_disabling_a_user_ends_their_sessions_and_enabling_lets_them_in_again(
    run: Run, client: FlaskClient, outbox: Outbox
) -> None:
    token = log_in(client, outbox, "user@example.com")

    disabled = run("users", "disable", "user@example.com")
    refused = client.post("/apis/auth/logout", headers=token)
    enabled = run("users", "enable", "user@example.com")
    again = client.post("/apis/auth/logout", headers=log_in(client, outbox, "user@example.com"))

    assert disabled.output == "User 1 is disabled. All sessions are revoked.\n"
    assert refused.status_code == 401
    assert enabled.output == "User 1 is enabled.\n"
    assert again.status_code == 200


# -- locks and old rows -----------------------------------------------------------------------


def guess_until_locked(client: FlaskClient, outbox: Outbox) -> None:
    """Use up the guess budget of an address."""
    for _ in range(3):
        client.post("/apis/auth/request-otp", json={"email": "user@example.com"})
        wrong = "000000" if outbox.last.code != "000000" else "111111"
        for _ in range(5):
            client.post("/apis/auth/verify-otp", json={"email": "user@example.com", "otpCode": wrong})


def request(client: FlaskClient) -> str:
    """Request a code, and return the response."""
    answer = client.post("/apis/auth/request-otp", json={"email": "user@example.com"})
    assert answer.json is not None
    return str(answer.json["message"])


@pytest.mark.parametrize("name", ["user@example.com", "USER@example.com"])
def test_unlock_lifts_the_lock_of_an_address(
    run: Run, client: FlaskClient, outbox: Outbox, name: str
) -> None:
    guess_until_locked(client, outbox)
    locked = request(client)

    told = run("unlock", name).output

    assert locked == "Too many OTP requests"
    assert told.splitlines()[0] == "user@example.com: guesses of email: unlocked"
    assert request(client) == "OTP sent successfully"


def test_unlocking_nobody_is_told(app: Flask) -> None:
    result = invoke(app, "unlock", "nobody")

    assert result.exit_code == 1
    assert result.output == "Error: 'nobody' was not locked\n"


def test_purge_deletes_what_nothing_has_needed_for_so_long(
    run: Run, client: FlaskClient, outbox: Outbox, clock: MovableClock
) -> None:
    log_in(client, outbox, "user@example.com")
    young = run("purge", "--older-than", "5 weeks").output

    clock.tick(days=400)
    counted = run("purge", "--dry-run").output
    old = run("purge").output

    assert young == "0 rows deleted.\n"
    assert counted == "2 rows would be deleted.\n"
    assert old == "2 rows deleted.\n"


@pytest.mark.parametrize(
    ("age", "message"),
    [
        ("23 hours", "at least 1 day"),
        ("30", "'30' is not a period such as '15 minutes'"),
        ("0 days", "'0 days' is not a period such as '15 minutes'"),
    ],
)
def test_purge_refuses_an_age_that_is_too_short_or_none(app: Flask, age: str, message: str) -> None:
    result = invoke(app, "purge", "--older-than", age)

    assert result.exit_code == 2
    assert f"Invalid value for '--older-than': {message}" in result.output


def add_old_rows(app: Flask) -> SqlAlchemyStorage:
    """Add 201 rows that nothing needs, and return their storage."""
    storage: SqlAlchemyStorage = app.extensions["otpauth"].services.upkeep.storage
    with storage.database.transaction():
        for _ in range(201):
            storage.challenges.issue(one_row().issue())
    return storage


def test_purge_shows_how_far_it_is(app: Flask) -> None:
    add_old_rows(app)

    result = invoke(app, "purge", "--dry-run", "--batch", "1")

    assert result.stderr == "100 rows checked\n200 rows checked\n"
    assert result.stdout == "201 rows would be deleted.\n"


def test_a_purge_pauses_and_says_what_it_has_deleted_when_it_is_stopped(
    make_app: MakeApp, database_file: str
) -> None:
    def stop(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        deletions.extend([monotonic()] * sql.startswith("DELETE"))
        if len(deletions) == 3:
            raise KeyboardInterrupt

    app, deletions = make_app(OTPAUTH_DATABASE_URI=database_file), list[float]()
    engine = add_old_rows(app).database.engine
    event.listen(engine, "before_cursor_execute", stop)
    stopped = invoke(app, "purge", "--batch", "50")
    event.remove(engine, "before_cursor_execute", stop)
    after = invoke(app, "purge")

    assert stopped.exit_code == 1
    assert all(later - earlier >= PAUSE_SECONDS for earlier, later in pairwise(deletions))
    before, rest = (int(result.stdout.removesuffix(" rows deleted.\n")) for result in (stopped, after))
    # One row may be the mark of the subject key, which stays.
    assert before in (99, 100)
    assert before + rest == 201


# -- what is served, and how ------------------------------------------------------------------


def test_flows_lists_every_registered_path(app: Flask, run: Run) -> None:
    listed = rows(run("flows", "--json"))

    served = {row["path"].replace("{", "<").replace("}", ">") for row in listed}
    routed = {
        re.sub("<(?:[^:<>]+:)?", "<", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("otpauth_")
    }
    assert served == routed
    assert {row["flow"] for row in listed} == set(FLOWS)
    assert all(row["does"].endswith(".") for row in listed)


def test_flows_lists_only_what_is_registered(make_app: MakeApp) -> None:
    app = make_app(flows=("flashcall",), flashcall_url_prefix="/calls", flashcall_auth_post=True)

    listed = rows(invoke(app, "flows", "--json"))

    assert [(row["method"], row["path"]) for row in listed] == [
        ("POST", "/calls/orders"),
        ("GET", "/calls/auth/{order_id}/{order_code}"),
        ("POST", "/calls/auth"),
    ]


def test_config_shows_every_key_as_a_configuration_has_it(run: Run) -> None:
    shown = run("config").output

    keys = [f"OTPAUTH_{key}" for key in Shared.fields_by_key()]
    keys += [f"OTPAUTH_{flow}_{name}".upper() for flow in FLOWS for name in FLOWS[flow].settings.model_fields]
    assert [
        line.partition(" = ")[0] for line in shown.splitlines() if " = " in line and line[0] != "#"
    ] == keys
    assert "OTPAUTH_EMAIL_SEND_QUOTAS = ('5 per 15 minutes', '20 per day')\n" in shown
    assert "# How long a code is valid.\nOTPAUTH_SMS_CODE_TTL = 300\n" in shown


def test_config_shows_what_is_in_force(make_app: MakeApp) -> None:
    app = make_app(profile="hardened", email_code_ttl=120)

    values = {row["key"]: row for row in rows(invoke(app, "config", "--json"))}

    assert values["OTPAUTH_EMAIL_CODE_TTL"]["value"] == "120"
    assert values["OTPAUTH_EMAIL_CODE_TTL"]["default"] == "300"
    assert values["OTPAUTH_EMAIL_FAILURE_CAP"]["value"] == "100"
    assert values["OTPAUTH_SENDERS"]["value"].startswith("{'email': <flask_otpauth.")


def test_config_shows_no_secret(make_app: MakeApp) -> None:
    secret = "swordfish swordfish swordfish swordfish"
    app = make_app(secret_keys=[secret], subject_key=secret)

    shown = invoke(app, "config").output + invoke(app, "config", "--json").output

    assert "swordfish" not in shown
    assert "OTPAUTH_SECRET_KEYS = ***\n" in shown
    assert "OTPAUTH_DATABASE_URI = ***\n" in shown
    assert "OTPAUTH_JWT_KEYS = None\n" in shown


@pytest.mark.parametrize("format_", [(), ("--json",)])
def test_a_name_is_shown_on_a_terminal_that_has_no_letters_for_it(
    format_: tuple[str, ...], app: Flask
) -> None:
    with app.app_context():
        app.extensions["test_otpauth"].users.create(email="user@example.com", full_name="Nguyễn Văn A")

    runner = app.test_cli_runner(charset="cp1252")
    result = runner.invoke(otpauth, ["users", "show", "user@example.com", *format_])

    assert result.exit_code == 0, result.output
    assert "Nguy\\u1ec5n V\\u0103n A" in result.output
