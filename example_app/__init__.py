"""
A host app with all five flows, to try them in a browser: ``flask --app example_app run``.

It needs only SQLite. Messages are not sent, but shown on the inbox page. It shows its keys to everyone
who can open it, so do not let others open it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from example_app import backend, pages, seeds
from example_app.extensions import db, otpauth
from example_app.models import User
from example_app.providers import use_providers
from flask_otpauth.inbox import Inbox, inbox_pages

CHANNELS = ("email", "sms", "whatsapp", "voice", "flashcall")


class _Json(DefaultJSONProvider):
    """JSON as in the documents: keys keep their order, and letters are not escaped."""

    sort_keys = False
    ensure_ascii = False


def create_app(instance_path: str | None = None, config: Mapping[str, Any] | None = None) -> Flask:
    """
    Return the app. Its key and its database are files in ``instance_path``.

    Settings are read from the environment (``EXAMPLE_APP_OTPAUTH_EMAIL_CODE_TTL=60``) and, in a test, from
    ``config``. Variables that begin with ``FLASK_`` are not read, because they may be for another app with
    another database.

    :raises RuntimeError: if the database in ``instance_path`` is that of another app.
    """
    folder = Path(instance_path or Path(__file__).parent / "instance").resolve()
    app = Flask(__name__, instance_path=str(folder))
    # An app for real people sets OTPAUTH_DEV_INBOX instead, which needs debug mode. This one never sends.
    inbox = app.extensions["inbox"] = Inbox()
    app.config.from_mapping(
        SECRET_KEY=_secret_key(folder),
        OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
        OTPAUTH_SENDERS=dict.fromkeys(CHANNELS, inbox),
        OTPAUTH_USERS=User,
        # The host's own text beside the packaged one: templates/otpauth/email/reset.en.txt
        OTPAUTH_ACCOUNT_TEMPLATES={"code": "code", "reset": "reset"},
    )
    app.config.update(use_providers(app))
    app.json = _Json(app)
    app.config.from_prefixed_env("EXAMPLE_APP")
    app.config.update(config or {})
    # Last, so that nothing above can name another database: this app drops its tables when asked.
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'example.sqlite'}", OTPAUTH_DATABASE_URI=None
    )
    db.init_app(app)
    otpauth.init_app(app)
    app.register_blueprint(pages.pages)
    app.register_blueprint(backend.backend)
    app.register_blueprint(inbox_pages(inbox))
    with app.app_context():
        seeds.first_start()
    return app


def _secret_key(folder: Path) -> str:
    """Return the app's key. It is created on the first start and kept in a file."""
    file = folder / "secret_key"
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32), "ascii")
    return file.read_text("ascii")
