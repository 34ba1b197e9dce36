"""Rotating secrets: the rows stay where they are, or the app does not start and says what to set."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError
from flask_otpauth.cli import otpauth as commands
from flask_otpauth.core.instants import DAY
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import OK, PASSWORD, PIN, Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.hosts import MakeApp

KEYS = ("first", "second", "third")
FIRST, SECOND, THIRD = (f"{number}-k3Vw81xTqz0Pb7Ns5Yd2Mh9aFc4Je6" for number in KEYS)
TOLD = "OTPAUTH_SUBJECT_KEY: there are several secrets, and the database does not show which one was in use"
PAGE = Path(__file__).parents[1] / "docs" / "howto" / "rotate-secrets.md"


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


@pytest.fixture
def merchant(make_app: MakeApp) -> Merchant:
    """A merchant of the first deployment, whose customer has a PIN and a password."""
    app = make_app(SECRET_KEY=FIRST)
    new_customer(app)
    merchant = Merchant(app)
    assert merchant.set_pin().json == OK
    return merchant


def still_known(merchant: Merchant, app: Flask) -> bool:
    """Whether the merchant's secret, the PIN and the password are those of before."""
    after = Merchant(app, client=merchant.client)
    return after.validate(PIN).json == after.check(PASSWORD).json == OK


def problems(make_app: MakeApp, **settings: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        make_app(**settings)
    return caught.value.problems


# -- the mark ---------------------------------------------------------------------------------


def test_the_rows_are_found_after_two_rotations_in_either_order_of_fallbacks(
    make_app: MakeApp, merchant: Merchant
) -> None:
    rotations: list[dict[str, Any]] = [
        {"SECRET_KEY": SECOND, "SECRET_KEY_FALLBACKS": [FIRST]},
        {"SECRET_KEY": THIRD, "SECRET_KEY_FALLBACKS": [FIRST, SECOND]},
        {"SECRET_KEY": THIRD, "SECRET_KEY_FALLBACKS": [SECOND, FIRST]},
        *({"secret_keys": list(order)} for order in permutations([FIRST, SECOND, THIRD])),
    ]

    assert [still_known(merchant, make_app(**rotated)) for rotated in rotations] == [True] * len(rotations)


def test_whoever_asks_after_a_rotation_cannot_set_the_pin_anew(make_app: MakeApp, merchant: Merchant) -> None:
    app = make_app(SECRET_KEY=THIRD, SECRET_KEY_FALLBACKS=[FIRST, SECOND])

    answer = Merchant(app, client=merchant.client).set_pin("111222")

    assert answer.json is not None
    assert answer.json["error_code"] == "pin_already_set"


def test_a_purge_leaves_the_mark(make_app: MakeApp, merchant: Merchant, clock: MovableClock) -> None:
    clock.tick(days=4000)
    with merchant.app.app_context():
        list(merchant.app.extensions["otpauth"].services.upkeep.purge(DAY, 1000, dry_run=False))

    assert still_known(merchant, make_app(SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST]))


def test_the_command_that_makes_the_tables_leaves_the_mark(make_app: MakeApp, database_uri: str) -> None:
    app = make_app(SECRET_KEY=FIRST)
    forget_marks(app)

    app.test_cli_runner().invoke(commands, ["init-db"])

    assert make_app(SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST])


def forget_marks(app: Flask) -> None:
    """As where migrations made the tables."""
    with app.app_context():
        database = app.extensions["otpauth"].services.storage.database
        with database.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM otpauth_challenges")


# -- what the store does not tell -------------------------------------------------------------


def test_where_the_key_of_the_rows_is_not_on_the_list_any_more_the_app_does_not_start(
    make_app: MakeApp, merchant: Merchant
) -> None:
    (found,) = problems(make_app, SECRET_KEY=THIRD, SECRET_KEY_FALLBACKS=[SECOND])

    assert found.startswith(TOLD)
    assert not any(key in found for key in (FIRST, SECOND, THIRD))
    mended = make_app(SECRET_KEY=THIRD, SECRET_KEY_FALLBACKS=[SECOND], subject_key=FIRST)
    assert still_known(merchant, mended)


def test_where_migrations_made_the_tables_it_is_asked_for(make_app: MakeApp, merchant: Merchant) -> None:
    forget_marks(merchant.app)

    (found,) = problems(make_app, SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST])

    assert found.startswith(TOLD)
    assert still_known(merchant, make_app(SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST], subject_key=FIRST))


def test_where_two_secrets_have_keyed_rows_neither_is_guessed(make_app: MakeApp, merchant: Merchant) -> None:
    make_app(SECRET_KEY=SECOND)  # without a fallback: it leaves a mark of its own

    (found,) = problems(make_app, SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST])

    assert found.startswith(TOLD)


@pytest.mark.parametrize("uri", ["sqlite:////nowhere/at/all.sqlite", "postgresql+psycopg://127.0.0.1:1/test"])
def test_where_the_store_cannot_be_asked_the_app_does_not_start(make_app: MakeApp, uri: str) -> None:
    (found,) = problems(make_app, SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST], database_uri=uri)

    assert found.startswith(TOLD)


@pytest.mark.parametrize("new", [{"database_uri": "sqlite://"}, {"storage": "memory"}])
def test_rows_that_begin_with_the_process_need_no_mark(make_app: MakeApp, new: dict[str, Any]) -> None:
    assert make_app(SECRET_KEY=SECOND, SECRET_KEY_FALLBACKS=[FIRST], **new)


def test_the_same_secret_twice_is_one(make_app: MakeApp) -> None:
    app = make_app(SECRET_KEY=FIRST)
    forget_marks(app)

    assert make_app(SECRET_KEY=FIRST, SECRET_KEY_FALLBACKS=[FIRST])


def test_the_doctor_misses_the_mark_after_a_careless_rotation(make_app: MakeApp, merchant: Merchant) -> None:
    def warns(app: Flask) -> bool:
        return "no mark of the subject key" in app.test_cli_runner().invoke(commands, ["doctor"]).output

    careless = make_app(SECRET_KEY=SECOND, subject_key=SECOND)
    forget_marks(careless)

    assert (warns(make_app(SECRET_KEY=FIRST)), warns(careless)) == (False, True)


# -- the page ---------------------------------------------------------------------------------


def test_the_steps_of_the_page_keep_everything(make_app: MakeApp, merchant: Merchant, outbox: Outbox) -> None:
    steps = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    config: dict[str, Any] = {"SECRET_KEY": FIRST}
    refreshed = EmailCaller(merchant.app, outbox).login()["refreshToken"]

    kept = []
    for step in steps:
        exec(step, {"NEW_KEY": SECOND}, config)
        app = make_app(**config)
        answer = app.test_client().post("/apis/auth/refresh-token", json={"refreshToken": refreshed}).json
        refreshed = answer["data"]["refreshToken"]
        kept.append(still_known(merchant, app))

    assert kept == [True, True, True]
    assert config == {
        "SECRET_KEY": SECOND,
        "SECRET_KEY_FALLBACKS": [],
        "OTPAUTH_SUBJECT_KEY": FIRST,
    }
