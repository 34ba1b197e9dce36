"""The inbox of ``OTPAUTH_DEV_INBOX``, which there is in debug mode only."""

from __future__ import annotations

from flask import Flask, current_app

from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.inbox import Inbox, inbox_pages
from flask_otpauth.settings import Shared
from flask_otpauth.wiring.serving import runs_a_script

_PROBLEM = (
    "OTPAUTH_DEV_INBOX: requires debug mode, because everybody who can open the inbox can read all codes "
    "(flask run --debug; or set app.debug = True before the extension is initialized)"
)


def problems(app: Flask, shared: Shared) -> list[str]:
    """Return a sentence if there is an inbox outside of debug mode."""
    # ``app.run(debug=True)`` turns debug mode on when the app is complete. What serves is checked then.
    is_open = shared.dev_inbox and not app.debug and not runs_a_script()
    return [_PROBLEM] if is_open else []


def mount(app: Flask, inbox: Inbox) -> None:
    """Register the pages of ``inbox``, and refuse all requests outside of debug mode."""
    pages = inbox_pages(inbox)
    app.register_blueprint(pages)
    # The page asks for news every two seconds, and would soon reach the default limits of a host.
    for limiter in app.extensions.get("limiter", ()):
        limiter.exempt(pages)
    app.before_request(_demand_debug_mode)


def _demand_debug_mode() -> None:
    """
    Refuse to serve without debug mode: messages would go to the inbox, and not to people.

    :raises ConfigurationError: outside of debug mode.
    """
    if not current_app.debug:
        raise ConfigurationError([_PROBLEM])
