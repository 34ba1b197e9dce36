"""The apps that are compared. Both have the same paths, and the load is the same for both."""

from __future__ import annotations

from typing import Protocol

from flask import Flask

from bench import floor, product


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
