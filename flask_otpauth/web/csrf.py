"""Exempts the paths of the extension from the CSRF protection of the host."""

from __future__ import annotations

from flask import Blueprint, Flask, request_started
from flask.blueprints import BlueprintSetupState


def exempt_from_csrf(blueprint: Blueprint) -> None:
    """
    Exempt ``blueprint`` from the host's CSRFProtect (Flask-WTF), because its paths use no cookie.

    The host may set up CSRFProtect after this extension, but Flask does not allow that after the first
    request. So the first request exempts the blueprint, before any hook of the host.
    """
    blueprint.record(_Exemption(blueprint).await_request)


class _Exemption:
    """Exempts a blueprint once. The blueprint keeps this object, and the signal has a weak reference."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint

    def await_request(self, state: BlueprintSetupState) -> None:
        request_started.connect(self._exempt, state.app)

    def _exempt(self, app: Flask, **_: object) -> None:
        if "csrf" in app.extensions:
            app.extensions["csrf"].exempt(self._blueprint)
        request_started.disconnect(self._exempt, app)
