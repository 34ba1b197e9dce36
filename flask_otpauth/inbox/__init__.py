"""
An inbox for development: a sender that sends nothing, and pages that show what it was given.

``OTPAUTH_DEV_INBOX = True`` sets both up in debug mode. A demonstration without debug mode can do it itself,
where nobody else can open it::

    inbox = Inbox()
    app.config["OTPAUTH_SENDERS"] = {"email": inbox, "sms": inbox}
    app.register_blueprint(inbox_pages(inbox))
"""

from flask_otpauth.inbox.pages import inbox_pages
from flask_otpauth.inbox.sender import Inbox, Received

__all__ = ["Inbox", "Received", "inbox_pages"]
