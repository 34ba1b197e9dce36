"""Reports what happened to the listeners of the signals and to the log, with masked addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Protocol

from blinker import NamedSignal

from flask_otpauth import signals
from flask_otpauth.core.sensitive import mask_address, one_line
from flask_otpauth.ports.reports import ProviderReport
from flask_otpauth.ports.senders import Receipt

logger = logging.getLogger("flask_otpauth")

_ADDRESSES = ("recipient", "subject")
_WARNINGS = (
    "answer_not_kept",
    "circuit_opened",
    "send_failed",
    "sender_failed",
    "test_identity_used",
    "token_reused",
    "withdraw_failed",
)


class App(Protocol):
    """What is used of a Flask app."""

    def ensure_sync(self, func: Callable[..., object]) -> Callable[..., object]:
        """Return a coroutine function as a plain function, and any other function unchanged."""


class SignalEvents:
    """The :class:`~flask_otpauth.ports.events.Events` of one app."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, event: str, **facts: object) -> None:
        """
        Log the event and send its signal, also to listeners that are coroutine functions.

        Texts may come from a client, so they are put on one line and cut to a maximum length. An
        event that is not logged and has no listener costs nothing.
        """
        level = logging.WARNING if event in _WARNINGS else logging.INFO
        signal = signals.ALL[event]
        is_logged = logger.isEnabledFor(level)
        has_listener = bool(signal.receivers) and signal.has_receivers_for(self._app)
        if not is_logged and not has_listener:
            return
        facts = {name: one_line(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        if is_logged:
            shown = "".join(f" {name}={_shown(name, fact)}" for name, fact in facts.items())
            logger.log(level, "%s%s", event, shown)
        if has_listener:
            self._send(signal, facts)

    def _send(self, signal: NamedSignal, facts: Mapping[str, object]) -> None:
        """
        Send the signal, and log what a listener raises.

        Only ``KeyboardInterrupt`` and ``SystemExit`` are raised again, and not ``gevent.Timeout`` or
        ``asyncio.CancelledError``. The event is in the database already, so a broken listener must not
        change the response.
        """
        try:
            signal.send(self._app, _async_wrapper=self._run_to_its_end, **facts)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            logger.exception("a listener of %s failed", signal.name)

    def _run_to_its_end(self, listener: Callable[..., object]) -> Callable[..., object]:
        """Return a listener that is a coroutine function as a function that returns when it has finished."""
        listen = self._app.ensure_sync(listener)

        def call(*sender: object, **facts: object) -> object:
            if not _is_in_a_loop():
                return listen(*sender, **facts)
            # The loop of an async view of the host cannot wait for itself.
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(copy_context().run, partial(listen, *sender, **facts)).result()

        return call


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _shown(name: str, fact: object) -> str:
    """Return a fact as the log shows it."""
    if name in _ADDRESSES:
        return mask_address(str(fact))
    if isinstance(fact, ProviderReport):
        return one_line(f"{fact.status.value} {fact.provider_id}".strip())
    if isinstance(fact, Receipt):
        by = f"sender={fact.sender}" if fact.sender else ""
        return one_line(" ".join(filter(None, (fact.status.value, by, fact.provider_id, fact.detail))))
    return one_line(str(fact))
