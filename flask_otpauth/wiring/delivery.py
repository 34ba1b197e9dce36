"""When messages are sent, and where they wait until then."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from flask import Flask

from flask_otpauth.adapters.celery_delivery import CeleryDelivery, Work
from flask_otpauth.adapters.delivery import InlineDelivery, ThreadDelivery
from flask_otpauth.adapters.sealing import FernetSealing
from flask_otpauth.adapters.timers import NoTimer, ThreadTimer
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.engine.deliveries import Deliveries
from flask_otpauth.engine.kept_messages import KeptMessages
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Delivery, Timer, is_from_storage
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.databases import Databases


def delivery(assembly: Assembly, clock: Clock) -> Delivery:
    """Return what decides when messages are sent."""
    packaged: dict[str, Callable[[], Delivery]] = {
        "inline": InlineDelivery,
        "thread": lambda: ThreadDelivery(assembly.app.app_context),
        "celery": lambda: _celery(assembly.app, clock),
    }
    chosen = assembly.resolved("DELIVERY", assembly.shared.delivery, packaged, "submit")
    return chosen or InlineDelivery()


def kept_messages(
    assembly: Assembly, ring: KeyRing, stores: Databases, clock: Clock, chosen: Delivery
) -> KeptMessages | None:
    """
    Return what keeps messages until another process sends them, or until they are due.

    Return ``None`` if the app has no such messages. Add a problem if it has some, and nothing can keep them.
    """
    keeps_all, workflows = is_from_storage(chosen), _workflow_keys(assembly)
    if not keeps_all and not workflows:
        return None
    is_tried = assembly.app.debug or assembly.app.testing
    if keeps_all and stores.are_new and not is_tried:
        assembly.demand_to_serve([f"{PREFIX}DELIVERY: another process sends, and cannot read this storage"])
    try:
        sealing = FernetSealing(ring.all("sealing"))
    except ValueError as error:
        assembly.problems += [f"{key}: {error}" for key in workflows or [f"{PREFIX}DELIVERY"]]
        return None
    return KeptMessages(stores.storage, sealing, clock, _timer(assembly.app, chosen), keeps_all)


def _workflow_keys(assembly: Assembly) -> list[str]:
    """Return the keys that declare workflows."""
    return [
        f"{PREFIX}{name.upper()}_WORKFLOW"
        for name, settings in assembly.by_flow.items()
        if settings.policy("").workflow
    ]


def _timer(app: Flask, chosen: Delivery) -> Timer:
    """Return who hands over what is due later: the queue of the host, or a thread. In tests, nobody does."""
    if isinstance(chosen, Timer):
        return chosen
    return NoTimer() if app.testing else ThreadTimer(app.app_context, lambda: _deliveries(app).deliver_due())


def _deliveries(app: Flask) -> Deliveries:
    """Return what there is when the app is complete."""
    found: Deliveries = app.extensions["otpauth"].services.deliveries
    return found


def _celery(app: Flask, clock: Clock) -> CeleryDelivery:
    """
    Return a delivery by the Celery app of the host.

    :raises ValueError: if there is none. Its text is a sentence for the start-up error.
    """
    if find_spec("celery") is None:
        raise ValueError("'celery' needs two extras: pip install 'flask-otpauth-server[celery,crypto]'")
    if "celery" not in app.extensions:
        raise ValueError(
            "'celery' needs your Celery app in app.extensions['celery'], as Flask's documentation shows. "
            "Make it before you call OtpAuth.init_app"
        )

    work = Work(
        app.app_context,
        lambda each: _deliveries(app).deliver(each),
        lambda: _deliveries(app).deliver_due(),
    )
    return CeleryDelivery(app.extensions["celery"], work, clock)
