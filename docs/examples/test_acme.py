"""Tests of the sender for Acme."""

from __future__ import annotations

from docs.examples.acme import AcmeMail
from flask_otpauth.testing import Answer, SenderContract


class TestAcmeMail(SenderContract):
    """The sender keeps the contract of all senders."""

    channel = "email"
    recipient = "user@example.com"
    accepted = Answer(202, {"id": "m-1"})
    message_id = "m-1"
    invalid_recipient = Answer(422, {"error": "no such mailbox"})
    secrets = ("acme-token",)

    def make_sender(self, url: str) -> AcmeMail:
        """Return the sender for a provider at ``url``."""
        return AcmeMail(f"{url}/mails", "acme-token", self.deadline_seconds)
