"""The fixtures of the tests, and what a subclass tells them."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from flask_otpauth.adapters.senders.guarded import hand_over
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.ports.senders import Message, Receipt, Sender, Status
from flask_otpauth.testing.sender_contract.provider import Answer, HostileProvider, answers

#: Its first digit gets lost if it is read as a number.
CODE = "035790"


class ContractBase:
    """What a subclass overrides, and the fixtures; see :class:`flask_otpauth.testing.SenderContract`."""

    channel: ClassVar[str] = "sms"
    recipient: ClassVar[str] = "+84901234567"
    accepted: ClassVar[Answer]
    message_id: ClassVar[str] = ""
    invalid_recipient: ClassVar[Answer]
    auth_error: ClassVar[Answer] = Answer(401, {"error": "unauthorized"})
    rate_limited: ClassVar[Answer] = Answer(429, {"error": "too many requests"})
    unavailable: ClassVar[Answer] = Answer(503, {"error": "unavailable"})
    secrets: ClassVar[tuple[str, ...]] = ()
    deadline_seconds: ClassVar[float] = 1.0
    #: How much longer than its deadline a sender may take on a busy machine.
    patience_seconds: ClassVar[float] = 10.0

    def make_sender(self, url: str) -> Sender:
        """Return the sender for a provider at ``url``. A subclass must override this."""
        raise NotImplementedError("override make_sender")

    def message(self, code: str = CODE) -> Message:
        """Return a message with ``code``. A subclass can override this."""
        text = f"Shop: your code is {code}. \N{LATIN SMALL LETTER A WITH CIRCUMFLEX AND ACUTE} & <b>"
        return Message(
            channel=self.channel,
            recipient=self.recipient,
            code=Sensitive(code),
            text=Sensitive(text),
            html=Sensitive(f"<p>Your code is {code}.</p>") if self.channel == "email" else None,
            subject=Sensitive("Your code"),
            locale="en",
            purpose="login",
            caller_number=Sensitive("+84287300000"),
            expires_at=datetime(2100, 1, 1, tzinfo=UTC),
            id=f"contract-{code}"[:16],
            template="code",
            values={"validity": "5 minutes"},
        )

    @pytest.fixture
    def provider(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileProvider]:
        """Return a provider that accepts messages until the test picks another behavior."""
        yield from _provider(self.accepted, monkeypatch)

    @pytest.fixture
    def elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileProvider]:
        """Return another provider that accepts messages. No sender may ask it."""
        yield from _provider(self.accepted, monkeypatch)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the test of refusals with each of them."""
        if "refusal" in metafunc.fixturenames:
            declared = [status for status in Status if status.is_definite_failure and hasattr(self, status)]
            metafunc.parametrize("refusal", declared, ids=str)

    def send(self, provider: HostileProvider) -> Receipt:
        """Have a new sender send a message to ``provider``, and return its receipt."""
        return self.hand_over(self.make_sender(provider.url), self.message())

    def hand_over(self, sender: Sender, message: Message) -> Receipt:
        """
        Have ``sender`` send ``message`` as the extension does, and return its receipt.

        :raises AssertionError: if the sender has not ended long after its deadline.
        """
        receipts: list[Receipt] = []
        context = contextvars.copy_context()  # it has the app context of a test
        thread = threading.Thread(
            target=lambda: receipts.append(context.run(hand_over, sender, message)), daemon=True
        )
        thread.start()
        thread.join(self.deadline_seconds + self.patience_seconds)
        assert receipts, f"the sender did not end within its {self.deadline_seconds} seconds"
        return receipts[0]


def _provider(accepted: Answer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileProvider]:
    provider = HostileProvider(answers(accepted))
    # A proxy in the environment does not reach this machine.
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, urlsplit(provider.url).hostname or "")
    yield provider
    provider.close()
