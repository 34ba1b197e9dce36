"""Each path is served by one operation; two on one path are a start-up error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flask import Flask

from flask_otpauth.settings import PREFIX
from flask_otpauth.web.blueprint import Mount


def problems(app: Flask, mounts: Iterable[Mount]) -> list[str]:
    """A sentence for each two settings that put something on one path, and for a view of the host there."""
    views = {_pattern(rule.rule): rule.endpoint for rule in app.url_map.iter_rules()}
    settings_of: dict[str, str] = {}
    found: dict[tuple[str, str], str] = {}
    for setting, path in _served(mounts):
        pattern = _pattern(path)
        earlier = settings_of.setdefault(pattern, setting)
        if earlier != setting:
            found.setdefault((setting, earlier), f"{setting}: {path!r} is also a path of {earlier}")
        elif pattern in views:
            view = views[pattern]
            found.setdefault((setting, ""), f"{setting}: the app already has the view {view!r} at {path!r}")
    return list(found.values())


def _served(mounts: Iterable[Mount]) -> Iterator[tuple[str, str]]:
    """Every path, with the setting that put it there."""
    for mount in mounts:
        for part in (mount, *mount.companions):
            setting = f"{PREFIX}{part.flow.name.upper()}_{part.flow.prefix_setting.upper()}"
            for path in part.routes():
                yield setting, path


def _pattern(path: str) -> str:
    """A path, whatever its variables are called and whether it ends with a slash."""
    return re.sub("<[^<>]*>", "<>", path).rstrip("/")
