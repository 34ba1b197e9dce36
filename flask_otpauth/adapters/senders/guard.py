"""The one place where what a sender raises becomes a receipt."""

from __future__ import annotations

import logging

from flask_otpauth.core.masking import one_line
from flask_otpauth.ports.senders import Message, Receipt, Sender, Status

_logger = logging.getLogger(__name__)


def handed_over(sender: Sender, message: Message) -> Receipt:
    """
    Have ``sender`` send ``message``, and return a receipt whatever happens.

    A ``TimeoutError`` is an unknown outcome (``timeout``), any other exception a definite
    failure (``unavailable``). A ``BaseException`` of another kind interrupted the
    sender from outside (``gevent.Timeout``, ``asyncio.CancelledError``), so the outcome is unknown
    too. Only ``KeyboardInterrupt`` and ``SystemExit`` are raised again. If a sender returns no
    receipt, it may have sent, so that is unknown as well. Only the type of an exception is told,
    because its text may contain the code.
    """
    try:
        receipt: object = sender.send(message)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a sender is a stranger's code and may raise anything
        unknown = isinstance(error, TimeoutError) or not isinstance(error, Exception)
        status = Status.TIMEOUT if unknown else Status.UNAVAILABLE
        return _told(sender, message, Receipt(status, detail=type(error).__name__))
    if not isinstance(receipt, Receipt):
        return _told(sender, message, Receipt(Status.TIMEOUT, detail="no receipt"))
    return receipt


def _told(sender: Sender, message: Message, receipt: Receipt) -> Receipt:
    _logger.warning(
        "%s could not say how %r ended: %s (%s)",
        type(sender).__name__,
        message,
        receipt.status.value,
        one_line(receipt.detail),
    )
    return receipt
