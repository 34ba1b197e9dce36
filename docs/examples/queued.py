"""An app whose codes are sent by a Celery worker. The worker runs ``celery -A shop:celery_app worker``."""

from __future__ import annotations

from typing import Any

from celery import Celery, Task
from flask import Flask

from flask_otpauth import OtpAuth

otpauth = OtpAuth()


def celery_init_app(app: Flask) -> Celery:
    """As in Flask's documentation: each task has an app context."""

    class FlaskTask(Task):  # type: ignore[misc]
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery_app = Celery(app.name, task_cls=FlaskTask)
    celery_app.config_from_object(app.config["CELERY"])
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app


def create_app(config: dict[str, Any]) -> Flask:
    """Make the app, for the web server and for the worker."""
    app = Flask("shop")
    app.config["OTPAUTH_DELIVERY"] = "celery"
    app.config["CELERY"] = {
        "broker_url": "amqp://guest@127.0.0.1",
        "broker_transport_options": {"confirm_publish": True},
        "beat_schedule": {"otpauth": {"task": "flask_otpauth.deliver_due", "schedule": 60}},
    }
    app.config.from_mapping(config)
    celery_init_app(app)  # before OtpAuth, which adds its tasks
    otpauth.init_app(app)
    return app
