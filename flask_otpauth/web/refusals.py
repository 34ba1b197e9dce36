"""What an exception is told as: ours, Flask's, a host's ``abort``, or a bug."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, current_app, got_request_exception, request
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
    ServiceUnavailable,
    UnsupportedMediaType,
)
from werkzeug.exceptions import TooManyRequests as HttpTooManyRequests

from flask_otpauth.core import errors
from flask_otpauth.core.sensitive import one_line

logger = logging.getLogger("flask_otpauth")

#: What Flask raises and a hook of the host may: the flow answers it as its own.
_WORDED: Mapping[type[HTTPException], type[errors.Refusal]] = {
    BadRequest: errors.MalformedRequest,
    RequestEntityTooLarge: errors.ContentTooLarge,
    UnsupportedMediaType: errors.UnsupportedMediaType,
    InternalServerError: errors.InternalError,
    ServiceUnavailable: errors.Unavailable,
}
#: What else a host may decide by ``abort(…)``: the status is the host's, the words are the flow's.
_DECIDED: Mapping[int, type[errors.Refusal]] = {401: errors.NotAuthenticated, 404: errors.NotFound}
#: What is answered without its status being decided by the host.
RAISED: tuple[type[Exception], ...] = (HttpTooManyRequests, *_WORDED)


def refusal_of(error: Exception) -> errors.Refusal:
    """What to tell of ``error``; a bug is logged here, and told to those who collect bugs."""
    if isinstance(error, errors.Unavailable):
        logger.error("unavailable on %s: %s", request.endpoint, one_line(str(error)))
    if isinstance(error, errors.Refusal):
        return error
    if isinstance(error, HttpTooManyRequests):
        limit = getattr(error, "limit", None)
        return errors.TooManyRequests(limit.limit.get_expiry() if limit is not None else 60)
    if isinstance(error, HTTPException):
        return _named(error)()
    logger.error("internal error on %s", request.endpoint, exc_info=error)
    _tell_collectors(error)
    return errors.InternalError()


def _tell_collectors(error: Exception) -> None:
    """Send Flask's signal as Flask does; what a listener raises must not replace the answer."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy has it, its type does not say so
    try:
        got_request_exception.send(app, _async_wrapper=app.ensure_sync, exception=error)
    except Exception:  # of the host's: whatever it is, the answer is sent
        logger.exception("a listener of got_request_exception failed")


def _named(error: HTTPException) -> type[errors.Refusal]:
    """The class of refusal that an HTTP error is told as."""
    status = error.code or 500
    own = next((worded for raised, worded in _WORDED.items() if isinstance(error, raised)), None)
    return own or _DECIDED.get(status, errors.NotPermitted if status < 500 else errors.InternalError)


def decided_status(error: Exception) -> int | None:
    """The status of an HTTP error that no refusal of the flow has."""
    if not isinstance(error, HTTPException) or isinstance(error, RAISED):
        return None
    return error.code
