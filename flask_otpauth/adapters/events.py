"""What happened, told to the signals' listeners and to the log, with masked addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from flask_otpauth import signals
from flask_otpauth.core.masking import masked, one_line

logger = logging.getLogger("flask_otpauth")

_ADDRESSES = ("recipient", "subject")
_WARNINGS = ("send_failed", "token_reused", "withdraw_failed")


class SignalEvents:
    """The :class:`~flask_otpauth.ports.events.Events` of one app."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, event: str, **facts: Any) -> None:
        """
        Log the event and send its signal, to listeners that are coroutine functions as well.

        What a listener raises is logged and not raised again, ``gevent.Timeout`` and
        ``asyncio.CancelledError`` included: the event is in the database already, and a broken
        listener must not change the answer. Only ``KeyboardInterrupt`` and ``SystemExit`` are
        raised again. Texts may come from a client, so they are one line and bounded.
        """
        facts = {name: one_line(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        level = logging.WARNING if event in _WARNINGS else logging.INFO
        logger.log(level, "%s%s", event, "".join(f" {name}={_shown(name, facts[name])}" for name in facts))
        signal = signals.ALL[event]
        try:
            signal.send(self._app, _async_wrapper=self._awaited, **facts)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            logger.exception("a listener of %s failed", event)

    def _awaited(self, listener: Callable[..., Any]) -> Callable[..., Any]:
        """A listener that is a coroutine function, as one that returns when it has run to its end."""
        listen = self._app.ensure_sync(listener)

        def call(*sender: Any, **facts: Any) -> Any:
            if not _in_a_loop():
                return listen(*sender, **facts)
            # The loop of an async view of the host cannot wait for itself.
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(copy_context().run, listen, *sender, **facts).result()

        return call


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _shown(name: str, fact: Any) -> str:
    if name in _ADDRESSES:
        return masked(str(fact))
    if name == "receipt":
        return one_line(" ".join(filter(None, (fact.status.value, fact.provider_id, fact.detail))))
    return one_line(str(fact))
