"""The apps that are compared. Both have the same paths, and the load is the same for both."""

from __future__ import annotations

from typing import Protocol

from flask import Flask

from bench import floor, product
from bench.databases import Unavailable
from flask_otpauth import ConfigurationError


class App(Protocol):
    """A module with an app."""

    def set_up(self, url: str) -> None:
        """Create the tables and the users."""

    def create_app(self, url: str | None = None) -> Flask:
        """Create the app on that database, or on the one that the environment names."""

    def close(self, app: Flask) -> None:
        """Close the connections of an app."""


#: By the name of the module. Ratios are to the first.
APPS: dict[str, App] = {"floor": floor, "product": product}


def set_up(app: App, url: str) -> None:
    """
    Create the tables and the users of an app.

    :raises Unavailable: if flask_otpauth does not support the database.
    """
    try:
        app.set_up(url)
    except ConfigurationError as error:
        if "not supported" not in error.problems[0]:
            raise
        raise Unavailable(f"flask_otpauth does not support it yet: {error.problems[0]}") from error
