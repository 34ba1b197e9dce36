"""Which refusal an exception becomes: one of this package, of Flask, of a host's ``abort``, or a bug."""

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

#: What Flask raises, and what a hook of the host can raise. A flow answers it as its own refusal.
_ANSWERED_AS: Mapping[type[HTTPException], type[errors.Refusal]] = {
    BadRequest: errors.MalformedRequest,
    RequestEntityTooLarge: errors.ContentTooLarge,
    UnsupportedMediaType: errors.UnsupportedMediaType,
    InternalServerError: errors.InternalError,
    ServiceUnavailable: errors.Unavailable,
}
#: Other statuses of a host's ``abort(…)``. The host decides the status, and the flow has the words.
_DECIDED_BY_HOST: Mapping[int, type[errors.Refusal]] = {401: errors.NotAuthenticated, 404: errors.NotFound}
#: The HTTP errors whose status the flow decides.
RAISED: tuple[type[Exception], ...] = (HttpTooManyRequests, *_ANSWERED_AS)


def refusal_of(error: Exception) -> errors.Refusal:
    """Return the refusal for ``error``. Log a bug, and send it to error collectors."""
    if isinstance(error, errors.Unavailable):
        logger.error("unavailable on %s: %s", request.endpoint, one_line(str(error)))
    if isinstance(error, errors.Refusal):
        return error
    if isinstance(error, HttpTooManyRequests):
        limit = getattr(error, "limit", None)
        return errors.TooManyRequests(limit.limit.get_expiry() if limit is not None else 60)
    if isinstance(error, HTTPException):
        return _refusal_class(error)()
    logger.error("internal error on %s", request.endpoint, exc_info=error)
    _notify_collectors(error)
    return errors.InternalError()


def _notify_collectors(error: Exception) -> None:
    """Send Flask's signal, as Flask does. An error of a listener must not replace the answer."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy has it, but its type does not
    try:
        got_request_exception.send(app, _async_wrapper=app.ensure_sync, exception=error)
    except Exception:  # The answer is sent, whatever a listener of the host raises.
        logger.exception("a listener of got_request_exception failed")


def _refusal_class(error: HTTPException) -> type[errors.Refusal]:
    """Return the class of the refusal for an HTTP error."""
    status = error.code or 500
    own = next((worded for raised, worded in _ANSWERED_AS.items() if isinstance(error, raised)), None)
    return own or _DECIDED_BY_HOST.get(status, errors.NotPermitted if status < 500 else errors.InternalError)


def decided_status(error: Exception) -> int | None:
    """Return the HTTP status if the host decided it, and ``None`` if the flow decides."""
    if not isinstance(error, HTTPException) or isinstance(error, RAISED):
        return None
    return error.code
