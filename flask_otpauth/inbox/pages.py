"""
The pages of the inbox, which need nothing of the host: no layout, no templates, no script of another site.

A mail may contain anything that a template of the host puts into it. So it is shown in a frame of its own, in
which nothing runs and nothing is loaded from elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, jsonify, request, url_for
from jinja2 import Environment, FileSystemLoader

from flask_otpauth.inbox.sender import Inbox, Received

_FOLDER = Path(__file__).parent
_PATH = "/otpauth/inbox"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
#: Mails have their styles inline.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def inbox_pages(inbox: Inbox) -> Blueprint:
    """
    Return a blueprint that shows the messages of ``inbox`` at ``/otpauth/inbox``.

    Everybody who can open the page can read the codes. For scripts and tests, ``/otpauth/inbox/latest`` is
    the newest message as JSON, and ``/otpauth/inbox/code`` the newest code as text. Both take ``channel``
    and ``to``, the recipient.
    """
    pages = Blueprint("otpauth_inbox", __name__, url_prefix=_PATH, static_folder="static")
    # The environment of the host may have other delimiters, and need not escape.
    page = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True).get_template("page.html")

    @pages.get("")
    def index() -> str:
        """Show all messages, newest first."""
        return page.render(received=inbox.received(), url_for=url_for, home=f"{request.script_root}/")

    @pages.get("/<int:number>/html")
    def mail(number: int) -> str:
        """Show the HTML of a mail, for a frame."""
        found = (each.message.html for each in inbox.received() if each.id == number)
        return next(found, None) or abort(404)

    @pages.get("/latest")
    def latest() -> Response:
        """Return the newest message as JSON, ``null`` if there is none."""
        return jsonify(next(map(_as_json, _wanted(inbox)), None))

    @pages.get("/code")
    def code() -> Response:
        """Return the newest code as text, which is empty if there is none."""
        codes = (each.message.code for each in _wanted(inbox) if each.message.code)
        return Response(next(codes, ""), mimetype="text/plain")

    pages.after_request(_harden)
    return pages


def _wanted(inbox: Inbox) -> list[Received]:
    return inbox.received(request.args.get("channel", ""), request.args.get("to", ""))


def _as_json(received: Received) -> dict[str, object]:
    message = received.message
    return {
        "id": received.id,
        "at": received.at.isoformat(),
        "channel": message.channel,
        "recipient": message.recipient,
        "code": message.code,
        "text": message.text,
        "subject": message.subject,
        "locale": message.locale,
        "callerNumber": message.caller_number,
        "reference": message.reference,
    }


def _harden(response: Response) -> Response:
    is_mail = request.endpoint == "otpauth_inbox.mail"
    response.headers["Content-Security-Policy"] = _MAIL_POLICY if is_mail else _PAGE_POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
