"""What all parts of the wiring share: the app, its flows and settings, and the problems found so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flask import Flask
from flask_limiter import Limiter
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from flask_otpauth.inbox import Inbox
from flask_otpauth.settings import PREFIX, FlowSettings, Reader, Shared
from flask_otpauth.web.flow import AnyFlow
from flask_otpauth.wiring.flows import find_flows
from flask_otpauth.wiring.resolve import load_object
from flask_otpauth.wiring.serving import will_serve

T = TypeVar("T")


@dataclass
class Assembly:
    """One app while it is being wired."""

    app: Flask
    #: The arguments of the extension object.
    limiter: Limiter | None
    db: SQLAlchemy | Engine | None
    shared: Shared
    #: All flows by name.
    flows: Mapping[str, AnyFlow]
    #: The settings of each flow.
    by_flow: Mapping[str, FlowSettings]
    #: The names of the flows to register.
    registered: tuple[str, ...]
    #: The problems found so far. They are collected so that all of them are reported together.
    problems: list[str] = field(default_factory=list)
    #: Problems that only matter if this process serves requests.
    postponed: list[str] = field(default_factory=list)
    #: Where messages go in development.
    inbox: Inbox | None = None

    @classmethod
    def of(cls, app: Flask, limiter: Limiter | None, db: SQLAlchemy | Engine | None) -> Assembly:
        """Read the app's configuration."""
        reader = Reader(app.config)
        shared = reader.shared()
        flows, registered = find_flows(shared.flows, reader.problems)
        by_flow = reader.flows(shared, {name: flow.settings for name, flow in flows.items()}, registered)
        inbox = Inbox() if shared.dev_inbox else None
        return cls(app, limiter, db, shared, flows, by_flow, registered, reader.problems, inbox=inbox)

    @property
    def rules_sessions(self) -> str:
        """Return the flow whose settings say how long sessions are valid, or else the first flow."""
        return next(
            (name for name, flow in self.flows.items() if flow.session_policy), next(iter(self.flows))
        )

    def demand_to_serve(self, problems: list[str]) -> None:
        """Add problems that do not matter for a command that serves no requests, such as a migration."""
        (self.problems if will_serve() else self.postponed).extend(problems)

    def resolved(
        self, key: str, value: object, packaged: Mapping[str, Callable[[], T]], *methods: str
    ) -> T | None:
        """
        Return what a setting names.

        If it names nothing that has these ``methods``, add a problem and return ``None``.
        """
        try:
            return load_object(value, packaged, *methods)
        except ValueError as error:
            self.problems.append(f"{PREFIX}{key}: {error}")
            return None
