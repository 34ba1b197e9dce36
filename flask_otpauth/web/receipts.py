"""
The paths to which providers post their reports: ``/otpauth/receipts/<name of the sender>``.

Every request is judged by its signature over the raw body and the URL that the provider called. A report
that was understood, and one that was not, get 200: otherwise providers would send it again for days. Only a
wrong signature (403), a body that is too long (413), too many wrong signatures (429) and a store that is
down (503) get another status. No answer says more than its status.
"""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from flask_otpauth.core import errors
from flask_otpauth.core.service import service
from flask_otpauth.engine.reports import Reports
from flask_otpauth.ports.rate_limits import RateLimits
from flask_otpauth.ports.reports import ForgedReport, Handshake, ReportRequest
from flask_otpauth.web.blueprint import HOST_IN_RULE
from flask_otpauth.web.csrf import exempt_from_csrf
from flask_otpauth.web.networks import network

PREFIX = "/otpauth/receipts"
#: One request of WhatsApp may have some hundred reports.
MAX_BODY_BYTES = 256 * 1024
#: Only wrong signatures are counted, for each address. So a provider can report as much as it wants.
_LIMITS = ("receipts.authentication", "authentication")


@service
class ReceiptsMount:
    """The paths of the reports in one app."""

    reports: Reports
    rate_limits: RateLimits

    def blueprint(self) -> Blueprint:
        """Return the blueprint, with one path for each sender whose provider reports."""
        blueprint = Blueprint("otpauth_receipts", __name__)
        for name in self.reports.schemes:
            blueprint.record(partial(self._register, name))
        exempt_from_csrf(blueprint)
        blueprint.url_value_preprocessor(_read_body)
        return blueprint

    def _register(self, name: str, state: BlueprintSetupState) -> None:
        """Add the path of a sender. If an app matches hosts, a rule without a host matches none."""
        methods = ["POST"]
        if isinstance(self.reports.schemes[name], Handshake):
            methods.append("GET")
        host = f"<{HOST_IN_RULE}>" if state.app.url_map.host_matching else None
        endpoint = f"{state.name}.{name}"
        state.app.add_url_rule(
            f"{PREFIX}/{name}", endpoint, partial(self.answer, name), methods=methods, host=host
        )

    def answer(self, sender: str, **path: str) -> Response:
        """Return the answer to a request of the provider of ``sender``."""
        address = network(request.remote_addr)
        try:
            self.rate_limits.check(_LIMITS, address)
            try:
                return _respond(200, self._take(sender))
            except ForgedReport:
                self.rate_limits.admit(_LIMITS, address)
                return _respond(403)
        except errors.ContentTooLarge:
            return _respond(413)
        except errors.TooManyRequests as limited:
            return _respond(429, retry_after_seconds=limited.retry_after_seconds)
        except errors.Unavailable:
            return _respond(503)

    def _take(self, sender: str) -> str:
        """Return the text of the answer: what a handshake asks for, or nothing."""
        scheme = self.reports.schemes[sender]
        if request.method != "POST":
            return scheme.handshake(request.args) if isinstance(scheme, Handshake) else ""
        body = request.get_data()
        if len(body) > MAX_BODY_BYTES:
            raise errors.ContentTooLarge
        query = request.query_string.decode("latin-1")
        url = f"{request.base_url}?{query}" if query else request.base_url
        headers = {name.lower(): value for name, value in request.headers}
        self.reports.receive(sender, ReportRequest(url, headers, body))
        return ""


def _read_body(endpoint: str | None, values: object) -> None:
    """
    Read the body before any hook of the host.

    A hook that looks at ``request.form`` would use up a form, whose bytes are signed.
    """
    # One byte more than allowed, because Werkzeug cuts a body of unknown length there without an error.
    request.max_content_length = MAX_BODY_BYTES + 1
    request.get_data()


def _respond(status: int, text: str = "", retry_after_seconds: int | None = None) -> Response:
    answer = Response(text, status, mimetype="text/plain")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(retry_after_seconds)
    return answer
