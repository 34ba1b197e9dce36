"""The header ``Idempotency-Key``: a request that sends is not done again if a client repeats it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from flask_otpauth.web.envelope import Success

HEADER = "Idempotency-Key"


def kept(success: Success, repeated: Mapping[str, object]) -> str:
    """
    Return an answer as a text that is kept with the key.

    ``repeated`` is what the answer repeats of its request, such as an address. It is left out: whoever
    repeats the request sends it again.
    """
    data = {name: None if name in repeated else value for name, value in success.data.items()}
    return json.dumps([data, success.message, dict(success.headers)])


def shown(text: str, repeated: Mapping[str, object]) -> Success:
    """Return the answer that was kept as ``text``."""
    data, message, headers = json.loads(text)
    return Success({**data, **repeated}, message, headers)


def once(
    handle: Callable[[], Success],
    do_once: Callable[[Callable[[], str]], str],
    repeated: Mapping[str, object],
) -> Success:
    """Return what ``handle`` returns, or what it returned for the first request."""
    return shown(do_once(lambda: kept(handle(), repeated)), repeated)
