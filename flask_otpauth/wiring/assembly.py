"""What all parts of the wiring share: the app, its settings, and the problems found so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask_limiter import Limiter

from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import PREFIX, Shared, read
from flask_otpauth.wiring import resolve
from flask_otpauth.wiring.serving import will_serve


@dataclass
class Assembly:
    """
    One app being wired. ``problems`` are collected, so that all of them are told at once.

    ``postponed`` are those that matter only where requests are served. ``limiter`` and ``db`` are what
    the host gave the extension object.
    """

    app: Flask
    limiter: Limiter | None
    db: Any
    shared: Shared
    by_flow: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, app: Flask, limiter: Limiter | None, db: Any) -> Assembly:
        """Read the app's configuration."""
        shared, by_flow, problems = read(app.config, {name: flow.settings for name, flow in FLOWS.items()})
        return cls(app, limiter, db, shared, by_flow, problems)

    @property
    def flows(self) -> list[str]:
        """The flows to register that exist."""
        return [name for name in self.shared.flows if name in FLOWS]

    def demand_to_serve(self, problems: list[str]) -> None:
        """Add problems that are none for a command that sends nothing, such as a migration."""
        (self.problems if will_serve() else self.postponed).extend(problems)

    def resolved(self, key: str, value: Any, packaged: Mapping[str, Callable[[], Any]], *methods: str) -> Any:
        """What a setting names; a problem and ``None`` where it names nothing that has these ``methods``."""
        try:
            return resolve.load_object(value, packaged, *methods)
        except ValueError as error:
            self.problems.append(f"{PREFIX}{key}: {error}")
            return None
