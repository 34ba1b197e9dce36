"""What happened, told to the signals' listeners and to the log, with masked addresses."""

from __future__ import annotations

import logging
from typing import Any

from flask_otpauth import signals
from flask_otpauth.core.masking import masked

logger = logging.getLogger("flask_otpauth")

_ADDRESSES = ("recipient", "subject")
_WARNINGS = ("send_failed", "token_reused", "withdraw_failed")


class Announcer:
    """The :class:`~flask_otpauth.ports.events.Events` of one app."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, event: str, **facts: Any) -> None:
        """Log the event and send its signal; what a listener raises is logged and goes no further."""
        level = logging.WARNING if event in _WARNINGS else logging.INFO
        logger.log(level, "%s%s", event, "".join(f" {name}={_shown(name, facts[name])}" for name in facts))
        signal = signals.ALL[event]
        try:
            signal.send(self._app, **facts)
        except Exception:  # the event is durable already: a broken listener must not undo its answer
            logger.exception("a listener of %s failed", event)


def _shown(name: str, fact: Any) -> str:
    if name in _ADDRESSES:
        return masked(str(fact))
    if name == "receipt":
        return " ".join(filter(None, (fact.status.value, fact.provider_id, fact.detail)))
    return str(fact)
