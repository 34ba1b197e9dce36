"""Each path is served by one operation; two on one path are a start-up error."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask_otpauth.engine.services import Services
from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring.assembly import Assembly


def problems(assembly: Assembly, services: Services) -> list[str]:
    """A sentence for each two settings that put something on one path, and for a view of the host there."""
    views = {_pattern(rule.rule): rule.endpoint for rule in assembly.app.url_map.iter_rules()}
    settings_of: dict[str, str] = {}
    found: dict[tuple[str, str], str] = {}
    for setting, path in _served(assembly, services):
        pattern = _pattern(path)
        earlier = settings_of.setdefault(pattern, setting)
        if earlier != setting:
            found.setdefault((setting, earlier), f"{setting}: {path!r} is also a path of {earlier}")
        elif pattern in views:
            view = views[pattern]
            found.setdefault((setting, ""), f"{setting}: the app already has the view {view!r} at {path!r}")
    return list(found.values())


def _served(assembly: Assembly, services: Services) -> Iterator[tuple[str, str]]:
    """Every path, with the setting that put it there."""
    for name in dict.fromkeys(assembly.flows):
        settings = assembly.by_flow[name]
        for operation in FLOWS[name].operations:
            if operation.enabled(settings, services):
                setting = operation.path_setting or "url_prefix"
                yield f"{PREFIX}{name.upper()}_{setting.upper()}", operation.path_in(settings)


def _pattern(path: str) -> str:
    """A path, whatever its variables are called and whether it ends with a slash."""
    return re.sub("<[^<>]*>", "<>", path).rstrip("/")
