"""The one place where what a sender raises becomes a receipt."""

from __future__ import annotations

import logging

from flask_otpauth.core.masking import one_line
from flask_otpauth.ports.senders import Message, Receipt, Sender, Status

_logger = logging.getLogger(__name__)


def handed_over(sender: Sender, message: Message) -> Receipt:
    """
    Have ``sender`` send ``message``; its receipt, whatever it does.

    A ``TimeoutError`` is an unknown outcome (``timeout``), any other exception a definite
    failure (``unavailable``). What is no ``Exception`` came from outside of the sender, at any
    point of its work (``gevent.Timeout``, ``asyncio.CancelledError``): unknown too. Only an
    interrupt and the end of the process go on. A sender that returns no receipt broke its
    contract after it may have sent: unknown as well. Only the exception's type is told: its
    text is a stranger's and may hold the code.
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
