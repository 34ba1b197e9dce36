"""What it means if a sender raises an exception."""

from __future__ import annotations

import logging

from flask_otpauth.core.sensitive import one_line
from flask_otpauth.core.service import service
from flask_otpauth.ports.senders import Check, CodeOwner, Message, Receipt, Sender, Status

_logger = logging.getLogger(__name__)


@service
class GuardedSender:
    """A sender that never raises an exception."""

    sender: Sender

    def send(self, message: Message) -> Receipt:
        """Have the sender send ``message``. Return a receipt whatever happens."""
        return hand_over(self.sender, message)


@service
class GuardedOwner(GuardedSender):
    """A sender whose provider checks the code. It never raises an exception."""

    sender: CodeOwner

    def check(self, recipient: str, code: str, provider_id: str) -> Check | None:
        """Return what the provider says. ``None``: it says nothing that is clear."""
        try:
            return Check(self.sender.check(recipient, code, provider_id))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a sender is foreign code and may raise anything
            name = type(self.sender).__name__
            _logger.warning("%s could not check a code (%s)", name, type(error).__name__)
            return None


def guarded(sender: Sender) -> GuardedSender:
    """Return a sender that never raises an exception."""
    return GuardedOwner(sender) if isinstance(sender, CodeOwner) else GuardedSender(sender)


def hand_over(sender: Sender, message: Message) -> Receipt:
    """
    Have ``sender`` send ``message``, and return a receipt whatever happens.

    A ``TimeoutError`` is an unknown outcome (``timeout``), any other ``Exception`` a definite failure
    (``unavailable``). A ``BaseException`` of another kind interrupted the sender from outside
    (``gevent.Timeout``, ``asyncio.CancelledError``), so the outcome is unknown too. Only
    ``KeyboardInterrupt`` and ``SystemExit`` are raised again. A sender that returns no receipt may
    have sent the message, so that outcome is unknown as well. The receipt has only the type of an
    exception, because its text may contain the code.
    """
    try:
        receipt: object = sender.send(message)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a sender is foreign code and may raise anything
        unknown = isinstance(error, TimeoutError) or not isinstance(error, Exception)
        status = Status.TIMEOUT if unknown else Status.UNAVAILABLE
        return _log(sender, message, Receipt(status, detail=type(error).__name__))
    if not isinstance(receipt, Receipt):
        return _log(sender, message, Receipt(Status.TIMEOUT, detail="no receipt"))
    return receipt


def _log(sender: Sender, message: Message, receipt: Receipt) -> Receipt:
    _logger.warning(
        "%s could not say how %r ended: %s (%s)",
        type(sender).__name__,
        message,
        receipt.status.value,
        one_line(receipt.detail),
    )
    return receipt
