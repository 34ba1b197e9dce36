"""Checks that no two operations have the same path, and that no view of the host has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flask import Flask

from flask_otpauth.settings import PREFIX
from flask_otpauth.web.blueprint import Mount


def problems(app: Flask, mounts: Iterable[Mount]) -> list[str]:
    """Return a sentence for each two settings with the same path, and for each view of the host on a path."""
    views = {_pattern(rule.rule): rule.endpoint for rule in app.url_map.iter_rules()}
    settings_of: dict[str, str] = {}
    found: dict[tuple[str, str], str] = {}
    for setting, path in _paths(mounts):
        pattern = _pattern(path)
        earlier = settings_of.setdefault(pattern, setting)
        if earlier != setting:
            found.setdefault((setting, earlier), f"{setting}: {path!r} is also a path of {earlier}")
        elif pattern in views:
            view = views[pattern]
            found.setdefault((setting, ""), f"{setting}: the app already has the view {view!r} at {path!r}")
    return list(found.values())


def _paths(mounts: Iterable[Mount]) -> Iterator[tuple[str, str]]:
    """Yield each path with the setting that its beginning comes from."""
    for mount in mounts:
        for part in (mount, *mount.companions):
            setting = f"{PREFIX}{part.flow.name.upper()}_{part.flow.prefix_setting.upper()}"
            for path in part.routes():
                yield setting, path


def _pattern(path: str) -> str:
    """Return a path without the names of its variables and without a slash at its end."""
    return re.sub("<[^<>]*>", "<>", path).rstrip("/")
