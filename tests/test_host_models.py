"""Models of a host that compute, rename or join an attribute that the flows need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Boolean, ForeignKey, String
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from flask_otpauth.users import UserMixin
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer, outcome
from tests.hosts import SECRET_KEY
from tests.test_status_of_users import host_with


def with_nickname(user: Any, email: str, nickname: str = "nobody") -> None:
    """An ``__init__`` of the host, which only takes its own arguments."""
    user.email, user.nickname = email, nickname


def composed(user: Any) -> str:
    """Return a value that the host computes."""
    return f"Customer {user.email}"


MODELS: dict[str, dict[str, Any]] = {
    "verified by a property": {"email_verified": property(lambda user: True)},
    "not verified, by a property": {"email_verified": property(lambda user: False)},
    "verified by a hybrid property": {"email_verified": hybrid_property(lambda user: user.email is not None)},
    "verified in another column": {
        "confirmed": mapped_column(Boolean, default=False),
        "email_verified": synonym("confirmed"),
    },
    "a name that is computed": {"full_name": property(composed)},
    "an __init__ of its own": {"nickname": mapped_column(String(20)), "__init__": with_nickname},
}


@pytest.mark.parametrize("attributes", MODELS.values(), ids=MODELS)
def test_a_new_user_of_the_hosts_model_can_log_in_twice(
    attributes: dict[str, Any], outbox: Outbox, tmp_path: Path
) -> None:
    app, _ = host_with(outbox, tmp_path, **attributes)
    caller = EmailCaller(app, outbox)

    first, second = caller.login(), caller.login()

    assert (first["userId"], second["userId"]) == (1, 1)
    with app.app_context():
        computed = isinstance(attributes.get("email_verified"), property)
        assert computed or app.extensions["test_otpauth"].users.find(ADDRESS).email_verified


def test_a_name_that_a_model_computes_can_be_set_and_has_no_maximum_length(
    outbox: Outbox, tmp_path: Path
) -> None:
    names: list[str] = []
    kept = property(lambda user: "".join(names), lambda user, name: names.append(name))
    app, _ = host_with(outbox, tmp_path, full_name=kept)

    with app.app_context():
        user = app.extensions["test_otpauth"].users.create(email=ADDRESS, full_name="n" * 300)

    assert user.full_name == "n" * 300


def test_users_whose_roles_are_joined_can_log_in(outbox: Outbox, tmp_path: Path) -> None:
    app, db, otpauth = Flask("host"), SQLAlchemy(), OtpAuth()
    model, role = with_roles(db)
    app.config.update(SECRET_KEY=SECRET_KEY, SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'host.sqlite'}")
    app.config.update(OTPAUTH_USERS=model, OTPAUTH_SENDERS=outbox.senders, OTPAUTH_IP_LIMITS=None)
    db.init_app(app)
    otpauth.init_app(app)
    app.add_url_rule("/roles", "roles", otpauth.token_required(lambda: str(len(otpauth.current_user.roles))))
    with app.app_context():
        db.create_all()
    caller = EmailCaller(app, outbox)
    user_id = caller.login()["userId"]

    with app.app_context():
        db.session.add_all([role(user_id=user_id), role(user_id=user_id)])
        db.session.commit()
        changed = otpauth.users.disable(ADDRESS), otpauth.users.enable(ADDRESS)
    token = caller.login()["accessToken"]

    assert changed == (True, True)
    assert app.test_client().get("/roles", headers=bearer(token)).text == "2"
    with app.app_context():
        otpauth.users.disable(ADDRESS)
    assert app.test_client().get("/roles", headers=bearer(token)).status_code == 401


def with_roles(db: SQLAlchemy) -> tuple[type[Any], type[Any]]:
    """Return a model whose rows are always read with their roles, and the model of the roles."""
    number = {"__annotations__": {"id": Mapped[int]}}
    user_id = mapped_column(ForeignKey("customer.id"))
    role = type("Role", (db.Model,), {"id": mapped_column(primary_key=True), "user_id": user_id, **number})
    roles = relationship(role, lazy="joined")
    model = type(
        "Customer", (UserMixin, db.Model), {"id": mapped_column(primary_key=True), "roles": roles, **number}
    )
    return model, role


def test_the_log_names_the_table_of_the_host_that_is_missing(
    outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, model = host_with(outbox, tmp_path)
    with app.app_context():
        app.extensions["sqlalchemy"].drop_all()
        app.extensions["test_otpauth"].create_all()

    asked = EmailCaller(app, outbox).ask()

    assert (asked.status_code, outcome(asked)[1]) == (503, "System error")
    assert f"or your migrations (no such table: {model.__tablename__})" in caplog.text
